"""Random numbers equal to PyTorch's: same seed, same calls, same bits.

The functions fill NumPy arrays; the Tensor methods of the same names are built on them. What equals what:

* Every function here, and with them `torch.rand` and its kin, dropout, the samplers, `random_split`, the seeds of
  workers and all initialisation, gives the bytes of PyTorch's CPU generator and leaves the state it leaves. This
  holds on an x86-64 processor with AVX2 and FMA (without these, PyTorch itself rounds otherwise), where both
  libraries call the same C library for log, sin and company.
* `nn.init.orthogonal_` draws PyTorch's numbers; its result agrees to rounding, since it is a QR decomposition and
  LAPACK builds differ.
* With device="cuda" the numbers are these too: they are drawn on the host and moved, so that a seed means the same on
  every device. PyTorch's own CUDA streams are others; a tensor that PyTorch draws with a CPU generator and then moves
  is the same everywhere.
* There are no bfloat16 and no complex numbers, no `binomial`, no `DistributedSampler`, and none of
  `torch.distributions`.
"""

from minitorch.random.generator import (
    Generator,
    default_generator,
    fork_rng,
    get_rng_state,
    initial_seed,
    manual_seed,
    seed,
    set_rng_state,
)
from minitorch.random.integers import random_, randperm
from minitorch.random.multinomial import multinomial
from minitorch.random.normal import normal_
from minitorch.random.others import cauchy_, exponential_, geometric_, log_normal_
from minitorch.random.poisson import poisson
from minitorch.random.uniform import bernoulli_, slopes, uniform_

__all__ = [
    "Generator",
    "bernoulli_",
    "cauchy_",
    "default_generator",
    "exponential_",
    "fork_rng",
    "geometric_",
    "get_rng_state",
    "initial_seed",
    "log_normal_",
    "manual_seed",
    "multinomial",
    "normal_",
    "poisson",
    "random_",
    "randperm",
    "seed",
    "set_rng_state",
    "slopes",
    "uniform_",
]
