"""Random functions refuse what PyTorch refuses, with its type of error, before anything is drawn."""

import math
import warnings

import numpy as np
import pytest
import torch
from random_helpers import DTYPES, generators, raised, state_bytes

from minitorch import random as R

# --- errors: of PyTorch's type, before anything is drawn


NAN, INF = math.nan, math.inf
ERRORS = [
    *[("uniform_", d, a) for d in ("float32", "int64", "bool") for a in [(2, 1), (NAN, 1), (0, NAN), (-INF, 1)]],
    ("uniform_", "float32", (0, INF)), ("uniform_", "float32", (-3e38, 3e38)), ("uniform_", "float32", (0, 1e39)),
    ("uniform_", "float16", (0, 70000)), ("uniform_", "float16", (-60000, 60000)),
    ("uniform_", "float64", (-1e308, 1e308)), ("uniform_", "int64", ()), ("uniform_", "float32", ("a", 1)),
    *[("normal_", d, a) for d in ("float32", "int64") for a in [(0, -1), (0, NAN)]],
    ("normal_", "int64", ()), ("normal_", "bool", ()),
    *[("bernoulli_", d, (p,)) for d in ("float32", "int64", "bool") for p in (-0.1, 2, NAN)],
    *[
        ("random_", d, a)
        for d in ("float16", "float32", "float64", "int64", "int32", "int8", "uint8", "bool")
        for a in [
            (5, 5), (0, 0), (5, 3), (0, 2**70), (-(2**63) - 1, 5), (2.5, 7), (True, 7), (-300, 3), (0, 257), (0, 3),
            (0, 2**40), (0, 65536), (128, None), (256, None), (-1, None), (3, None), (2**31, None),
            (-(2**63), None), (2**24, None), (2**24 - 1, None), (2**53, None), (2**53 + 1, None), (0, 65505),
            (-(2**63), 2**63 - 1), ("a", 3),
        ]
    ],
    *[("exponential_", d, (a,)) for d in ("float32", "int64") for a in (0, -1, NAN)], ("exponential_", "bool", ()),
    *[("log_normal_", d, (1, a)) for d in ("float32", "int64") for a in (0, -1, NAN)], ("log_normal_", "int32", ()),
    *[("geometric_", d, (a,)) for d in ("float32", "int64") for a in (0, 1, -1, 1.5, NAN)],
    ("geometric_", "bool", (0.5,)), ("geometric_", "float32", ()),
    *[("cauchy_", d, (1, a)) for d in ("float32", "int64") for a in (0, -1, NAN)], ("cauchy_", "uint8", ()),
]  # fmt: skip


@pytest.mark.parametrize("size", [0, 20])
@pytest.mark.parametrize(("name", "dtype", "args"), ERRORS)
def test_errors(name, dtype, args, size):
    """Where PyTorch raises, its type of error; where it does not (an empty tensor, a wider type), no error."""
    g, h = generators(0)
    ours, theirs = np.zeros(size, dtype), torch.zeros(size, dtype=getattr(torch, dtype))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = raised(lambda: getattr(theirs, name)(*args, generator=h).numpy().tobytes())
        actual = raised(lambda: getattr(R, name)(ours, *args, generator=g).tobytes())
    assert actual == expected
    assert state_bytes(g) == state_bytes(h)


P = np.array
CHOICES = [
    (P([1.0, 1]), 0), (P([1.0, 1]), -1), (P([1.0, 1]), 3), (P([0.0, 0]), 1), (P([0.0, 0]), 2, True),
    (P([[1.0, 1], [0, 0]]), 1), (P([[1.0, 1], [0, 0]]), 2, True), (P([1.0, -1, 3]), 1), (P([1.0, -1, 3]), 2, True),
    (P([1.0, NAN]), 1), (P([1.0, INF]), 1), (P([1.0, NAN]), 2, True), (P([1.0, INF]), 2, True),
    (np.ones((2, 2, 2)), 1), (P(1.0), 1), (np.ones(0), 1), (np.ones((0, 3)), 4), (np.ones(3, int), 1),
    (np.ones(3, bool), 1), (P([1.0, 1]), 1.5), (P([1.0, 1]), True), (P([1.0, 1]), 1, 1),
    (np.ones(2**24 + 1, np.float16), 1),
]  # fmt: skip


@pytest.mark.parametrize("case", CHOICES, ids=range(len(CHOICES)))
def test_multinomial_errors(case):
    p, *args = case
    with pytest.raises((RuntimeError, TypeError)) as theirs:
        torch.multinomial(torch.from_numpy(p), *args)
    with pytest.raises(theirs.type):
        R.multinomial(p, *args)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_randperm_errors(dtype):
    for n in (0, 1, 128, 129, 256, 257, 2049, 2050, 32768, 32769, -1, 3.5, True, "a", None):
        theirs = raised(lambda n: torch.randperm(n, dtype=DTYPES[dtype]).shape, n)
        assert raised(lambda n: R.randperm(n, None, dtype).shape, n) == theirs, n


def test_poisson_and_bernoulli_errors():
    for rates in (P([-1.0]), P([NAN]), P([3.0, -1]), P([1, 2]), P([True])):
        with pytest.raises((RuntimeError, NotImplementedError)) as theirs:
            torch.poisson(torch.from_numpy(rates))
        with pytest.raises(theirs.type):
            R.poisson(rates)
    for p in (P([1.5]), P([NAN]), P([-0.5]), P([1]), P([True]), P([0.5] * 3)):
        with pytest.raises((RuntimeError, NotImplementedError)) as theirs:
            torch.zeros(5).bernoulli_(torch.from_numpy(p))
        with pytest.raises(theirs.type):
            R.bernoulli_(np.zeros(5, np.float32), p)


def test_a_generator_must_be_one():
    for call in (
        lambda: R.uniform_(np.zeros(3), generator=3),
        lambda: R.randperm(3, np.random.default_rng()),
        lambda: R.normal_(np.zeros(3), 0, 1, "cpu"),
        lambda: R.multinomial(np.ones(3), 1, False, 5),
    ):
        with pytest.raises(TypeError, match=r"argument 'generator' must be torch\.Generator, not"):
            call()
