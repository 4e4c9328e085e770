"""Sorting, searching, distinct values and counts. NaN counts as larger than any number; ties keep their order."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minitorch import dtypes, return_types
from minitorch.autograd import tape
from minitorch.autograd.tape import constant, differentiable
from minitorch.device import Array, xp
from minitorch.faults import require_between
from minitorch.ops.along import add_at, take_along
from minitorch.ops.dims import nonempty, numpy_names, wrap_dim

# --- sorting


@constant()
def argsort(input: Array, dim: int = -1, descending: bool = False, *, stable: bool = False) -> Array:
    """The indices that sort `input` along `dim`; int64. Always stable, in both directions."""
    dim = wrap_dim(dim, input.ndim)
    if not input.ndim:
        return xp(input).zeros((), np.int64)
    lib = xp(input)
    if not descending:  # CuPy sorts another dimension than the last as the last, and moves it back
        return lib.ascontiguousarray(input.argsort(axis=dim, kind="stable"))
    # Backwards twice: the ties, too, are then in their old order.
    return input.shape[dim] - 1 - lib.flip(lib.flip(input, dim).argsort(axis=dim, kind="stable"), dim)


def _taken(node: str, input: Any, dim: int, index: Any) -> tuple[Any, Any]:
    return take_along(input, index, dim=wrap_dim(dim, input.ndim), unique=True, node=node), index


@numpy_names
def sort(input: Any, dim: int = -1, descending: bool = False, *, stable: bool = False) -> Any:
    """(values, indices) in ascending or descending order along `dim`. Always stable."""
    return return_types.sort(_taken("SortBackward0", input, dim, argsort(input, dim=dim, descending=descending)))


def msort(input: Any) -> Any:
    """`input` sorted along its first dimension."""
    return sort(input, 0)[0]


def _selected(x: Array, k: int, dim: int, largest: bool) -> Array:
    """The indices of the `k` extreme elements, found without sorting the rest; in the order of `argsort`."""
    lib, last = xp(x), x.ndim - 1
    x = lib.moveaxis(x, dim, -1)
    rank = x.shape[-1] - k if largest else k - 1
    edge = lib.partition(x, rank, axis=-1)[..., rank, None]
    beyond, level = x > edge if largest else x < edge, x == edge
    room = k - beyond.sum(axis=-1, keepdims=True)
    chosen = beyond | (level & (level.cumsum(axis=-1) <= room))
    index = lib.nonzero(chosen)[-1].reshape(*x.shape[:-1], k)
    order = argsort.array(take_along.array(x, index, last), -1, largest)
    return lib.moveaxis(take_along.array(index, order, last), -1, dim)


@constant()
def _first_sorted(input: Array, k: int, dim: int, largest: bool) -> Array:
    dim = wrap_dim(dim, input.ndim)
    if not 0 <= k <= (input.shape[dim] if input.ndim else 1):
        raise RuntimeError(f"topk(): selected index k out of range: {k} of dimension {dim} of {list(input.shape)}")
    if input.dtype.kind == "b":
        raise RuntimeError("topk does not support bool dtypes on CPU; convert the input with .int()")
    if not input.ndim:
        return xp(input).zeros((), np.int64)
    # On a GPU, whose sort is fast, looking for NaN would take longer: the host would have to wait.
    if 0 < 4 * k < input.shape[dim] > 64 and isinstance(input, np.ndarray) and not np.isnan(input).any():
        return _selected(input, k, dim, largest)
    return xp(input).ascontiguousarray(argsort.array(input, dim, largest)[(slice(None),) * dim + (slice(k),)])


@numpy_names
def topk(input: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    """(values, indices) of the `k` largest or smallest along `dim`, of ties the first. Always in order."""
    return return_types.topk(_taken("TopkBackward0", input, dim, _first_sorted(input, k=k, dim=dim, largest=largest)))


@constant()
def _kth(input: Array, k: int, dim: int, keepdim: bool) -> Array:
    dim = wrap_dim(dim, input.ndim)
    if input.dtype.kind == "b":
        raise NotImplementedError("\"kthvalue_cpu\" not implemented for 'Bool': convert the input with .int()")
    nonempty(input.shape, dim, "kthvalue")
    if not 1 <= k <= (input.shape[dim] if input.ndim else 1):
        raise RuntimeError(f"kthvalue(): selected number k out of range for dimension {dim}: {k}")
    if not input.ndim:
        return xp(input).zeros((), np.int64)
    index = xp(input).ascontiguousarray(argsort.array(input, dim)[(slice(None),) * dim + (slice(k - 1, k),)])
    return index if keepdim else index.squeeze(dim)


@numpy_names
def kthvalue(input: Any, k: int, dim: int = -1, keepdim: bool = False) -> Any:
    """(values, indices) of the `k`-th smallest along `dim`, counted from 1."""
    return return_types.kthvalue(_taken("KthvalueBackward0", input, dim, _kth(input, k=k, dim=dim, keepdim=keepdim)))


# --- distinct values


def _no_derivative(name: str) -> Any:
    raise NotImplementedError(f"the derivative for '{name}' is not implemented: call it on input.detach()")


@differentiable(lambda g, node: _no_derivative(node), None, name=lambda node, **_: node)
def _picked(input: Array, index: Array, dim: int, node: str) -> Array:
    return xp(input).take(input, index, axis=dim)


def _groups(rows: Array, order: Array) -> tuple[Array, Array, Array]:
    """Of `rows` (n, width), taken in `order`: the first of each run of equal ones, each row's run, their lengths."""
    lib, n = xp(rows), len(rows)
    ranked = rows[order]
    new = lib.ones(n, bool)
    new[1:] = (ranked[1:] != ranked[:-1]).any(axis=1)
    starts = lib.nonzero(new)[0]
    run = lib.empty(n, np.int64)
    run[order] = lib.cumsum(new) - 1
    return order[starts], run, lib.diff(starts, append=n)


