"""The largest and the smallest, and where they are. NaN counts as larger and as smaller than any number."""

from __future__ import annotations

from typing import Any

import numpy as np

from minitorch import gpu_rows, return_types
from minitorch.autograd import tape
from minitorch.autograd.tape import constant, differentiable
from minitorch.device import Array, xp
from minitorch.fusion import elementwise
from minitorch.ops.along import take_along
from minitorch.ops.arithmetic import masked, maximum, minimum
from minitorch.ops.dims import Dim, axes, kept, nonempty, numpy_names, wrap_dim
from minitorch.ops.reduce import spread
from minitorch.summation import total

# --- where


def _position(input: Array, name: str, axis: int | None, keepdim: bool) -> Array:
    """The index of the first extremum: NumPy, too, takes the first NaN for it."""
    if not input.ndim:
        return xp(input).zeros((), "int64")
    if gpu_rows.fits(input, axis):
        return gpu_rows.each_row(name, input, keepdim)
    index = getattr(input, name)(axis=axis)
    return index.reshape(kept(input.shape, axis)) if keepdim else index


def _argument(input: Array, name: str, dim: int | None, keepdim: bool) -> Array:
    if input.dtype.kind == "b":
        raise RuntimeError(f"{name}(): does not support bool input; convert it with .int()")
    axis = None if dim is None else wrap_dim(dim, input.ndim)
    nonempty(input.shape, axis, name, IndexError)
    return _position(input, name, axis, keepdim)


@constant()
def argmax(input: Array, dim: int | None = None, keepdim: bool = False) -> Array:
    """The index of the maximum along `dim`, or in the flattened input; of ties, the first; int64."""
    return _argument(input, "argmax", dim, keepdim)


@constant()
def argmin(input: Array, dim: int | None = None, keepdim: bool = False) -> Array:
    """The index of the minimum along `dim`, or in the flattened input; of ties, the first; int64."""
    return _argument(input, "argmin", dim, keepdim)


@constant()
def _first(input: Array, dim: int, keepdim: bool, which: str) -> Array:
    """argmax or argmin on behalf of max or min, which take bool too."""
    dim = wrap_dim(dim, input.ndim)
    nonempty(input.shape, dim, which)
    return _position(input, f"arg{which}", dim, keepdim)


# --- of all elements, along one dimension, or of two tensors


@constant(2)
def parts(input: Array, extreme: Array, dim: Dim, same_nan: bool = False) -> Array:
    """What part of the gradient of an extremum each element gets: equal parts to those that attain it.

    Where the extremum is NaN: to the NaN if `same_nan`, else nothing attains it, and all parts are NaN.
    """
    axis = axes(dim, input.ndim)
    extreme = extreme.reshape(kept(input.shape, axis))
    without_nan = isinstance(extreme, np.ndarray) and (extreme == extreme).all()  # a look at a GPU's would wait
    mask = _same(input, extreme) if same_nan and not without_nan else input == extreme
    work = np.float32 if same_nan and input.dtype.char == "e" else input.dtype  # a float16 counts to 65,504
    count = total(mask, axis, True).astype(work, copy=False)
    return (mask.astype(work, copy=False) / count).astype(input.dtype, copy=False)


@elementwise
def _same(x: Array, y: Array) -> Array:
    """Whether two numbers are equal or both NaN: bool, or 0 and 1."""
    return (x == y) | ((x != x) & (y != y))


def share(g: Any, input: Any, out: Any) -> Any:
    """The gradient `g` of one value out of all elements, in equal parts to those that have it."""
    part = parts(input, out, dim=None, same_nan=True)
    return masked(g * part, part)


@differentiable(lambda g, input, out: share(g, input, out), name="MaxBackward1")
def _max(input: Array) -> Array:
    nonempty(input.shape, None, "max")
    return input.max()


@differentiable(lambda g, input, out: share(g, input, out), name="MinBackward1")
def _min(input: Array) -> Array:
    nonempty(input.shape, None, "min")
    return input.min()


def pair(node: str, input: Any, dim: int, index: Any) -> tuple[Any, Any]:
    """(values, indices) of one element per line along `dim`, or of several that differ."""
    return take_along(input, index, dim=wrap_dim(dim, input.ndim), unique=True, node=node), index


