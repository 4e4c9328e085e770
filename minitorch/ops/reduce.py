"""Sums, means, products and truth over all elements or some dimensions.

`dim` is an int, a tuple or None for all; `keepdim` keeps the reduced dimensions with size 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minitorch import dtypes
from minitorch.autograd.broadcast import convert
from minitorch.autograd.tape import constant, differentiable
from minitorch.device import Array, xp
from minitorch.dtypes import to_floating
from minitorch.ops.arithmetic import div, where
from minitorch.ops.compare import isnan, logical_not
from minitorch.ops.dims import Dim, Shape, axes, count, kept, wrap_dim, wrap_dims
from minitorch.ops.elementwise import exp
from minitorch.ops.join import flip
from minitorch.ops.scan import cumprod, shifted
from minitorch.ops.shape import data_of, reshape
from minitorch.summation import average, total


def _numbered(name: str) -> Any:
    """PyTorch counts the reduction over all as 0, over dimensions as 1."""
    return lambda dim, **_: f"{name}Backward{0 if dim is None else 1}"


# --- sums


@differentiable(lambda g, shape, dim: spread(g, size=shape, dim=dim), name=_numbered("Sum"))
def sum(input: Array, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None) -> Array:
    """The sum; of integers and bool in int64. `dtype`: convert the input to it first."""
    if dtype is not None:
        input = input.astype(dtype.numpy, copy=False)
        if dtype.numpy.kind in "iub":
            return total(input, axes(dim, input.ndim), keepdim).astype(dtype.numpy)
    return total(input, dim if dim is None else axes(dim, input.ndim), keepdim)


@differentiable(lambda g, shape, dim: sum(g, dim=dim, keepdim=len(shape) == g.ndim), view=True, name="ExpandBackward0")
def spread(input: Array, size: Shape, dim: Dim = None) -> Array:
    """The result of a reduction over `dim`, repeated over the `size` of what was reduced: the adjoint of sum."""
    if dim is not None and input.ndim < len(size):
        input = input.reshape(kept(size, axes(dim, len(size))))
    return xp(input).broadcast_to(input, size)


@differentiable(
    lambda g, shape, dim: spread(g / count(shape, axes(dim, len(shape))), size=shape, dim=dim), name=_numbered("Mean")
)
def mean(input: Array, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None) -> Array:
    """The mean of floating-point elements; of none, NaN. `dtype`: convert the input to it first."""
    if input.dtype.kind != "f" or dtype is not None:
        input = _as_floating(input, dtype)
    axis = axes(dim, input.ndim)
    n = input.size if axis is None else count(input.shape, axis)
    if input.dtype.char == "e":
        return (total(input.astype(np.float32), axis, keepdim) / n).astype(input.dtype)
    return average(input, n, axis, keepdim)


def _as_floating(input: Array, dtype: Any) -> Array:
    asked, kind = ("Input", input.dtype) if dtype is None else ("Optional", dtype.numpy)
    if kind.kind != "f":
        raise RuntimeError(
            f"mean(): could not infer output dtype. {asked} dtype must be either a floating point or complex dtype. "
            f"Got: {dtypes.SCALAR_NAMES[dtypes.from_numpy(kind)]}"
        )
    return input.astype(kind, copy=False)


@differentiable(
    lambda g, input, shape, dim: where(isnan(input), 0.0, spread(g, size=shape, dim=dim)), name="NansumBackward0"
)
def nansum(input: Array, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None) -> Array:
    """The sum, NaN counted as 0."""
    if dtype is not None:
        input = input.astype(dtype.numpy, copy=False)
    if input.dtype.kind == "f":
        input = xp(input).where(xp(input).isnan(input), input.dtype.type(0), input)
    out = total(input, axes(dim, input.ndim), keepdim)
    return out if dtype is None else out.astype(dtype.numpy, copy=False)


def nanmean(input: Any, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The mean of the elements that are not NaN."""
    if input._data.dtype.kind != "f":
        raise RuntimeError(
            "nanmean(): expected input to have floating point or complex dtype but got "
            f"{dtypes.scalar_name(input._data)}"
        )
    valid = sum(logical_not(isnan(input)), dim=dim, keepdim=keepdim)
    return div(nansum(input, dim=dim, keepdim=keepdim, dtype=dtype), valid)


