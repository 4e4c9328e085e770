"""Variance, norms, medians, modes and quantiles."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from minitorch import dtypes, gpu_rows, return_types
from minitorch.autograd import tape
from minitorch.autograd.broadcast import convert
from minitorch.autograd.inplace import zeros_like
from minitorch.autograd.tape import constant, differentiable
from minitorch.device import Array, xp
from minitorch.ops.along import take_along
from minitorch.ops.arithmetic import abs, clamp, pow, sign, sub, where
from minitorch.ops.compare import eq, gt
from minitorch.ops.compound import lerp
from minitorch.ops.dims import Dim, axes, count, nonempty, numpy_names, wrap_dim
from minitorch.ops.elementwise import ceil, floor, round
from minitorch.ops.extremes import pair, parts, share
from minitorch.ops.reduce import mean, spread
from minitorch.ops.scan import running
from minitorch.ops.shape import movedim, reshape
from minitorch.ops.sort import argsort
from minitorch.summation import total

# --- variance and standard deviation


def _deviation(g: Any, input: Any, dim: Dim, correction: float) -> Any:
    """The gradient of the variance: 2 (x - mean) / (n - correction)."""
    shape = input.shape
    average = spread(mean(input, dim=dim), size=shape, dim=dim)
    freedom = count(shape, axes(dim, len(shape))) - correction
    if freedom <= 0 and (dim is None or not shape):  # PyTorch has this over all only
        return spread(g, size=shape, dim=dim) * where(eq(input, average), math.nan, math.inf)
    return spread(g, size=shape, dim=dim) * ((input - average) * (2.0 / freedom if freedom else math.inf))


def _variance(input: Array, dim: Dim, correction: float, keepdim: bool, name: str) -> Array:
    if input.dtype.kind != "f":
        raise RuntimeError(f"{name}(): std and var only support floating point and complex dtypes")
    x = input.astype(np.float32) if input.dtype.char == "e" else input
    axis = axes(dim, x.ndim)
    n = count(x.shape, axis)
    if n - correction <= 0:
        warnings.warn(
            f"{name}(): degrees of freedom is <= 0. Correction should be strictly less than the reduction factor "
            "(input numel divided by output numel).",
            stacklevel=5,
        )
    freedom = max(n - correction, 0)
    if gpu_rows.fits(x, axis):
        return gpu_rows.each_row("variance", x, keepdim, (float(freedom),))
    off = x - total(x, axis, True) / n
    return total(off * off, axis, keepdim) / freedom


@differentiable(lambda g, input, dim, correction: _deviation(g, input, dim, correction), name=lambda node, **_: node)
def _var(input: Array, dim: Dim, correction: float, keepdim: bool, node: str) -> Array:
    return _variance(input, dim, correction, keepdim, "var").astype(input.dtype, copy=False)


@differentiable(
    lambda g, input, out, dim, correction: _deviation(where(eq(out, 0), 0.0, g / (out * 2)), input, dim, correction),
    name=lambda node, **_: node,
)
def _std(input: Array, dim: Dim, correction: float, keepdim: bool, node: str) -> Array:
    return xp(input).sqrt(_variance(input, dim, correction, keepdim, "std")).astype(input.dtype, copy=False)


@differentiable(
    lambda g, shape, dim: spread(g / count(shape, axes(dim, len(shape))), size=shape, dim=dim),
    name=lambda node, **_: node,
)
def _mean(input: Array, dim: Dim, keepdim: bool, node: str) -> Array:
    return mean.array(input, dim, keepdim)


def _options(name: str, dim: Any, unbiased: bool | None, keepdim: bool, correction: float | None) -> dict[str, Any]:
    """The options in f(x, dim, unbiased, keepdim), f(x, unbiased) and f(x, dim, correction=..., keepdim=...)."""
    if isinstance(dim, bool):
        if unbiased is not None:
            raise TypeError(f"{name}() received an invalid combination of arguments: 'unbiased' twice")
        dim, unbiased = None, dim
    if unbiased is not None and correction is not None:
        raise TypeError(f"{name}() received an invalid combination of arguments: both 'unbiased' and 'correction'")
    if correction is None:
        correction = 1 if unbiased is None else int(unbiased)
    return {"dim": dim, "correction": correction, "keepdim": keepdim}


@numpy_names
def var(
    input: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: float | None = None
) -> Any:
    """The variance, sum((x - mean)**2) / (n - correction), over `dim` or all; `correction` is 1 unless given."""
    return _var(input, node="VarBackward0", **_options("var", dim, unbiased, keepdim, correction))


@numpy_names
def std(
    input: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: float | None = None
) -> Any:
    """The square root of `var`; where it is 0, so is the gradient."""
    return _std(input, node="StdBackward0", **_options("std", dim, unbiased, keepdim, correction))


@numpy_names
def var_mean(
    input: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: float | None = None
) -> tuple[Any, Any]:
    """(var, mean)."""
    options = _options("var_mean", dim, unbiased, keepdim, correction)
    average = _mean(input, node="VarMeanBackward0", dim=options["dim"], keepdim=keepdim)
    return _var(input, node="VarMeanBackward0", **options), average


@numpy_names
def std_mean(
    input: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: float | None = None
) -> tuple[Any, Any]:
    """(std, mean)."""
    options = _options("std_mean", dim, unbiased, keepdim, correction)
    average = _mean(input, node="StdMeanBackward0", dim=options["dim"], keepdim=keepdim)
    return _std(input, node="StdMeanBackward0", **options), average


# --- norms


def _norm_slope(g: Any, input: Any, out: Any, p: float, dim: Dim) -> Any:
    """The gradient of (sum |x|**p) ** (1/p); where the norm has none, at 0, it is 0."""
    size = input.shape
    g, norm = spread(g, size=size, dim=dim), spread(out, size=size, dim=dim)
    if p == 0:
        return zeros_like(input)
    if p == 1:
        return sign(input) * g
    if p == 2:
        return g * where(eq(norm, 0), 0.0, input / norm)
    if math.isinf(p):
        return sign(input) * g * parts(abs(input), out, dim=dim, same_nan=True)
    if p < 1:
        scaled = where(eq(input, 0), 0.0, sign(input) * pow(abs(input), p - 1))
        return scaled * g * pow(norm, 1 - p)
    steep = sign(input) * pow(abs(input), p - 1) if p < 2 else input * pow(abs(input), p - 2)
    return steep * where(eq(norm, 0), 0.0, g / pow(norm, p - 1))


@differentiable(lambda g, input, out, p, dim: _norm_slope(g, input, out, p, dim), name=lambda node, **_: node)
def _norm(input: Array, p: float, dim: Dim, keepdim: bool, node: str) -> Array:
    if input.dtype.char == "e":
        return _norm.array(input.astype(np.float32), p, dim, keepdim, node).astype(np.float16)
    axis, lib = axes(dim, input.ndim), xp(input)
    if p == 2:
        return lib.sqrt(total(input * input, axis, keepdim))
    if p == 0:
        return total(input != 0, axis, keepdim).astype(input.dtype)
    size = lib.absolute(input)
    if p == 1:
        return total(size, axis, keepdim)
    if count(input.shape, axis) == 0 and (p < 0 or p == math.inf):
        raise RuntimeError(
            f"linalg.vector_norm cannot compute the {p:g} norm over dim {dim} of an empty tensor of shape "
            f"{list(input.shape)} because the operation does not have an identity"
        )
    if math.isinf(p):
        return (size.max if p > 0 else size.min)(axis=axis, keepdims=keepdim)
    return total(size**p, axis, keepdim) ** (1 / p)


def vector_norm(
    input: Any,
    ord: float = 2,
    dim: Dim = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
    node: str = "LinalgVectorNormBackward0",
) -> Any:
    """sum(|x|**ord) ** (1 / ord) over `dim` or all; inf: max |x|, -inf: min |x|, 0: the number of nonzeros."""
    kind = input._data.dtype if dtype is None else dtype.numpy
    if input._data.dtype.kind != "f" or kind.kind != "f":
        raise RuntimeError(
            "linalg.vector_norm: Expected a floating point or complex tensor as input. Got "
            f"{dtypes.scalar_name(input._data)}"
        )
    if kind is not input._data.dtype:
        input = convert(input, kind)
    return _norm(input, p=ord, dim=dim, keepdim=keepdim, node=node)


@numpy_names
def norm(input: Any, p: Any = "fro", dim: Dim = None, keepdim: bool = False, dtype: Any = None) -> Any:
    """The p-norm of the elements, over `dim` or all; "fro" and None stand for 2. See `vector_norm`."""
    if isinstance(p, str) and p != "fro":
        raise NotImplementedError(f"norm(): minitorch has no matrix norms, so p must be a number or 'fro', not {p!r}")
    return vector_norm(input, 2 if p in ("fro", None) else p, dim, keepdim, dtype=dtype)


def dist(input: Any, other: Any, p: float = 2) -> Any:
    """The p-norm of input - other."""
    return vector_norm(sub(input, other), p, node="DistBackward0")


# --- medians


def _check_order(input: Array, axis: int | None, name: str) -> None:
    if input.dtype.kind == "b":
        raise NotImplementedError(f"\"{name}_cpu\" not implemented for 'Bool': convert the input with .int()")
    if axis is not None:
        nonempty(input.shape, axis, name)


@constant()
def _middle(input: Array, dim: int, keepdim: bool, which: str) -> Array:
    """Where the lower of the middle values is: in `median` the first NaN if there is one, else NaN is left out."""
    dim = wrap_dim(dim, input.ndim)
    _check_order(input, dim, which)
    lib = xp(input)
    if not input.ndim:
        return lib.zeros((), np.int64)
    order = argsort.array(input, dim)
    missing = lib.isnan(input).sum(axis=dim)
    n = input.shape[dim]
    if which == "median":
        rank = lib.where(missing > 0, n - missing, (n - 1) // 2)
    else:
        rank = lib.maximum((n - missing - 1) // 2, 0)
    index = take_along.array(order, rank, dim)
    return lib.expand_dims(index, dim) if keepdim else index


@differentiable(lambda g, input, out: share(g, input, out), name=lambda which: f"{which.capitalize()}Backward0")
def _median(input: Array, which: str) -> Array:
    _check_order(input, None, which)
    if not input.size:
        if input.dtype.kind != "f":
            raise NotImplementedError(f"{which}(): no integer is the median of an empty tensor: use .float()")
        return xp(input).full((), math.nan, input.dtype)
    x = input.reshape(-1)
    return x[_middle.array(x, 0, False, which)]


def _median_of(name: str, input: Any, dim: int | None, keepdim: bool) -> Any:
    if dim is None:
        return _median(input, which=name)
    index = _middle(input, dim=dim, keepdim=keepdim, which=name)
    return getattr(return_types, name)(pair(f"{name.capitalize()}Backward1", input, dim, index))


@numpy_names
def median(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The median of all elements, or (values, indices) along `dim`: the lower of two middle ones; NaN wins."""
    return _median_of("median", input, dim, keepdim)


