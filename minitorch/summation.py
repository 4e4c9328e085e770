"""Sums of arrays, accurate for any layout: what sum, mean, var and norm add up with."""

from __future__ import annotations

from typing import Any

import numpy as np

from minitorch import gpu_rows, gpu_sums
from minitorch.constants import filled
from minitorch.device import Array, xp

_BLOCK = 64
_ROWS = 1024  # what one product with a vector of ones adds up
_LARGE = 1 << 16
_CACHE = 12 << 20  # bytes
_SMALL = 8192  # elements: below, the rounding error of a plain sum is of no concern


def total(x: Array, axis: Any = None, keepdims: bool = False) -> Array:
    """The sum over `axis` (int, tuple, or None for all). float16 adds up in float32, integers and bool in int64."""
    kind = x.dtype.char
    if kind == "e":
        return total(x.astype(np.float32), axis, keepdims).astype(np.float16)
    if kind == "?" and axis is None and x.__class__ is np.ndarray:  # of many 6 to 8 times faster than a sum
        return np.full((1,) * x.ndim if keepdims else (), np.count_nonzero(x))
    if kind not in "fd":
        return xp(x).add.reduce(x, axis=axis, dtype=np.int64, keepdims=keepdims)
    if isinstance(x, np.ndarray):  # BLAS is several times faster than add.reduce
        if axis == 0 and x.ndim == 2 and len(x) <= _ROWS:
            out = filled(len(x), x.dtype, 1).dot(x)
            return out.reshape(1, -1) if keepdims else out
        if x.ndim == 2 and axis in (1, -1, (1,)) and 8 <= x.shape[1] <= _ROWS and x.flags.c_contiguous:
            out = _of_rows(x)
            return out.reshape(-1, 1) if keepdims else out
        if axis is None and not keepdims and x.flags.c_contiguous:
            if x.size <= _ROWS:
                return filled(x.size, x.dtype, 1).dot(x.ravel())
            if x.size >= _LARGE:
                return total(_in_rows(x))
    elif gpu_sums.fit(x):
        if gpu_sums.is_all(axis, x.ndim) and x.size <= gpu_sums.FEW:
            return gpu_sums.of_all(x, keepdims)
        if lead := gpu_sums.leading(axis, x.ndim):
            return gpu_sums.down_columns(x, lead, keepdims)
        if gpu_rows.fits(x, axis):
            return gpu_rows.each_row("row_sums", x, keepdims)
    if x.size > _SMALL and axis is not None and x.ndim > 1 and isinstance(x, np.ndarray):
        for i in (axis,) if isinstance(axis, int) else axis:
            if x.strides[i] > x.itemsize:
                x = _shortened(x, i % x.ndim)
    return xp(x).add.reduce(x, axis=axis, keepdims=keepdims)


def average(x: Array, count: int, axis: Any = None, keepdims: bool = False) -> Array:
    """total(x, axis, keepdims) / count, of float32 or float64."""
    if gpu_sums.fit(x) and gpu_sums.is_all(axis, x.ndim) and x.size <= gpu_sums.FEW and count:
        return gpu_sums.of_all(x, keepdims, count)
    return total(x, axis, keepdims) / count


def _of_rows(x: np.ndarray) -> np.ndarray:
    """The sum of each row of a contiguous matrix. einsum reads memory twice as fast as BLAS, the cache half as fast."""
    return x.dot(filled(x.shape[1], x.dtype, 1)) if x.nbytes <= _CACHE else np.einsum("ij->i", x)


def _in_rows(x: np.ndarray) -> np.ndarray:
    """Sums of _ROWS elements each, and of what remains."""
    flat = x.reshape(-1)
    whole = flat.size - flat.size % _ROWS
    sums = _of_rows(flat[:whole].reshape(-1, _ROWS))
    return sums if whole == flat.size else np.append(sums, np.add.reduce(flat[whole:]))


def _shortened(x: np.ndarray, axis: int) -> np.ndarray:
    """Consecutive elements along `axis` added up in blocks, until few are left.

    NumPy adds pairwise along contiguous memory, but one by one across it: the error of a sum over a million rows
    would be a thousand times that of a sum in blocks.
    """
    front = (slice(None),) * axis
    while x.shape[axis] > 2 * _BLOCK:
        blocks, rest = divmod(x.shape[axis], _BLOCK)
        whole = x[(*front, slice(blocks * _BLOCK))]
        sums = np.add.reduce(whole.reshape(*x.shape[:axis], blocks, _BLOCK, *x.shape[axis + 1 :]), axis=axis + 1)
        if rest:
            last = np.add.reduce(x[(*front, slice(-rest, None))], axis=axis, keepdims=True)
            sums = np.concatenate([sums, last], axis=axis)
        x = sums
    return x
