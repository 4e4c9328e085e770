"""Random numbers equal to PyTorch's: same seed, same calls, same bits.

The functions fill NumPy arrays; the Tensor methods of the same names are built on them. The numbers are those
of PyTorch's CPU generator on an x86-64 processor with AVX2 and FMA (without these, PyTorch itself rounds
otherwise), with the same C library. Equal keys in `multinomial` without replacement may come in another order.
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
from minitorch.random.uniform import bernoulli_, dropout_noise, uniform_

__all__ = [
    "Generator",
    "bernoulli_",
    "cauchy_",
    "default_generator",
    "dropout_noise",
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
    "uniform_",
]