def _distinct(name: str, input: Any, dim: int | None, in_order: bool, wanted: tuple[bool, bool]) -> Any:
    x = input._data
    lib = xp(x)
    if dim is None:
        flat, shape, dim = input.reshape((-1,)) if x.size else input.reshape((0,)), x.shape, 0
        rows = x.reshape(-1, 1)
    else:
        dim = wrap_dim(dim, x.ndim)
        flat = input if x.ndim else input.reshape((1,))
        shape = (flat.shape[dim],)
        if 0 in flat.shape[:dim] + flat.shape[dim + 1 :]:
            raise RuntimeError("There are 0 sized dimensions, and they aren't selected, so unique cannot be applied")
        rows = lib.moveaxis(flat._data, dim, 0)
        rows = rows.reshape(shape[0], math.prod(rows.shape[1:]))
    if not in_order:
        order = lib.arange(len(rows))
    elif rows.shape[1] == 1:
        order = rows[:, 0].argsort(kind="stable")
    else:
        order = lib.lexsort(rows.T[::-1]) if rows.size else lib.arange(len(rows))
    index, run, lengths = _groups(rows, order)
    values = _picked(flat, tape.wrap(index), dim=dim, node=name)
    more = [tape.wrap(a) for a, want in zip((run.reshape(shape), lengths), wanted, strict=True) if want]
    return (values, *more) if more else values