@numpy_names
def nanmedian(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """As `median`, NaN left out."""
    return _median_of("nanmedian", input, dim, keepdim)


# --- the most frequent value


@constant()
def _most_frequent(input: Array, dim: int, keepdim: bool) -> Array:
    """Where the most frequent value comes last; of several, the smallest. Every NaN is a value of its own."""
    dim = wrap_dim(dim, input.ndim)
    lib = xp(input)
    if not input.ndim:
        return lib.zeros((), np.int64)
    if not input.shape[dim]:
        raise IndexError(f"mode(): Expected reduction dim {dim} to have non-zero size.")
    order = argsort.array(input, dim)
    ranked = take_along.array(input, order, dim)
    number = lib.arange(input.shape[dim]).reshape((-1,) + (1,) * (input.ndim - 1 - dim))
    front = (slice(None),) * dim
    starts = lib.ones(input.shape, bool)
    starts[(*front, slice(1, None))] = ranked[(*front, slice(1, None))] != ranked[(*front, slice(None, -1))]
    so_far = number - running(lib.where(starts, number, 0), dim, lib.maximum)
    index = take_along.array(order, so_far.argmax(axis=dim), dim)
    return lib.expand_dims(index, dim) if keepdim else index


@numpy_names
def mode(input: Any, dim: int = -1, keepdim: bool = False) -> Any:
    """(values, indices) of the most frequent value along `dim`, of several the smallest."""
    return return_types.mode(pair("ModeBackward0", input, dim, _most_frequent(input, dim=dim, keepdim=keepdim)))


# --- quantiles


def quantile(
    input: Any, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Any:
    """The value below which the share `q` of the elements is; `q` may be a vector, the result's first dimension then.

    interpolation between the two nearest: "linear", "lower", "higher", "midpoint" or "nearest". NaN if there is one.
    """
    return _quantile("quantile", input, q, dim, keepdim, interpolation)


def nanquantile(
    input: Any, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Any:
    """As `quantile`, NaN left out."""
    return _quantile("nanquantile", input, q, dim, keepdim, interpolation)


def _quantile(name: str, input: Any, q: Any, dim: int | None, keepdim: bool, interpolation: str) -> Any:
    q = _checked_quantile(name, input, q, interpolation)
    full = [1] * input.ndim
    if dim is None:
        x, d = reshape(input, (-1,)), 0
    else:
        x, d = input, wrap_dim(dim, input.ndim)
        if input.ndim:
            full = [1 if i == d else n for i, n in enumerate(input.shape)]
        else:
            x = reshape(input, (1,))
    order, rank = argsort(x, dim=d), _rank(x, reshape(q, (-1,) + (1,) * (x.ndim - 1 - d)), d, name == "nanquantile")
    if interpolation in ("lower", "higher", "nearest"):
        rank = {"lower": floor, "higher": ceil, "nearest": round}[interpolation](rank)
    low = floor(rank)
    values = _ranked(x, order, low, d)
    if interpolation in ("linear", "midpoint"):
        weight = rank - low if interpolation == "linear" else low * 0 + 0.5
        values = lerp(values, _ranked(x, order, ceil(rank), d), weight)
    values = movedim(movedim(values, d, -1).contiguous(), -1, 0)
    rest = tuple(full) if keepdim else tuple(values.shape[1:])
    return reshape(values, (tuple(q.shape) + rest))


def _checked_quantile(name: str, input: Any, q: Any, interpolation: str) -> Any:
    """`q` as a Tensor; PyTorch's errors for what it refuses."""
    kind = input._data.dtype
    if kind.char not in "fd":
        raise RuntimeError(f"{name}() input tensor must be either float or double dtype")
    if not input._data.size:
        raise RuntimeError(f"{name}() input tensor must be non-empty")
    if interpolation not in ("linear", "lower", "higher", "midpoint", "nearest"):
        raise RuntimeError(
            f"{name}() interpolation must be one of linear, lower, higher, midpoint or nearest, but got {interpolation}"
        )
    if not isinstance(q, tape.Tensor):
        if not 0 <= q <= 1:
            raise RuntimeError(f"{name}() q must be in the range [0, 1] but got {q}")
        return tape.wrap(xp(input._data).asarray(q, dtype=kind))
    if q._data.ndim > 1:
        raise RuntimeError(f"{name}() q must be a scalar or 1D tensor")
    if q._data.dtype != kind:
        raise RuntimeError(f"{name}() q tensor must be same dtype as the input tensor")
    if not q.is_cuda and not ((q._data >= 0) & (q._data <= 1)).all():  # nor does PyTorch stop a GPU for this
        raise RuntimeError(f"{name}() q values must be in the range [0, 1]")
    return q


def _rank(x: Any, q: Any, dim: int, skip_nan: bool) -> Any:
    """How far up the sorted values along `dim` the quantiles are, from 0 to the last."""
    last = x.shape[dim] - 1
    missing = _missing(x, dim=dim)
    if skip_nan:
        return q * clamp(last - missing, 0, None)
    return where(gt(missing, 0), float(last), q * last)  # NaN is sorted to the end


@constant()
def _missing(input: Array, dim: int) -> Array:
    """The number of NaN along `dim`, kept."""
    return xp(input).isnan(input).sum(axis=dim, keepdims=True).astype(input.dtype)


def _ranked(x: Any, order: Any, rank: Any, dim: int) -> Any:
    place = tape.wrap(rank._data.astype(np.int64))
    return take_along(x, take_along(order, place, dim=dim), dim=dim)
