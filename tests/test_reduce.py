"""Reductions, running sums and statistics against PyTorch."""

from __future__ import annotations

import math
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from reduce_helpers import array, compare

import minitorch
from minitorch.ops.dims import wrap_dim, wrap_dims
from minitorch.summation import total

inf, nan = math.inf, math.nan
FLOATS = ["float16", "float32", "float64"]
DTYPES = [*FLOATS, "uint8", "int8", "int16", "int32", "int64", "bool"]
EXAMPLES = settings(max_examples=60, deadline=None)


def real(shape: tuple[int, ...], dtype: str = "float64", seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-2, 2, shape).astype(dtype)


def tied(shape: tuple[int, ...], dtype: str = "float64", seed: int = 0) -> np.ndarray:
    """Small integers: many are equal, some are 0."""
    return np.random.default_rng(seed).integers(0 if dtype in ("uint8", "bool") else -2, 3, shape).astype(dtype)


# --- every reduction over drawn shapes and dimensions

OVER_DIMS: dict[str, Callable[..., Any]] = {
    name: (lambda lib, x, dim, keepdim, name=name: getattr(lib, name)(x, dim, keepdim))
    for name in ["sum", "mean", "nansum", "nanmean", "amax", "amin", "any", "all", "logsumexp"]
}
OVER_DIMS["var"] = lambda lib, x, dim, keepdim: lib.var(x, dim, keepdim=keepdim)
OVER_DIMS["std"] = lambda lib, x, dim, keepdim: lib.std(x, dim, correction=0, keepdim=keepdim)
OVER_DIMS["std_mean"] = lambda lib, x, dim, keepdim: lib.std_mean(x, dim, keepdim=keepdim)
OVER_DIMS["var_mean"] = lambda lib, x, dim, keepdim: lib.var_mean(x, dim, correction=0.5, keepdim=keepdim)
OVER_DIMS["norm"] = lambda lib, x, dim, keepdim: lib.norm(x, 2, dim, keepdim)
OVER_DIMS["norm3"] = lambda lib, x, dim, keepdim: lib.norm(x, 3, dim, keepdim)
OVER_DIMS["norm inf"] = lambda lib, x, dim, keepdim: lib.norm(x, inf, dim, keepdim)
OVER_DIMS["count_nonzero"] = lambda lib, x, dim, keepdim: lib.count_nonzero(x, dim)

OVER_DIM: dict[str, Callable[..., Any]] = {
    name: (lambda lib, x, dim, keepdim, name=name: getattr(lib, name)(x, dim, keepdim))
    for name in ["prod", "max", "min", "argmax", "argmin", "median", "nanmedian", "mode"]
}
OVER_DIM["aminmax"] = lambda lib, x, dim, keepdim: lib.aminmax(x, dim=dim, keepdim=keepdim)
OVER_DIM["kthvalue"] = lambda lib, x, dim, keepdim: lib.kthvalue(x, 1, dim, keepdim)
ALONG: dict[str, Callable[..., Any]] = {
    name: (lambda lib, x, dim, keepdim, name=name: getattr(lib, name)(x, dim))
    for name in ["cumsum", "cumprod", "cummax", "cummin", "logcumsumexp"]
}
# PyTorch leaves open which of equal elements these name; which one minitorch names is tested further down.
UNORDERED = {"kthvalue", "median", "nanmedian", "mode"}
shapes = st.lists(st.integers(0, 4), max_size=4).map(tuple)


@st.composite
def shape_and_dims(draw: Any) -> tuple[tuple[int, ...], Any]:
    shape = draw(shapes)
    if draw(st.integers(0, 9)) == 0:
        return shape, draw(st.integers(-6, 6))
    dims = draw(st.lists(st.integers(0, max(len(shape) - 1, 0)), unique=True, min_size=1, max_size=3))
    dims = [d - max(len(shape), 1) if draw(st.booleans()) else d for d in dims]
    return shape, draw(st.sampled_from([None, dims[0], tuple(dims)]))


