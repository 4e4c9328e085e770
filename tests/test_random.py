"""Filling arrays at random: the bytes that PyTorch draws, and the state that it leaves behind."""

import itertools
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_helpers import DTYPES, FLOATS, SEEDS, SIZES, assert_same, draw_pair, generators

from minitorch import random as R
from minitorch.random import fill

FILLS = [
    ("uniform_", (), FLOATS),
    ("uniform_", (-0.037, 0.037), FLOATS),  # symmetric
    ("uniform_", (0, 5), FLOATS),
    ("uniform_", (1.5, 2.75), FLOATS),
    ("uniform_", (-3.3, -1.1), FLOATS),
    ("uniform_", (1e-3, 6e4), FLOATS),  # sums that float64 cannot hold
    ("uniform_", (2, 2), FLOATS),
    ("normal_", (), FLOATS),
    ("normal_", (1, 2), FLOATS),
    ("normal_", (-0.3, 0.7), FLOATS),
    ("normal_", (0, 0.02), FLOATS),
    ("normal_", (3, 0), FLOATS),
    ("normal_", (0, 0), FLOATS),  # no zero is negative
    ("normal_", (0, -0.0), FLOATS),
    ("normal_", (0, 5e-324), FLOATS),  # but one that was rounded to 0 may be
    ("normal_", (1e300, 1e305), FLOATS),
    ("normal_", (0, 1e6), FLOATS),  # overflows float16
    ("bernoulli_", (), DTYPES),
    ("bernoulli_", (0.3,), DTYPES),
    ("bernoulli_", (0,), DTYPES),
    ("bernoulli_", (1,), DTYPES),
    ("random_", (), DTYPES),
    ("random_", (0, 2), DTYPES),
    ("random_", (0, 100), [d for d in DTYPES if d.kind != "b"]),
    ("random_", (7, None), [d for d in DTYPES if d.kind != "b"]),
    ("random_", (1, None), [np.dtype(bool)]),
    ("random_", (-9, 5), [d for d in DTYPES if d.kind in "fi"]),
    ("random_", (0, 2**28 - 1), [np.dtype(t) for t in ("int32", "int64", "float64")]),
    ("random_", (0, 2**28), [np.dtype(t) for t in ("int32", "int64", "float64")]),
    ("random_", (-(2**31), 2**31), [np.dtype(t) for t in ("int32", "int64", "float64")]),
    ("random_", (-(2**63), None), [np.dtype(t) for t in ("int64", "float32", "float64")]),
    ("random_", (-(2**63), 2**63 - 1), [np.dtype("int64")]),
    ("random_", (-1, None), [np.dtype("int64")]),
    ("exponential_", (), FLOATS),
    ("exponential_", (2.5,), FLOATS),
    ("exponential_", (1e-300,), FLOATS),  # overflows
    ("log_normal_", (), FLOATS),
    ("log_normal_", (0.1, 0.5), FLOATS),
    ("log_normal_", (0, 1000), FLOATS),  # overflows
    ("geometric_", (0.3,), [d for d in DTYPES if d.kind != "b"]),
    ("geometric_", (0.999,), [d for d in DTYPES if d.kind != "b"]),
    ("cauchy_", (), FLOATS),
    ("cauchy_", (0.3, 2), FLOATS),
]
CASES = [pytest.param(n, a, d, id=f"{n}{a}-{d}") for n, a, kinds in FILLS for d in kinds]


@pytest.mark.parametrize(("name", "args", "dtype"), CASES)
def test_fills(name, args, dtype):
    for seed, n in itertools.product(SEEDS, SIZES):
        if n > 1000 and seed != 42:
            continue
        g, h = generators(seed)
        ours, theirs = np.zeros(n, dtype), torch.zeros(n, dtype=DTYPES[dtype])
        draw_pair(name, args, ours, theirs, g, h)
        assert_same(ours, theirs, g, h)


@pytest.mark.parametrize("name", ["uniform_", "normal_", "bernoulli_", "random_", "log_normal_"])
@pytest.mark.parametrize("n", [fill.PIECE - 1, fill.PIECE, fill.PIECE + 1, 2 * fill.PIECE + 15])
def test_pieces_join_without_a_seam(name, n):
    for dtype in FLOATS:
        g, h = generators(3)
        ours, theirs = np.zeros(n, dtype), torch.zeros(n, dtype=DTYPES[dtype])
        draw_pair(name, (), ours, theirs, g, h)
        assert_same(ours, theirs, g, h)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_random_where_the_bounds_are_no_floats(dtype):
    """Bounds move to what the type can hold, and PyTorch warns."""
    limit = 2 ** (np.finfo(dtype).nmant + 1)
    around = [limit + i for i in (-1, 0, 1, 2, 3)]
    around += [2 * limit + 1, 2 * limit + 4, 4 * limit + 3, 4 * limit + 4, 4 * limit + 7]
    bounds = [(0, b) for b in around] + [(-b, 3) for b in around] + [(-limit - 3, limit + 3)]
    if dtype != np.float16:
        bounds += [(0, 2**63 - 1), (-(2**63), 2**63 - 1), (-(2**63) + 1, 5), (2**62 + 1, 2**63 - 1)]
    for low, high in bounds:
        g, h = generators(1)
        ours, theirs = np.zeros(50, dtype), torch.zeros(50, dtype=DTYPES[dtype])
        with warnings.catch_warnings(record=True) as our_warnings:
            warnings.simplefilter("always")
            R.random_(ours, low, high, g)
        with warnings.catch_warnings(record=True) as their_warnings:
            warnings.simplefilter("always")
            theirs.random_(low, high, generator=h)
        assert_same(ours, theirs, g, h)
        kinds = [[w.category for w in given] for given in (our_warnings, their_warnings)]
        assert kinds[0] == kinds[1], (low, high)