@numpy_names
def max(input: Any, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """The maximum of all elements; with `dim`, (values, indices) along it; with another tensor, `maximum`.

    Gradients: of all, equal parts to the ties; along `dim`, to the index returned, that of the first.
    """
    if other is not None and dim is not None:
        raise TypeError("max() takes either dim or other, not both")
    if other is not None or isinstance(dim, tape.Tensor):
        return maximum(input, dim if other is None else other)
    if dim is None:
        return _max(input)
    return return_types.max(pair("MaxBackward0", input, dim, _first(input, dim=dim, keepdim=keepdim, which="max")))


@numpy_names
def min(input: Any, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """The minimum of all elements; with `dim`, (values, indices) along it; with another tensor, `minimum`.

    Gradients: of all, equal parts to the ties; along `dim`, to the index returned, that of the first.
    """
    if other is not None and dim is not None:
        raise TypeError("min() takes either dim or other, not both")
    if other is not None or isinstance(dim, tape.Tensor):
        return minimum(input, dim if other is None else other)
    if dim is None:
        return _min(input)
    return return_types.min(pair("MinBackward0", input, dim, _first(input, dim=dim, keepdim=keepdim, which="min")))


# --- over several dimensions


def extreme_along(x: Array, which: str, axis: Any, keepdims: bool) -> Array:
    """The maximum ("max") or minimum along the axis, several or all (None). Of short rows 8 times faster by columns."""
    if not isinstance(x, np.ndarray):
        return getattr(x, which)(axis=axis, keepdims=keepdims)
    reduce: Any = np.maximum.reduce if which == "max" else np.minimum.reduce  # x.max() takes three times as long on few
    if x.ndim == 2 and axis in (1, -1) and x.shape[1] <= _SHORT < len(x):
        out = reduce(np.ascontiguousarray(x.T))
        return out.reshape(-1, 1) if keepdims else out
    return reduce(x, axis=axis, keepdims=keepdims)


_SHORT = 32  # elements: of longer rows the copy by columns takes longer


def _shared(g: Any, input: Any, out: Any, dim: Dim) -> Any:
    return spread(g, size=input.shape, dim=dim) * parts(input, out, dim=dim)


def _extreme(input: Array, which: str, dim: Dim, keepdim: bool, caller: str) -> Array:
    if not input.size and isinstance(dim, tuple | list):  # PyTorch looks at sizes before it looks for dims named twice
        nonempty(input.shape, tuple([wrap_dim(d, input.ndim) for d in dim]), caller)
    axis = axes(dim, input.ndim)
    nonempty(input.shape, axis, caller)
    return extreme_along(input, which, axis, keepdim)


@differentiable(lambda g, input, out, dim: _shared(g, input, out, dim))
def amax(input: Array, dim: Dim = (), keepdim: bool = False) -> Array:
    """The maximum over the dimensions `dim`, or all; its gradient goes in equal parts to the ties."""
    return _extreme(input, "max", dim, keepdim, "amax")


@differentiable(lambda g, input, out, dim: _shared(g, input, out, dim))
def amin(input: Array, dim: Dim = (), keepdim: bool = False) -> Array:
    """The minimum over the dimensions `dim`, or all; its gradient goes in equal parts to the ties."""
    return _extreme(input, "min", dim, keepdim, "amin")


@differentiable(lambda g, input, out, dim: _shared(g, input, out, dim), name="AminmaxBackward0")
def _one_of_both(input: Array, which: str, dim: int | None, keepdim: bool) -> Array:
    return _extreme(input, which, dim, keepdim, "aminmax")


@numpy_names
def aminmax(input: Any, *, dim: int | None = None, keepdim: bool = False) -> Any:
    """(min, max) of all elements or along `dim`; gradients go in equal parts to the ties."""
    dim = None if dim is None else wrap_dim(dim, input.ndim)
    both = [_one_of_both(input, which=which, dim=dim, keepdim=keepdim) for which in ("min", "max")]
    return return_types.aminmax(both)