@EXAMPLES
@given(shape_and_dims(), st.booleans(), st.sampled_from(DTYPES), st.sampled_from(sorted(OVER_DIMS)))
def test_over_any_dimensions(shaped: Any, keepdim: bool, dtype: str, name: str) -> None:
    shape, dim = shaped
    x = real(shape, dtype) if dtype in FLOATS else tied(shape, dtype)
    if name == "logsumexp" and (dim is None or dtype == "float16"):
        return  # PyTorch's float16 logsumexp rounds in between
    compare(lambda lib, x: OVER_DIMS[name](lib, x, dim, keepdim), x, orders=0 if dtype == "float16" else 2)


@EXAMPLES
@given(shape_and_dims(), st.booleans(), st.sampled_from(DTYPES), st.sampled_from(sorted(OVER_DIM | ALONG)))
def test_over_one_dimension(shaped: Any, keepdim: bool, dtype: str, name: str) -> None:
    shape, dim = shaped
    dim = dim[0] if isinstance(dim, tuple) else -1 if dim is None else dim
    count = math.prod(shape)
    x = np.random.default_rng(0).permutation(count).reshape(shape)
    if name in UNORDERED and (dtype == "bool" or count > 127):
        return
    if dtype not in ("uint8", "bool"):
        x = x - count // 3
    if "cumsumexp" in name and dtype == "float16":
        return
    if name in ("cummax", "cummin") and not count:
        return  # PyTorch does not look at `dim` then
    function = (OVER_DIM | ALONG)[name]
    x = (x + 0.1) * 0.25 if dtype in FLOATS else x
    compare(lambda lib, x: function(lib, x, dim, keepdim), x.astype(dtype), orders=0 if dtype == "float16" else 2)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["sum", "prod", "max", "min", "amax", "any", "all", "count_nonzero", "nansum"])
def test_over_all_in_every_dtype(name: str, dtype: str) -> None:
    compare(lambda lib, x: getattr(lib, name)(x), tied((3, 4), dtype), orders=0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["sum", "mean", "prod", "max", "min", "amax", "amin", "std", "var", "norm", "median"])
@pytest.mark.parametrize("shape", [(), (1,), (5,), (2, 3, 4)])
def test_over_all_to_second_order(name: str, shape: tuple[int, ...], dtype: str) -> None:
    compare(lambda lib, x: getattr(lib, name)(x), real(shape, dtype))
    compare(lambda lib, x: getattr(x, name)(), real(shape, dtype, 1))


@pytest.mark.parametrize("name", ["sum", "prod", "mean", "nansum", "cumsum", "cumprod"])
@pytest.mark.parametrize("source", ["float32", "int64", "bool"])
@pytest.mark.parametrize("target", ["float64", "float16", "int32", "uint8", "bool"])
def test_dtype_argument(name: str, source: str, target: str) -> None:
    if (name, target) == ("nansum", "bool"):
        return  # PyTorch's sum in bool is "any", its nansum refuses
    options = (0,) if name.startswith("cum") else ()
    x = np.abs(tied((3, 2), source))
    function = lambda lib, x: getattr(lib, name)(x, *options, dtype=getattr(lib, target))
    compare(function, x, orders=2 if target.startswith("float") else 0, tolerance=3e-3 if target == "float16" else None)


# --- ties, NaN, zeros, infinities


@pytest.mark.parametrize(
    "name",
    ["max", "min", "amax", "amin", "aminmax", "median", "nanmedian", "norm inf", "norm -inf", "max 0", "min 0",
     "mode 0", "median 0", "nanmedian 0", "cummax 0", "cummin 0", "argmax 0", "argmin 0", "sort 0", "std 0",
     "nansum 0"],
)  # fmt: skip
@pytest.mark.parametrize(
    "values",
    [[1, 3, 3, 1, 2], [-3, 3, 0, -3, 3], [2, 2, 2, 2], [0, 0], [5], [1, nan, 3, nan], [nan], [inf, 1, inf, -inf]],
)
def test_ties_and_nan(name: str, values: list[float]) -> None:
    def function(lib: Any, x: Any) -> Any:
        if name.startswith("norm"):
            return lib.norm(x, float(name[5:]))
        return getattr(lib, name.split()[0])(x, *[0] * name.endswith(" 0"))

    compare(function, np.array(values, "float64"))