# --- memory order


LAYOUTS = [
    ("uniform_", (-1, 3)), ("normal_", (1, 2)), ("bernoulli_", (0.4,)), ("random_", (0, 2)),
    ("exponential_", ()), ("log_normal_", ()), ("geometric_", (0.5,)), ("cauchy_", ()),
]  # fmt: skip


@settings(deadline=None)
@given(
    st.lists(st.integers(1, 5), min_size=1, max_size=4), st.randoms(use_true_random=False),
    st.sampled_from(LAYOUTS), st.sampled_from(FLOATS),
)  # fmt: skip
def test_strided_fills_follow_memory(shape, chance, fill_and_args, dtype):
    order = chance.sample(range(len(shape)), len(shape))
    cuts = tuple(slice(chance.randint(0, 1), None, chance.randint(1, 2)) for _ in shape)
    ours, theirs = np.zeros(shape, dtype), torch.zeros(shape, dtype=DTYPES[dtype])
    g, h = generators(5)
    draw_pair(*fill_and_args, ours.transpose(order)[cuts], theirs.permute(order)[cuts], g, h)
    assert_same(ours, theirs, g, h)


def test_a_large_transposed_normal_is_drawn_pair_by_pair():
    ours, theirs = np.zeros((300, 257), np.float32), torch.zeros(300, 257)
    g, h = generators(8)
    draw_pair("normal_", (), ours.T, theirs.t(), g, h)
    assert_same(ours, theirs, g, h)


def test_repeated_memory_is_refused():
    ours = np.lib.stride_tricks.as_strided(np.zeros(1), (4,), (0,))
    theirs = torch.zeros(1, dtype=torch.float64).expand(4)
    for name, args in LAYOUTS:
        with pytest.raises(RuntimeError, match="single memory location"):
            getattr(theirs, name)(*args)
        with pytest.raises(RuntimeError, match="single memory location"):
            getattr(R, name)(ours, *args)
    with pytest.raises(RuntimeError, match="single memory location"):
        R.bernoulli_(ours, np.full(4, 0.5))


# --- probabilities in an array


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("kind", FLOATS, ids=str)
def test_bernoulli_of_an_array(dtype, kind):
    chance = np.random.default_rng(0)
    for out_shape, p_shape in [((1000,), (1000,)), ((4, 5), (5,)), ((4, 5), ()), ((0,), (0,)), ((3, 1), (1, 1))]:
        p = chance.random(p_shape).astype(kind).reshape(p_shape)
        for transposed in (False, True):
            g, h = generators(6)
            ours, theirs = np.zeros(out_shape, dtype), torch.zeros(out_shape, dtype=DTYPES[dtype])
            view, their_view = (ours.T, theirs.T) if transposed and len(out_shape) == 2 else (ours, theirs)
            if view.shape != out_shape and p.ndim:
                p = np.full(1, 0.3, kind)
            R.bernoulli_(view, p, g)
            their_view.bernoulli_(torch.from_numpy(np.array(p)), generator=h)
            assert_same(ours, theirs, g, h)


# --- sequences of calls on one generator


@st.composite
def calls(draw):
    kind = draw(st.sampled_from(["fill", "fill", "fill", "randperm", "multinomial", "poisson", "seed"]))
    n = draw(st.one_of(st.integers(0, 40), st.sampled_from([624, 1000])))
    if kind == "fill":
        name, args, kinds = draw(st.sampled_from(FILLS))
        return kind, name, args, draw(st.sampled_from(sorted(kinds, key=str))), n, draw(st.booleans())
    return kind, n


@settings(max_examples=60, deadline=None)
@given(st.integers(-(2**63), 2**64 - 1), st.lists(calls(), max_size=8))
def test_mixed_sequences(seed, sequence):
    g, h = generators(seed)
    for kind, *rest in sequence:
        if kind == "fill":
            name, args, dtype, n, transposed = rest
            ours, theirs = np.zeros((n, 2), dtype), torch.zeros(n, 2, dtype=DTYPES[dtype])
            views = (ours.T, theirs.t()) if transposed else (ours, theirs)
            draw_pair(name, args, *views, g, h)
        elif kind == "randperm":
            ours, theirs = R.randperm(rest[0], g), torch.randperm(rest[0], generator=h)
        elif kind == "multinomial":
            p = np.arange(1.0, 6.0)
            ours = R.multinomial(p, rest[0] + 2, True, g)
            theirs = torch.multinomial(torch.from_numpy(p), rest[0] + 2, True, generator=h)
        elif kind == "poisson":
            rates = np.linspace(0, 30, rest[0])
            ours, theirs = R.poisson(rates, g), torch.poisson(torch.from_numpy(rates), generator=h)
        else:
            g.manual_seed(rest[0])
            h.manual_seed(rest[0])
            continue
        assert_same(ours, theirs, g, h)


def test_the_second_normal_of_a_pair_waits_for_the_next_call():
    g, h = generators(0)
    for dtype, n in (("float32", 1), ("float64", 2), ("float32", 100), ("float16", 3), ("float64", 1)):
        ours, theirs = np.zeros(n, dtype), torch.zeros(n, dtype=getattr(torch, dtype))
        draw_pair("normal_", (), ours, theirs, g, h)
        assert_same(ours, theirs, g, h)
    waiting = R.Generator()
    waiting.set_state(g.get_state())
    assert waiting.cached_normal is not None
    assert waiting.cached_normal == g.cached_normal
    assert g.manual_seed(0).cached_normal is None
