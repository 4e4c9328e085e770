"""How numbers are poured into an array: in the order of memory, a piece at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn, TypeAlias

import numpy as np

from minitorch.device import Array
from minitorch.dtypes import scalar_name

PIECE = 1 << 15  # numbers made at once: few enough to stay in the cache, many enough to hide the cost of a call

Draw: TypeAlias = Callable[[int], Array]  # draw(n): the next n numbers of a distribution


def fill(out: Array, draw: Draw) -> Array:
    """Write draw(n) numbers into `out`, cast to its dtype; returns `out`.

    PyTorch visits memory, not indices: the axis of smallest stride runs fastest, so a transposed matrix gets
    the transposed numbers.
    """
    if out.flags.c_contiguous:
        _fill_flat(out.reshape(-1), draw)
        return out
    check_overlap(out)
    ordered = out.transpose(sorted(range(out.ndim), key=lambda axis: -out.strides[axis]))
    if ordered.flags.c_contiguous:
        _fill_flat(ordered.reshape(-1), draw)
    else:  # memory with gaps
        values = np.empty(ordered.shape, out.dtype)
        _fill_flat(values.reshape(-1), draw)
        ordered[...] = values
    return out


def _fill_flat(out: Array, draw: Draw) -> None:
    twice = out.dtype == np.float16  # PyTorch makes halves from float32: two roundings
    for start in range(0, out.size, PIECE):
        piece = out[start : start + PIECE]
        values = draw(piece.size)
        piece[...] = values.astype(np.float32) if twice and values.dtype == np.float64 else values


def empty_like(x: Array) -> Array:
    """An uninitialised array on the host in the dtype, the shape and, without gaps and repeats, the memory order
    of `x`, wherever that is.

    As `np.empty_like`, except where a repeated axis (of stride 0) leaves the order open: there it is PyTorch's.
    """
    if isinstance(x, np.ndarray) and 0 not in x.strides:
        return np.empty_like(x, subok=False)
    fastest_first = list(range(x.ndim))[::-1]
    for i in range(1, x.ndim):  # an insertion sort that passes over repeated axes
        for j in range(i - 1, -1, -1):
            a, b = fastest_first[j], fastest_first[i]
            if x.strides[a] == 0 or x.strides[b] == 0:
                continue
            if x.strides[a] < x.strides[b]:
                break
            if x.strides[a] > x.strides[b] or x.shape[a] > x.shape[b]:
                fastest_first[i], fastest_first[j] = a, b
                i = j
    order = fastest_first[::-1]
    return np.empty([x.shape[axis] for axis in order], x.dtype).transpose(np.argsort(order))


def with_strides_of(x: Array) -> Array:
    """An uninitialised array on the host in the dtype, the shape and the very layout of `x`, gaps included: a fill
    may go another way where there are gaps. x: without overlaps and without negative strides."""
    if x.size == 0:
        return np.empty(x.shape, x.dtype)
    last = sum((n - 1) * stride for n, stride in zip(x.shape, x.strides, strict=True)) // x.dtype.itemsize
    return np.lib.stride_tricks.as_strided(np.empty(last + 1, x.dtype), x.shape, x.strides)


def check_overlap(out: Array) -> None:
    if any(stride == 0 and size > 1 for size, stride in zip(out.shape, out.strides, strict=True)):
        raise RuntimeError(
            "unsupported operation: more than one element of the written-to tensor refers to a single memory "
            "location. Please clone() the tensor before performing the operation."
        )


def not_implemented(kernel: str, array: Array) -> NoReturn:
    raise NotImplementedError(f"\"{kernel}\" not implemented for '{scalar_name(array)}'")