def test_the_first_of_ties_is_named() -> None:
    x = minitorch.tensor([[1.0, 2.0, 2.0, 1.0]])
    for name, index in [("max", 1), ("min", 0), ("median", 3), ("mode", 3), ("nanmedian", 3)]:
        assert getattr(x, name)(1).indices.item() == index, name
    assert minitorch.ones(100).mode().indices.item() == 99
    assert minitorch.ones(100).median(0).indices.item() == 49


@pytest.mark.parametrize(
    "values", [[2, 3, 4], [2, 0, 4], [0, 0, 4], [0, 0, 0], [5], [0], [-1, 0.5, 0, 2], [1, nan, 2], [2, inf]]
)
@pytest.mark.parametrize("name", ["prod", "prod 0", "cumprod 0"])
def test_products_with_zeros(name: str, values: list[float]) -> None:
    compare(lambda lib, x: getattr(lib, name.split()[0])(x, *[0] * name.endswith("0")), np.array(values, "float64"))


@pytest.mark.parametrize("name", ["prod", "cumprod"])
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_products_of_rows_some_with_zeros(name: str, dim: int) -> None:
    x = real((3, 4, 2))
    x[0, 1], x[2, 3, 0], x[1, 0, 1], x[1, 2, 1] = 0, 0, 0, 0
    compare(lambda lib, x: getattr(lib, name)(x, dim), x)


def test_products_to_third_order() -> None:
    for name in "prod", "cumprod":
        compare(lambda lib, x, name=name: getattr(lib, name)(x, 0), np.array([1.0, 0, 2, 0, 3]), orders=3)


@pytest.mark.parametrize(
    "values", [[-inf, -inf], [-inf, 0], [inf, 0], [inf, inf], [nan, 0], [1e4, 1e4 + 1], [-1e4, 0, 1e4]]
)
def test_log_of_sums_at_the_limits(values: list[float]) -> None:
    compare(lambda lib, x: lib.logsumexp(x, 0), np.array(values, "float64"))
    compare(lambda lib, x: lib.logcumsumexp(x, 0), np.array(values, "float64"), orders=1)


def test_logsumexp_of_integers() -> None:
    for dtype in "int64", "bool":
        compare(lambda lib, x: lib.logsumexp(x, 0), tied((3, 2), dtype))


# --- standard deviation


@pytest.mark.parametrize("values", [[1, 1], [2], [1, 2, 4], [1, inf], []])
@pytest.mark.parametrize("correction", [0, 1, 2, 3, 0.5])
@pytest.mark.parametrize("name", ["var", "std"])
def test_corrections(name: str, values: list[float], correction: float) -> None:
    compare(lambda lib, x: getattr(lib, name)(x, correction=correction), np.array(values, "float64"))
    compare(lambda lib, x: getattr(lib, name)(x, 0, correction=correction), np.array(values, "float64"))


@pytest.mark.parametrize("name", ["var", "std", "var_mean", "std_mean"])
def test_forms_of_unbiased(name: str) -> None:
    x = real((3, 4))
    calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
        ((False,), {}), ((True,), {}), ((0, False), {}), (((0, 1), False, True), {}), ((), {"unbiased": False}),
        ((1,), {"unbiased": True, "keepdim": True}), ((None,), {"correction": 0, "keepdim": True}),
        ((), {"axis": 0, "keepdims": True}), ((0,), {"correction": 0, "unbiased": True}), ((True, True), {}),
    ]  # fmt: skip
    for args, options in calls:
        compare(lambda lib, x, args=args, options=options: getattr(lib, name)(x, *args, **options), x)


def test_std_of_one_element_warns() -> None:
    for lib in torch, minitorch:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)
            assert math.isnan(lib.tensor([1.0]).std().item())
        assert [str(w.message).startswith("std(): degrees of freedom is <= 0") for w in caught] == [True]


# --- norms


@pytest.mark.parametrize("p", [0, 0.5, 1, 1.5, 2, 2.5, 3, 4, inf, -inf, -1, -2, "fro", None])
@pytest.mark.parametrize("values", [[0, 0], [0, 3], [-3, 4, 1], [0], [-2, 2, -2]])
def test_norms(p: Any, values: list[float]) -> None:
    compare(lambda lib, x: lib.norm(x, p), np.array(values, "float64"))
    compare(lambda lib, x: x.norm(p, 0, True), np.array([values, values], "float64"), orders=1)


