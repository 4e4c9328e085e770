"""Permutations, choices, counts: the indices that PyTorch draws."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_helpers import DTYPES, FLOATS, SIZES, assert_same, generators, state_bytes

from minitorch import random as R
from minitorch.random import integers

# --- permutations, choices, counts


@pytest.mark.parametrize("dtype", [d for d in DTYPES if d.kind != "b"], ids=str)
def test_randperm(dtype):
    largest = np.iinfo(dtype).max + 1 if dtype.kind in "iu" else 2 ** (np.finfo(dtype).nmant + 1) + 1
    around_the_loop = (integers._LOOP - 1, integers._LOOP, integers._LOOP + 1, integers._LOOP + 2)
    for seed, n in itertools.product((0, -7), (*SIZES, 2, 3, 127, *around_the_loop, 65537, min(largest, 32768))):
        if n <= largest:
            g, h = generators(seed)
            assert_same(R.randperm(n, g, dtype), torch.randperm(n, generator=h, dtype=DTYPES[dtype]), g, h)


@settings(deadline=None)
@given(st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=60))
def test_exchanges_in_bulk_are_the_loop(chances):
    """Also for partners that no fair draw would give, such as one place for all steps."""
    n = len(chances) + 1
    partners = [i + int(c * (n - i)) for i, c in enumerate(chances)]
    order = list(range(n))
    for i, k in enumerate(partners):
        order[i], order[k] = order[k], order[i]
    assert integers._exchanged(np.array(partners)).tolist() == order


def weights(shape, dtype, zeros=False):
    p = np.random.default_rng(len(shape)).random(shape).astype(dtype)
    if zeros:
        p[..., 1::3] = 0
    return p


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("zeros", [False, True])
def test_multinomial_with_replacement(dtype, zeros):
    for shape in ((1,), (4,), (3, 5), (2, 1000)):
        for samples in (1, 2, 1000):
            p = weights(shape, dtype, zeros)
            g, h = generators(2)
            theirs = torch.multinomial(torch.from_numpy(p), samples, True, generator=h)
            assert_same(R.multinomial(p, samples, True, g), theirs, g, h)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_multinomial_without_replacement(dtype):
    for shape in ((1,), (4,), (3, 5), (2, 1000)):
        for samples in {1, (shape[-1] + 1) // 2, min(shape[-1], 50)}:
            p = weights(shape, dtype, zeros=True) if samples == 1 else weights(shape, dtype)
            for transposed in (False, True):
                q = np.asfortranarray(p) if transposed else p
                g, h = generators(2)
                theirs = torch.multinomial(torch.from_numpy(q), samples, generator=h)
                assert_same(R.multinomial(q, samples, False, g), theirs, g, h)


def test_multinomial_of_equal_keys_draws_the_same_set():
    """Only their order is open: zeros come last and in order, halves may be equal by rounding."""
    p = np.array([0.5, 0, 2, 0, 1], np.float32)
    g, h = generators(0)
    ours, theirs = R.multinomial(p, 5, False, g), torch.multinomial(torch.from_numpy(p), 5, generator=h)
    assert ours[:3].tolist() == theirs[:3].tolist()
    assert ours[3:].tolist() == [1, 3]
    p = weights((300,), np.float16)
    g, h = generators(0)
    ours, theirs = R.multinomial(p, 300, False, g), torch.multinomial(torch.from_numpy(p), 300, generator=h)
    assert sorted(ours.tolist()) == sorted(theirs.tolist()) == list(range(300))
    assert state_bytes(g) == state_bytes(h)


def test_multinomial_shapes():
    assert R.multinomial(np.ones((0, 3)), 2).shape == torch.multinomial(torch.ones(0, 3), 2).shape == (0, 2)
    broadcast = np.broadcast_to(np.ones(5, np.float32), (3, 5))
    g, h = generators(1)
    theirs = torch.multinomial(torch.ones(5).expand(3, 5), 2, generator=h)
    assert_same(R.multinomial(broadcast, 2, False, g), theirs, g, h)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_poisson(dtype):
    for rates in ([], [0, 0.5, 3, 9.99], [10, 12, 50, 1000], [0, 5, 20, 0, 7, 60000], [3e4] * 20):
        r = np.array(rates * 40, dtype).reshape(40, -1)
        for transposed in (False, True):
            g, h = generators(len(rates))
            r, t = (r.T, torch.from_numpy(r).t()) if transposed else (r, torch.from_numpy(r))
            assert_same(R.poisson(r, g), torch.poisson(t, generator=h), g, h)
    r = np.array([1e10, 1e30, np.inf], np.float64)
    g, h = generators(0)
    assert_same(R.poisson(r, g), torch.poisson(torch.from_numpy(r), generator=h), g, h)