@constant()
def count_nonzero(input: Array, dim: Dim = None) -> Array:
    """How many elements are not 0 (NaN is not); int64."""
    return total(input != 0, axes(dim, input.ndim))


# --- products


def _prod_slope(g: Any, input: Any, out: Any, dim: int | None) -> Any:
    kind = data_of(g).dtype
    if kind != data_of(input).dtype:  # `dtype` was given
        input = convert(input, kind)
    if data_of(input).all():
        return spread(g, size=input.shape, dim=dim) * (spread(out, size=input.shape, dim=dim) / input)
    return spread(g, size=input.shape, dim=dim) * _others(input, dim)


@differentiable(lambda g, input, out, dim: _prod_slope(g, input, out, dim), name=_numbered("Prod"))
def prod(input: Array, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Array:
    """The product, over one dimension or all; of integers and bool in int64. `dtype`: convert the input to it first."""
    if dtype is not None:
        input = input.astype(dtype.numpy, copy=False)
    if dim is not None:
        dim = wrap_dim(dim, input.ndim)
        dim = dim if input.ndim else None
    kind = input.dtype
    if kind.kind != "f":
        kind = np.dtype(np.int64)
    wide = np.float32 if kind.char == "e" else kind
    product = xp(input).multiply.reduce(input, axis=dim, dtype=wide, keepdims=keepdim)
    return product.astype(kind if dtype is None else dtype.numpy, copy=False)


def _others(input: Any, dim: int | None) -> Any:
    """For each element the product of all the others: of those before it times those behind it, for zeros too."""
    x = reshape(input, (-1,)) if dim is None or not input.ndim else input
    dim = 0 if dim is None else wrap_dim(dim, input.ndim)
    before = shifted(cumprod(x, dim=dim), dim=dim, by=1, fill=1.0)
    behind = flip(shifted(cumprod(flip(x, dim), dim=dim), dim=dim, by=1, fill=1.0), dim)
    return reshape(before * behind, input.shape)


# --- log of a sum


@differentiable(
    lambda g, input, out, shape, dim: spread(g, size=shape, dim=dim) * exp(input - spread(out, size=shape, dim=dim))
)
def logsumexp(input: Array, dim: Dim, keepdim: bool = False) -> Array:
    """log(sum(exp(input))), without overflow."""
    if dim is None:
        raise TypeError("logsumexp(): argument 'dim' (position 2) must be tuple of ints, not NoneType")
    kind = input.dtype
    x = to_floating(input if kind.char != "e" else input.astype(np.float32))
    axis, lib = axes(dim, x.ndim), xp(x)
    if count(x.shape, axis) == 0:
        return lib.log(total(x, axis, keepdim)).astype(kind if kind.char == "e" else x.dtype)
    if isinstance(dim, tuple | list) and not dim and x.ndim and not keepdim:  # PyTorch's error
        raise RuntimeError(f"output with shape [] doesn't match the broadcast shape {[1] * x.ndim}")
    top = x.max(axis=axis, keepdims=True)
    top = lib.where(lib.isfinite(top), top, x.dtype.type(0))  # inf - inf would be NaN
    out = lib.log(total(lib.exp(x - top), axis, True)) + top
    if not keepdim:
        out = out.squeeze(axis)
    return out.astype(kind) if kind.char == "e" else out


# --- truth: anything but zero is true


def _truth(name: str, input: Array, dim: Dim, keepdim: bool) -> Array:
    axis = None if dim is None else wrap_dims(dim, input.ndim)  # of no dims: each element by itself
    found = getattr(input, name)(axis=axis if input.ndim else None, keepdims=keepdim)
    return found.astype(np.uint8) if input.dtype == np.uint8 else found


@constant()
def any(input: Array, dim: Dim = None, keepdim: bool = False) -> Array:
    """True if an element is not 0; bool, of uint8 in uint8."""
    return _truth("any", input, dim, keepdim)


@constant()
def all(input: Array, dim: Dim = None, keepdim: bool = False) -> Array:
    """True if no element is 0; bool, of uint8 in uint8."""
    return _truth("all", input, dim, keepdim)
