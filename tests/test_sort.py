"""Sorting, searching, distinct values and counting against PyTorch; and reading along a dimension."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from reduce_helpers import array, compare

import minitorch
from minitorch.ops.along import put_along, take_along

inf, nan = math.inf, math.nan
DTYPES = ["float16", "float32", "float64", "uint8", "int8", "int16", "int32", "int64", "bool"]
EXAMPLES = settings(max_examples=60, deadline=None)
shapes = st.lists(st.integers(0, 4), max_size=3).map(tuple)
numbers = st.one_of(st.integers(-3, 3).map(float), st.sampled_from([nan, inf, -inf]))


def drawn(shape: tuple[int, ...], dtype: str, distinct: bool = False) -> np.ndarray:
    """Small numbers with many ties, or a permutation."""
    rng = np.random.default_rng(sum(shape))
    count = math.prod(shape)
    x = rng.permutation(count) if distinct else rng.integers(0, 4, count)
    return x.reshape(shape).astype(dtype)


# --- sort


@EXAMPLES
@given(shapes, st.integers(-3, 3), st.booleans(), st.sampled_from(DTYPES))
def test_sort(shape: tuple[int, ...], dim: int, descending: bool, dtype: str) -> None:
    x = drawn(shape, dtype)
    orders = 2 if dtype in ("float32", "float64") else 0
    compare(lambda lib, x: lib.sort(x, dim=dim, descending=descending, stable=True), x, orders=orders)
    compare(lambda lib, x: lib.argsort(x, dim=dim, descending=descending, stable=True), x, orders=0)
    compare(lambda lib, x: x.sort(dim, descending)[0], x, orders=orders)


@EXAMPLES
@given(st.lists(numbers, max_size=12), st.booleans())
def test_sort_puts_nan_behind_the_largest(values: list[float], descending: bool) -> None:
    compare(lambda lib, x: lib.sort(x, descending=descending, stable=True), np.array(values, "float32"))


def test_msort_and_defaults() -> None:
    compare(lambda lib, x: lib.msort(x), drawn((3, 4), "float64", True))
    compare(lambda lib, x: x.msort(), np.array(2.0), orders=1)
    compare(lambda lib, x: lib.argsort(x, 0, True), drawn((3, 4), "float64", True), orders=0)
    compare(lambda lib, x: lib.argsort(x, axis=0), drawn((3, 4), "float64", True), orders=0)


@EXAMPLES
@given(shapes, st.integers(-2, 5), st.integers(-3, 3), st.booleans(), st.sampled_from(DTYPES))
def test_topk_and_kthvalue(shape: tuple[int, ...], k: int, dim: int, flag: bool, dtype: str) -> None:
    x = drawn(shape, dtype, distinct=True)
    orders = 2 if dtype in ("float32", "float64") else 0
    if dtype != "bool":
        compare(lambda lib, x: lib.topk(x, k, dim, largest=flag), x, orders=orders)
        compare(lambda lib, x: lib.kthvalue(x, k, dim, flag), x, orders=orders)


def test_ties_are_named_in_their_order() -> None:
    x = minitorch.tensor([1.0, 3.0, 2.0, 3.0, 1.0])
    assert x.topk(3).indices.tolist() == [1, 3, 2]
    assert x.topk(3, largest=False).indices.tolist() == [0, 4, 2]
    assert [x.kthvalue(k).indices.item() for k in range(1, 6)] == [0, 4, 2, 1, 3]
    assert x.sort(descending=True).indices.tolist() == [1, 3, 2, 0, 4]
    assert minitorch.tensor([1.0, nan, 2.0]).topk(2).values.tolist()[1] == 2


@pytest.mark.parametrize("largest", [False, True])
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_topk_of_many_equals_the_start_of_sort(dim: int, largest: bool) -> None:
    rng = np.random.default_rng(0)
    for dtype in "float32", "int64", "uint8":
        ties = rng.integers(0, 30, (80, 90)).astype(dtype)
        for k in 1, 7, 20:
            compare(lambda lib, x, k=k: lib.topk(x, k, dim, largest)[0], ties, orders=0)
            x = minitorch.from_numpy(ties)
            top, whole = x.topk(k, dim, largest), x.sort(dim, descending=largest)
            assert minitorch.equal(top.indices, whole.indices.narrow(dim, 0, k))
            assert minitorch.equal(top.values, whole.values.narrow(dim, 0, k))
    distinct = rng.permutation(600).reshape(100, 6).astype("float64")
    compare(lambda lib, x: lib.topk(x, 5, 0, largest), distinct)
    distinct[3, 2] = nan
    compare(lambda lib, x: lib.topk(x, 5, 0, largest), distinct)


@pytest.mark.parametrize(
    "call",
    ["topk(x, 4)", "topk(x, -1)", "topk(x, 1, 5)", "topk(x > 0, 1)", "kthvalue(x, 0)", "kthvalue(x, 4)",
     "kthvalue(x[:0], 1, 0)", "kthvalue(x > 0, 1)", "sort(x, 0, True, True)", "sort(x, 2)", "argsort(x, -3)",
     "unique(x[:, :0], dim=0)", "unique(x, dim=2)", "histc(x, 0)", "histc(x, 3, 5, 1)", "histc(x.long())",
     "histc(x / 0, 3)", "bincount(x.long())", "bincount(x[0])", "bincount(-x[0].long())",
     "bincount(x[0].long(), minlength=-1)", "bincount(x[0].long(), x[0, :2])", "searchsorted(x, x[0])",
     "searchsorted(x[0, 0], x)", "searchsorted(x[0], x, side='up')", "searchsorted(x[0], x, right=True, side='left')",
     "searchsorted(x[0], x, sorter=x[0].long()[:2])", "bucketize(x, x)"],
)  # fmt: skip
def test_errors_are_of_pytorchs_type(call: str) -> None:
    x = 1 + np.arange(6, dtype="float32").reshape(2, 3)
    assert isinstance(compare(lambda lib, x: eval(f"lib.{call}", {"lib": lib, "x": x}), x, orders=0), Exception)


# --- distinct values


@EXAMPLES
@given(shapes, st.sampled_from(DTYPES), st.booleans(), st.integers(-3, 3), st.booleans())
def test_unique(shape: tuple[int, ...], dtype: str, consecutive: bool, dim: int, along: bool) -> None:
    name = "unique_consecutive" if consecutive else "unique"
    options = {"return_inverse": True, "return_counts": True, "dim": dim if along else None}
    if along and not shape:
        return  # PyTorch's unique has no slices of a 0-d tensor
    compare(lambda lib, x: getattr(lib, name)(x, **options), drawn(shape, dtype), orders=0)


def test_forms_of_unique() -> None:
    x = drawn((5, 2), "int64")
    for args in (), (True, True), (True, False, True), (False,), (True, False, False, 0):
        compare(lambda lib, x, args=args: _sorted(lib, lib.unique(x, *args)), x, orders=0)
    for values in ([1, nan, 3, nan, 1], [nan, nan]):
        compare(lambda lib, x: lib.unique(x, True, True, True), np.array(values, "float32"), orders=0)
        compare(lambda lib, x: lib.unique_consecutive(x, True, True), np.array(values, "float32"), orders=0)
    compare(lambda lib, x: lib.unique(x.T, return_inverse=True), x, orders=0)


def _sorted(lib: Any, result: Any) -> Any:
    return result if isinstance(result, tuple) or result.ndim > 1 else lib.sort(result)[0]


def test_unique_has_no_derivative() -> None:
    for lib in torch, minitorch:
        x = lib.ones(3).requires_grad_()
        with pytest.raises(NotImplementedError, match="the derivative for"):
            x.unique().sum().backward()


# --- search


@EXAMPLES
@given(st.lists(numbers, max_size=9), st.lists(numbers, max_size=5), st.booleans(), st.booleans())
def test_searchsorted(sequence: list[float], values: list[float], right: bool, in_order: bool) -> None:
    """Also of an unsorted sequence, and with NaN in it: the halving is PyTorch's."""
    boundaries = np.array(np.sort(sequence) if in_order else sequence, "float32")
    compare(lambda lib, s, v: lib.searchsorted(s, v, right=right), boundaries, np.array(values, "float32"), orders=0)
    compare(lambda lib, s, v: lib.bucketize(v, s, right=right), boundaries, np.array(values, "float32"), orders=0)