def test_dist() -> None:
    for p in 0, 1, 2, 3, inf:
        orders = 2 if p in (2, 3) else int(p > 0)  # PyTorch itself fails beyond
        compare(lambda lib, a, b, p=p: lib.dist(a, b, p), real((2, 3)), real((3,), seed=1), orders=orders)
    compare(lambda lib, a, b: lib.dist(a, b), real((3,)), real((3,)), orders=1)  # at 0


def test_norm_refuses_what_it_cannot_do() -> None:
    x = minitorch.ones(2, 2)
    with pytest.raises(NotImplementedError, match="'nuc'"):
        x.norm("nuc")
    with pytest.raises(RuntimeError, match="floating point or complex tensor as input"):
        minitorch.ones(2, dtype=minitorch.int64).norm()
    assert minitorch.norm(x, dtype=minitorch.float64).dtype is minitorch.float64
    for p in inf, -inf, -1, 0, 1, 2:
        compare(lambda lib, x, p=p: lib.norm(x, p), real((0,)))
        compare(lambda lib, x, p=p: lib.norm(x, p, 1), real((0, 3)))
        compare(lambda lib, x, p=p: lib.norm(x, p, 0), real((0, 3)))


# --- order statistics


@pytest.mark.parametrize("interpolation", ["linear", "lower", "higher", "midpoint", "nearest"])
@pytest.mark.parametrize("dim", [None, 0, 1, -1])
@pytest.mark.parametrize("keepdim", [False, True])
def test_quantiles(interpolation: str, dim: Any, keepdim: bool) -> None:
    def vector(lib: Any, x: Any) -> Any:
        q = lib.tensor([0.0, 0.1, 0.45, 0.5, 1.0], dtype=x.dtype)
        return lib.quantile(x, q, dim, keepdim, interpolation=interpolation)

    for dtype in "float32", "float64":
        compare(vector, real((4, 5, 3), dtype))
        compare(lambda lib, x: x.quantile(0.3, dim, keepdim, interpolation=interpolation), real((2, 5), dtype))


def test_quantiles_of_nan_and_single_elements() -> None:
    x = np.array([[1, nan, 3, 0], [nan, nan, nan, nan], [4, 3, 2, 1]])
    compare(lambda lib, x: lib.quantile(x, 0.4, 1), x, orders=0)
    compare(lambda lib, x: lib.nanquantile(x, 0.4, 1), x, orders=0)
    compare(lambda lib, x: lib.nanquantile(x, lib.tensor([0.4, 1.0], dtype=x.dtype), 0, True), x, orders=0)
    compare(lambda lib, x: lib.quantile(x, 0.4, 0, True), np.array(3.0))
    compare(lambda lib, x, q: lib.quantile(x, q), real((5,)), np.array([0.3, 0.8]))  # q has a gradient too


@pytest.mark.parametrize(
    "call",
    ["quantile(x, 1.5)", "quantile(x.long(), 0.5)", "quantile(x[:0], 0.5)", "quantile(x, 0.5, interpolation='cubic')",
     "quantile(x, lib.ones(1, 1))", "quantile(x, lib.ones(1).double())", "quantile(x, lib.ones(1) * 2)",
     "median(x > 0)", "mode(x[:0], 0)", "mode(x, 2)", "median(x[:0], 0)", "max(x[:0])", "max(x[:0], 0)",
     "argmax(x[:0])", "argmax(x[:0], 0)", "argmax(x > 0)", "amax(x[:0])", "amin(x[:0], 0)", "aminmax(x[:0])",
     "aminmax(x[:0], dim=0)", "aminmax(x, 0)", "mean(x.long())", "mean(x > 0, 0)", "mean(x, dtype=lib.int64)",
     "std(x.long())", "sum(x, 5)", "sum(x, (0, 0))", "sum(x, (0, -2))", "sum(x, 1.0)", "sum(x, True)", "sum(x, 'a')",
     "prod(x, (0, 1))", "cumsum(x)", "cumsum(x, 3)", "cumsum(x, (0,))", "logcumsumexp(x.long(), 0)", "logsumexp(x)",
     "logsumexp(x, None)", "max(x, 1.0)", "max(x, (0, 1))", "any(x, (0, 0))", "nanmean(x.long())",
     "dist(x.long(), x.long())"],
)  # fmt: skip
def test_errors_are_of_pytorchs_type(call: str) -> None:
    error = compare(lambda lib, x: eval(f"lib.{call}", {"lib": lib, "x": x}), real((2, 3), "float32"), orders=0)
    assert isinstance(error, Exception)


