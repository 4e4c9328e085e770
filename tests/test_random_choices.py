"""Permutations, choices, counts: the indices that PyTorch draws."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_helpers import DTYPES, FLOATS, SIZES, assert_same, generators

from minitorch import random as R
from minitorch.random import integers, selection

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
@given(st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=60), st.sampled_from([0, 1, 7, 2**16]))
def test_exchanges_in_bulk_are_the_loop(chances, short):
    """Also for partners that no fair draw would give, such as one place for all steps; in rounds down to the last
    `short` places."""
    n = len(chances) + 1
    partners = [i + int(c * (n - i)) for i, c in enumerate(chances)]
    order = list(range(n))
    for i, k in enumerate(partners):
        order[i], order[k] = order[k], order[i]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(integers, "_SHORT", max(short, 1))
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


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_multinomial_of_equal_keys(dtype):
    """Weights of 0 have equal keys, and halves may have them by rounding."""
    p = np.array([0.5, 0, 2, 0, 1, 0, 0], dtype)
    for seed in range(5):
        g, h = generators(seed)
        assert_same(R.multinomial(p, 7, False, g), torch.multinomial(torch.from_numpy(p), 7, generator=h), g, h)
    for shape, count in (((300,), 300), ((3, 40), 40), ((2, 1000), 9), ((2, 1000), 700)):
        p = weights(shape, dtype, zeros=True)
        g, h = generators(0)
        assert_same(R.multinomial(p, count, False, g), torch.multinomial(torch.from_numpy(p), count, generator=h), g, h)


def check_largest(keys, k):
    assert selection.largest(keys, k).tolist() == torch.from_numpy(keys).topk(k).indices.tolist()


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from([0.0, 1.0, 2.0, 3.5, np.inf, np.nan]), min_size=1, max_size=300),
    st.floats(0, 1),
    st.sampled_from(["as it is", "rising", "falling", "organ pipes"]),
)
def test_equal_numbers_come_in_the_order_of_topk(keys, part, arrangement):
    if arrangement != "as it is":
        keys.sort(reverse=arrangement == "falling")
    if arrangement == "organ pipes":
        keys = keys[::2] + keys[1::2][::-1]
    check_largest(np.array(keys), 1 + int(part * (len(keys) - 1)))


@pytest.mark.parametrize("n", [64, 200, 5000])
def test_few_of_many_equal_numbers(n):
    keys = np.random.default_rng(n).integers(0, 9, n).astype(float)
    for k in (1, n // 65 + 1, n // 64, n // 64 + 1, n // 2, n):
        check_largest(keys, k)


class Rank:
    """A number that is fixed only when it must be, and then so that quicksort gains least (D. McIlroy, "A killer
    adversary for quicksort", Software: Practice and Experience 29, 1999)."""

    fixed = 0
    candidate = None

    def __init__(self):
        self.value = None

    def __gt__(self, other):
        if self.value is None and other.value is None:
            loser = self if self is Rank.candidate else other
            loser.value = Rank.fixed = Rank.fixed - 1
        if self.value is None:
            Rank.candidate = self
        elif other.value is None:
            Rank.candidate = other
        ours, theirs = (-math.inf if rank.value is None else rank.value for rank in (self, other))
        return ours > theirs


def test_where_selection_gives_up(monkeypatch):
    n = 1000
    monkeypatch.setattr(Rank, "fixed", 0)
    ranks = [Rank() for _ in range(n)]
    selection._select([(rank, i) for i, rank in enumerate(ranks)], n - 1)
    keys = np.array([rank.value or -n - 1.0 for rank in ranks])
    keys[keys.argmin()] = np.sort(keys)[1]  # without equal ones there is nothing to find out
    heaps = []
    heap = selection._heap_of_largest
    monkeypatch.setattr(selection, "_heap_of_largest", lambda *args: heaps.append(args) or heap(*args))
    check_largest(keys, n)
    assert heaps


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_where_sorting_gives_up(depth):
    items = [(int(rank), i) for i, rank in enumerate(np.random.default_rng(depth).permutation(400))]
    selection._sort(items, 0, 400, depth)
    selection._insert_all(items, 0, 400)
    assert [rank for rank, _ in items] == list(range(400))[::-1]


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
    r = np.array([1e10, 9e18, 1e19, 3e20, 1e30, 1e300, np.inf] * 9, np.float64)
    g, h = generators(0)
    assert_same(R.poisson(r, g), torch.poisson(torch.from_numpy(r), generator=h), g, h)