def test_forms_of_searchsorted() -> None:
    rows, values = np.sort(drawn((2, 3, 6), "float64")), drawn((2, 3, 4), "float64")
    compare(lambda lib, s, v: lib.searchsorted(s, v), rows, values, orders=0)
    compare(lambda lib, s, v: lib.searchsorted(s, v, side="right", out_int32=True), rows, values, orders=0)
    compare(lambda lib, s, v: lib.searchsorted(s[0, 0], v), rows, values, orders=0)
    compare(lambda lib, s: lib.searchsorted(s[0, 0], 2), rows, orders=0)
    compare(lambda lib, s: lib.bucketize(2.5, s[0, 0]), rows, orders=0)
    compare(lambda lib, s: lib.searchsorted(s.flip(-1), s, sorter=lib.argsort(s.flip(-1), stable=True)), rows, orders=0)
    compare(lambda lib, s, v: lib.searchsorted(s.long()[0, 0], v.long()), rows, values, orders=0)


# --- counts


@EXAMPLES
@given(
    st.lists(st.floats(-3, 3, width=32), max_size=30),
    st.integers(1, 9),
    st.sampled_from([(0, 0), (-1, 2), (1, 1), (-9, 9)]),
)
def test_histc(values: list[float], bins: int, limits: tuple[float, float]) -> None:
    compare(lambda lib, x: lib.histc(x, bins, *limits), np.array(values, "float32"), orders=0)