def test_messages() -> None:
    x = minitorch.ones(2, 3)
    for call, words in {
        "x.sum(5)": r"Dimension out of range \(expected to be in range of \[-2, 1\], but got 5\)",
        "x[0, 0].sum(1)": r"expected to be in range of \[-1, 0\], but got 1",
        "x.sum((0, -2))": "dim 0 appears multiple times in the list of dims",
        "x.long().mean()": "could not infer output dtype. Input dtype must be .* Got: Long",
        "x[:0].max()": "Expected reduction dim to be specified for input.numel",
        "x[:0].amax(0)": r"amax\(\): Expected reduction dim 0 to have non-zero size",
        "lib.max(x, 0, out=x)": "'out'",
        "x.sum(out=x)": "'out'",
    }.items():
        with pytest.raises(Exception, match=words):
            eval(call, {"x": x, "lib": minitorch})


# --- names, forms, results


@pytest.mark.parametrize(
    "call",
    ["sum()", "sum(0)", "sum(axis=0, keepdims=True)", "mean()", "mean(dim=1)", "prod()", "prod(0)", "max()", "min()",
     "max(0)[0]", "min(1).values", "max(axis=1).values", "max(x + 1)", "max(other=x - 1)", "amax()", "amin(0)",
     "aminmax()[0]", "aminmax(dim=0).max", "std()", "std(0)", "var()", "norm()", "norm(3, 0)", "dist(x + 2)",
     "logsumexp(0)", "cumsum(0)", "cumprod(0)", "cummax(0)[0]", "cummin(0)[0]", "logcumsumexp(0)", "nansum()",
     "median()", "median(0)[0]", "nanmedian()", "nanmedian(0)[0]", "mode(0)[0]", "sort()[0]", "topk(1)[0]",
     "kthvalue(1)[0]"],
)  # fmt: skip
def test_nodes_have_pytorchs_names(call: str) -> None:
    names = []
    for lib in minitorch, torch:
        x = lib.arange(6.0).reshape(2, 3).requires_grad_()
        names.append(eval(f"x.{call}", {"x": x}).grad_fn.name())
    assert names[0] == names[1]


def test_named_results() -> None:
    calls = "max(0) min(1,True) aminmax() median(0) mode() cummax(0) sort() topk(1) kthvalue(2)"
    for call in calls.split():
        mine, theirs = (eval(f"x.{call}", {"x": lib.arange(6.0).reshape(2, 3)}) for lib in (minitorch, torch))
        assert repr(mine) == repr(theirs)
        assert isinstance(mine, tuple)
    found = minitorch.tensor([[1.0, 3.0]]).max(1)
    values, indices = found
    assert values is found.values is found[0]
    assert indices is found.indices
    copy = pickle.loads(pickle.dumps(found))
    assert type(copy) is type(found)
    assert copy.indices.item() == 1


def test_dims_are_wrapped() -> None:
    assert [wrap_dim(-1, 3), wrap_dim(0, 0), wrap_dim(-1, 0), wrap_dim(np.int64(1), 2)] == [2, 0, 0, 1]
    assert [wrap_dims(None, 2), wrap_dims([-1, 0], 2), wrap_dims(-2, 2)] == [(0, 1), (1, 0), (0,)]
    compare(lambda lib, x: x.sum(()), real((2, 3)))
    compare(lambda lib, x: x.sum((), keepdim=True), real((2, 3)))
    compare(lambda lib, x: x.all(()), tied((2, 3)))
    compare(lambda lib, x: x[:0].median(), real((2, 3)))
    compare(lambda lib, x: x.amax((), True), real((2, 3)))


