"""Running sums, products and extrema along a dimension."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

import numpy as np

from minitorch import dtypes, return_types
from minitorch.autograd.tape import constant, differentiable
from minitorch.device import Array, xp
from minitorch.ops.along import take_along
from minitorch.ops.dims import numpy_names, wrap_dim
from minitorch.ops.elementwise import exp
from minitorch.ops.join import flip
from minitorch.ops.shape import data_of

# float32 accumulates in float64, float16 in float32: a running sum has no pairs to add.
_ACCUMULATOR = {"e": np.dtype(np.float32), "f": np.dtype(np.float64)}


def _accumulated(name: str, input: Array, dim: int, dtype: Any) -> Array:
    if dtype is not None:
        input = input.astype(dtype.numpy, copy=False)
    kind = input.dtype
    if kind.kind != "f":
        kind = np.dtype(np.int64)
    dim = wrap_dim(dim, input.ndim)
    result = kind if dtype is None else dtype.numpy
    if result.kind == "b":
        raise NotImplementedError(f"\"{name}_out_cpu\" not implemented for 'Bool': use an integer dtype")
    if not input.ndim:
        return input.astype(result)
    wide = _ACCUMULATOR.get(kind.char, kind)
    return getattr(xp(input), name)(input, axis=dim, dtype=wide).astype(result, order="C", copy=False)


def check_in_place(name: str, input: Any, dtype: Any) -> None:
    """PyTorch's errors where the sums or products of `input` cannot be written into it."""
    if dtype is not None and dtype != input.dtype:
        raise RuntimeError(
            f"Bad in-place call: input tensor dtype {input.dtype} and output tensor dtype {dtype} should match"
        )
    if input._data.dtype.kind == "b":
        raise NotImplementedError(f"\"{name}_out_cpu\" not implemented for 'Bool': use an integer dtype")


def _summed_back(g: Any, dim: int) -> Any:
    """out[i] = g[i] + g[i + 1] + ...: the adjoint of cumsum."""
    return flip(cumsum(flip(g, dim), dim=dim), dim) if g.ndim else g


@differentiable(lambda g, dim: _summed_back(g, dim))
def cumsum(input: Array, dim: int, *, dtype: Any = None) -> Array:
    """out[i] = input[0] + ... + input[i] along `dim`; of integers and bool in int64. `dtype`: convert to it first."""
    return _accumulated("cumsum", input, dim, dtype)


def _cumprod_slope(g: Any, input: Any, out: Any, dim: int) -> Any:
    if data_of(input).all():
        return _summed_back(g * out, dim) / input
    return _recurrence_back(g, input, dim) * shifted(out, dim=wrap_dim(dim, g.ndim), by=1, fill=1.0)


@differentiable(lambda g, input, out, dim: _cumprod_slope(g, input, out, dim))
def cumprod(input: Array, dim: int, *, dtype: Any = None) -> Array:
    """out[i] = input[0] * ... * input[i] along `dim`; of integers and bool in int64. `dtype`: convert to it first."""
    return _accumulated("cumprod", input, dim, dtype)


# --- what the gradients need: neighbours, and a recurrence


@differentiable(lambda g, dim, by: shifted(g, dim=dim, by=-by))
def shifted(input: Array, dim: int, by: int, fill: float = 0.0) -> Array:
    """out[i] = input[i - by] along `dim`, and `fill` where there is none; `by` is 1 or -1."""
    out = xp(input).full_like(input, fill)
    if input.ndim:
        front = (builtins.slice(None),) * dim
        late, early = (*front, builtins.slice(1, None)), (*front, builtins.slice(None, -1))
        if by == 1:
            out[late] = input[early]
        else:
            out[early] = input[late]
    return out


@differentiable(
    lambda g, decay, dim: _recurrence_back(g, decay, dim),
    lambda g, decay, out, dim: _recurrence_back(g, decay, dim) * shifted(out, dim=dim, by=1),
)
def _recurrence(input: Array, decay: Array, dim: int) -> Array:
    """out[i] = input[i] + decay[i] * out[i - 1] along `dim`. The adjoint of a linear recurrence is another."""
    out = input.copy()
    x, c = xp(out).moveaxis(out, dim, 0), xp(out).moveaxis(decay, dim, 0)
    for i in range(1, len(x)):
        x[i] += c[i] * x[i - 1]
    return out


def _recurrence_back(g: Any, decay: Any, dim: int) -> Any:
    """From the gradient of a recurrence's output, that of its input: r[i] = g[i] + decay[i + 1] * r[i + 1]."""
    if not g.ndim:
        return g
    dim = wrap_dim(dim, g.ndim)
    return flip(_recurrence(flip(g, dim), flip(shifted(decay, dim=dim, by=-1), dim), dim=dim), dim)


# --- running extrema and logarithms of sums


def running(x: Array, dim: int, combine: Callable[[Array, Array], Array]) -> Array:
    """out[i] = combine of x[0], ..., x[i] along `dim`, in log2(n) steps over the array (CuPy has no accumulate)."""
    out = x.copy()
    view = xp(out).moveaxis(out, dim, 0)
    step = 1
    while step < len(view):
        view[step:] = combine(view[step:], view[:-step])
        step *= 2
    return out


@constant()
def _running_index(input: Array, dim: int, largest: bool) -> Array:
    """Where the running extremum was last attained: at ties, and at NaN, the later."""
    lib = xp(input)
    if not input.ndim:
        return lib.zeros((), np.int64)
    best = running(input, dim, lib.maximum if largest else lib.minimum)
    here = (input == best) | (input != input)
    number = lib.arange(input.shape[dim]).reshape((-1,) + (1,) * (input.ndim - 1 - dim))
    return running(lib.where(here, number, 0), dim, lib.maximum)


def _wrapped(input: Any, dim: int) -> int:
    """`dim` from the front. Of no elements PyTorch takes any."""
    return wrap_dim(dim, input.ndim) if input._data.size else 0


@numpy_names
def cummax(input: Any, dim: int) -> Any:
    """The running maximum along `dim` as (values, indices); NaN wins."""
    dim = _wrapped(input, dim)
    index = _running_index(input, dim=dim, largest=True)
    return return_types.cummax((take_along(input, index, dim=dim, node="CummaxBackward0"), index))


@numpy_names
def cummin(input: Any, dim: int) -> Any:
    """The running minimum along `dim` as (values, indices); NaN wins."""
    dim = _wrapped(input, dim)
    index = _running_index(input, dim=dim, largest=False)
    return return_types.cummin((take_along(input, index, dim=dim, node="CumminBackward0"), index))


@differentiable(
    lambda g, input, out, dim: exp(input - out) * _recurrence_back(g, _ratios(out, dim), dim),
)
def logcumsumexp(input: Array, dim: int) -> Array:
    """log(cumsum(exp(input))) along `dim`, without overflow."""
    dim = wrap_dim(dim, input.ndim)
    if input.dtype.kind != "f":
        raise NotImplementedError(
            f"\"logcumsumexp_out_cpu\" not implemented for '{dtypes.scalar_name(input)}': use input.float()"
        )
    return running(input, dim, xp(input).logaddexp) if input.ndim else input.copy()


def _ratios(out: Any, dim: int) -> Any:
    """exp(out[i - 1] - out[i]): how a sum shrinks in proportion when one more term joins it; never above 1."""
    return exp(shifted(out, dim=wrap_dim(dim, out.ndim), by=1, fill=-np.inf) - out)