def test_histc_leaves_nan_out() -> None:
    compare(lambda lib, x: x.histc(3, 0, 3), np.array([1, nan, 2, inf, -inf, 3, 0]), orders=0)


def test_bincount() -> None:
    x = np.array([1, 4, 1, 0])
    for dtype in "uint8", "int32", "int64":
        compare(lambda lib, x: lib.bincount(x), x.astype(dtype), orders=0)
        compare(lambda lib, x: x.bincount(minlength=7), x.astype(dtype), orders=0)
    for dtype in "float32", "float64", "int64":
        compare(lambda lib, x, w: lib.bincount(x, w), x, np.array([1, 2, 3, 4], dtype), orders=0)
    compare(lambda lib, x: lib.bincount(x), x[:0], orders=0)


# --- along


@EXAMPLES
@given(st.lists(st.integers(1, 4), min_size=1, max_size=3), st.integers(0, 2), st.data())
def test_take_along_is_gather(shape: list[int], dim: int, data: Any) -> None:
    """Of an index that is smaller than the input elsewhere, with duplicates."""
    dim %= len(shape)
    size = [data.draw(st.integers(0, n)) for n in shape]
    index = np.random.default_rng(0).integers(0, shape[dim], size)

    def function(lib: Any, x: Any, i: Any) -> Any:
        return torch.gather(x, dim, i) if lib is torch else take_along(x, i, dim)

    compare(function, np.random.default_rng(1).normal(size=shape), index)


@pytest.mark.parametrize("lacking", [False, True])
def test_put_along_is_the_adjoint(lacking: bool) -> None:
    rng = np.random.default_rng(0)
    x, index = rng.normal(size=(3, 4, 2)), rng.integers(0, 4, (3, 2) if lacking else (3, 5, 2))
    v = rng.normal(size=index.shape)
    taken, put = take_along.array(x, index, 1), put_along.op.function(v, index, x.shape, 1)
    assert put.shape == x.shape
    np.testing.assert_allclose((taken * v).sum(), (x * put).sum())


def test_values_of_one_element_per_line() -> None:
    x = minitorch.arange(6.0).reshape(2, 3)
    index = minitorch.tensor([2, 0])
    assert array(take_along(x, index, 1)).tolist() == [2.0, 3.0]