# --- accuracy


@pytest.mark.parametrize(
    ("shape", "axis"),
    [((200_000,), 0), ((60_000, 3), 0), ((3, 60_000), 1), ((60_000, 3), (0, 1)), ((2, 30_000, 3), 1), ((3001, 50), 0),
     ((30, 64, 9, 9), (0, 2, 3)), ((20_001, 2, 3), (0, 2)), ((60_000, 3), None)],
)  # fmt: skip
@pytest.mark.parametrize("layout", ["C", "F", "strided"])
def test_sums_of_many_are_as_accurate_as_pytorchs(shape: tuple[int, ...], axis: Any, layout: str) -> None:
    x = np.random.default_rng(0).random(shape, dtype="float32")
    if layout == "strided":
        x = np.repeat(x, 2, axis=-1)[..., ::2]
    x = np.asarray(x, order="F") if layout == "F" else x
    exact = x.astype("float64").sum(axis)
    assert np.abs(total(x, axis) / exact - 1).max() < 2e-6
    assert total(x, axis, True).shape == x.sum(axis, keepdims=True).shape
    assert total(x, axis).dtype == np.float32


def test_running_sums_are_as_accurate_as_pytorchs() -> None:
    x = np.random.default_rng(0).random((50_000, 2), dtype="float32")
    mine, theirs = (lib.from_numpy(x).cumsum(0) for lib in (minitorch, torch))
    np.testing.assert_allclose(array(mine), array(theirs), rtol=2e-7)
    mine, theirs = (lib.from_numpy(1 + x * 1e-4).cumprod(0) for lib in (minitorch, torch))
    np.testing.assert_allclose(array(mine), array(theirs), rtol=2e-7)


def test_half_accumulates_in_single() -> None:
    x = np.full((5000, 2), 0.1, "float16")
    for function in ("sum", "mean", "std", "norm"):
        mine, theirs = (getattr(lib.from_numpy(x), function)(0) for lib in (minitorch, torch))
        assert mine.dtype is minitorch.float16
        np.testing.assert_allclose(array(mine), array(theirs), rtol=2e-3, atol=2e-4)


def test_nothing_widens_single() -> None:
    x = minitorch.ones(3, 4).requires_grad_()
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        for name in "sum", "mean", "prod", "max", "amax", "std", "var", "norm", "median", "nansum", "nanmean":
            (g,) = minitorch.autograd.grad(getattr(minitorch, name)(x * 2.0), x, create_graph=True)
            assert g.dtype is minitorch.float32, name


@pytest.mark.parametrize("layout", ["C", "F"])
@pytest.mark.parametrize("shape", [(256, 64), (64, 256), (4, 80, 60), (2000, 10)])
def test_sums_along_every_axis(shape: tuple[int, ...], layout: str) -> None:
    """Large enough for each of the ways, named from the front and from the back."""
    x = np.asarray(np.random.default_rng(1).random(shape, dtype="float32"), order=layout)
    for axis in range(-len(shape), len(shape)):
        for keepdims in False, True:
            exact = x.astype("float64").sum(axis, keepdims=keepdims)
            found = total(x, axis, keepdims)
            assert found.shape == exact.shape
            assert np.abs(found / exact - 1).max() < 2e-6


@pytest.mark.parametrize("name", ["max", "min"])
def test_more_ties_than_a_half_can_count(name: str) -> None:
    results = []
    for t in minitorch, torch:
        x = t.zeros(70000, dtype=t.float16, requires_grad=True)
        getattr(x, name)().backward()
        results.append(x.grad.numpy())
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize("name", ["sum", "mean", "amax", "amin"])
@pytest.mark.parametrize("dim", [0, 1])
def test_strides_of_what_is_kept(name: str, dim: int) -> None:
    """Of dimensions of size 1 too."""
    for shape in (5, 8), (50, 8), (50, 40):
        mine, theirs = [getattr(t.ones(shape), name)(dim, keepdim=True) for t in (minitorch, torch)]
        assert mine.stride() == theirs.stride()