@numpy_names
def unique(
    input: Any, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """The distinct elements, or slices along `dim`, in ascending order also if not `sorted`; every NaN is distinct.

    return_inverse: also, for each element, the index of its value. return_counts: also how often each value occurs.
    """
    name = "Unique2Backward0" if dim is None else "UniqueDimBackward0"
    return _distinct(name, input, dim, True, (return_inverse, return_counts))


@numpy_names
def unique_consecutive(
    input: Any, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """The elements, or slices along `dim`, that differ from the one before; more results as for `unique`."""
    return _distinct("UniqueConsecutiveBackward0", input, dim, False, (return_inverse, return_counts))


# --- searching


@constant(2)
def _search(sequence: Array, values: Array, right: bool) -> Array:
    """By halving, for all values at once: how many entries of the sorted last dimension come before each value."""
    lib = xp(sequence)
    kind = dtypes.result_numpy(sequence, values)
    sequence, values = sequence.astype(kind, copy=False), values.astype(kind, copy=False)
    size, last = sequence.shape[-1], max(values.ndim - 1, 0)
    low = lib.zeros(values.shape, np.int64)
    high = lib.full(values.shape, size, np.int64)
    for _ in range(size.bit_length()):
        middle = (low + high) // 2
        at = lib.minimum(middle, size - 1)
        entry = sequence[at] if sequence.ndim == 1 else take_along.array(sequence, at, last)
        before = ~(entry > values) if right else ~(entry >= values)  # a NaN comes after every number
        open_ = low < high
        low = lib.where(open_ & before, middle + 1, low)
        high = lib.where(open_ & ~before, middle, high)
    return low


@numpy_names
def searchsorted(
    sorted_sequence: Any,
    input: Any,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Any = None,
) -> Any:
    """Where `input` belongs in the sorted last dimension of `sorted_sequence`: before equal entries, or behind them.

    right, or side="right": behind. sorter: the indices that would sort the sequence. input may be a number.
    """
    if side not in (None, "left", "right"):
        raise RuntimeError(f"torch.searchsorted(): side can only be 'left' or 'right' but got {side}")
    if side == "left" and right:
        raise RuntimeError(
            "torch.searchsorted(): side and right can't be set to opposites, got side of left while right was True"
        )
    sequence = sorted_sequence
    values = input if isinstance(input, tape.Tensor) else tape.wrap(xp(sequence._data).asarray(input))
    shape, wanted = sequence._data.shape, values._data.shape
    if not shape:
        raise RuntimeError(
            "torch.searchsorted(): boundaries tensor should have positive dimension, but got 0 dimension"
        )
    if len(shape) != 1 and (len(shape) != len(wanted) or shape[:-1] != wanted[:-1]):
        raise RuntimeError(
            "torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries "
            f"tensor and input value tensor must match, but we got boundaries tensor {list(shape)} and input value "
            f"tensor {list(wanted)}"
        )
    if sorter is not None:
        if sorter._data.shape != shape or sorter._data.dtype != np.int64:
            raise RuntimeError("torch.searchsorted(): sorter must be an int64 tensor of the shape of sorted_sequence")
        require_between(sorter._data, 0, shape[-1] - 1, "torch.searchsorted(): sorter index out of range", RuntimeError)
        sequence = take_along(sequence, sorter, dim=len(shape) - 1)
    found = _search(sequence, values, right=right or side == "right")
    return tape.wrap(found._data.astype(np.int32)) if out_int32 else found


@numpy_names
def bucketize(input: Any, boundaries: Any, *, out_int32: bool = False, right: bool = False) -> Any:
    """The bucket between the sorted 1-d `boundaries` that each element falls into; `right`: see searchsorted."""
    if boundaries._data.ndim != 1:
        raise RuntimeError(f"boundaries tensor must be 1 dimension, but got dim({boundaries._data.ndim})")
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)


# --- counting


@constant()
def histc(input: Array, bins: int = 100, min: float = 0, max: float = 0) -> Array:
    """How many elements fall into each of `bins` equal parts of [min, max]; if both are equal, of the data's range."""
    if input.dtype.kind != "f":
        raise NotImplementedError(f"\"histogram_cpu\" not implemented for '{dtypes.scalar_name(input)}'")
    if bins <= 0:
        raise RuntimeError(f"torch.histc(): bins must be > 0, but got {bins}")
    low, high = float(min), float(max)
    if low == high and input.size:
        low, high = float(input.min()), float(input.max())
    if low == high:
        low, high = low - 1, high + 1
    if not (math.isfinite(low) and math.isfinite(high)):
        raise RuntimeError(f"torch.histc: range of [{low}, {high}] is not finite")
    if low > high:
        raise RuntimeError("torch.histc: max must be larger than min")
    lib, kind = xp(input), input.dtype.type
    inside = (input >= low) & (input <= high)
    if lib is np:
        input = input[inside]
    position = lib.minimum(((input - kind(low)) / (kind(high) - kind(low)) * bins).astype(np.int64), bins - 1)
    if lib is np:
        return np.bincount(position, minlength=bins).astype(input.dtype)
    counts = lib.zeros(bins, np.int64)
    add_at(counts, lib.where(inside, position, 0).reshape(-1), inside.reshape(-1))
    return counts.astype(input.dtype)


@constant(2)
def _bincount(input: Array, weights: Array, minlength: int) -> Array:
    if input.dtype.kind not in "iu":
        raise NotImplementedError(f"\"bincount_cpu\" not implemented for '{dtypes.scalar_name(input)}'")
    if input.ndim != 1 or (input.size and input.min() < 0):
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    if minlength < 0:
        raise RuntimeError("minlength should be >= 0")
    if weights is None:
        return xp(input).bincount(input, minlength=minlength)
    if weights.shape != input.shape:
        raise RuntimeError("weights should be 1-d and have the same length as input")
    counts = xp(input).bincount(input, weights, minlength)
    return counts.astype(weights.dtype) if weights.dtype == np.float32 else counts


def bincount(input: Any, weights: Any = None, minlength: int = 0) -> Any:
    """How often each of 0, 1, ... occurs in a vector of integers, or the sum of its weights."""
    return _bincount(input, weights, minlength=minlength)
