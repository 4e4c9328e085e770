"""Elements at places that an index names, read and written on a GPU by one kernel each.

CuPy's indexing starts several kernels, and wraps what is out of range. Here arrays are (before, n, after), and an index
names one of the n; what is out of range reads and writes nothing, and is noted (faults.py) by `take`, or before.
"""

from __future__ import annotations

from functools import cache
from math import prod
from typing import Any

import numpy as np

from minitorch import faults
from minitorch.device import Array, gpu_of, is_on_gpu, xp

_ELSEWHERE = "int64 n, int64 after, "
# `each` indices serve all of before and after.
_TAKE = """
    const long long given = index[i / after % each], at = given < 0 ? given + n : given;
    if (given >= low && given < n) out = x[(i / after / each * n + at) * after + i % after];
    else {
        out = 0;
        if (note[0] == 0) {
            note[0] = site;
            note[1] = static_cast<double>(given);
            note[2] = static_cast<double>(n - 1);
        }
    }
"""
# Each line has `each` indices of its own.
_KNOWN, _ALONG = "index >= 0 && index < n", "(i / after / each * n + index) * after + i % after"
KERNELS = {
    "take": (
        f"raw T x, raw int64 index, {_ELSEWHERE}int64 each, int64 low, float64 site",
        "T out, raw float64 note",
        _TAKE,
    ),
    "take_along": (
        f"raw T x, int64 index, {_ELSEWHERE}int64 each",
        "T out",
        f"out = {_KNOWN} ? x[{_ALONG}] : static_cast<T>(0);",
    ),
    "put_along": (f"T x, int64 index, {_ELSEWHERE}int64 each", "raw T out", f"if ({_KNOWN}) out[{_ALONG}] = x;"),
}


def take(x: Array, index: Array, axis: int, message: str, wraps: bool = True) -> Array:
    """x.take(index, axis), where the index counts from -n, or from 0 unless it `wraps`, to n - 1.

    message: for an index that does not, see faults.py. IndexError at once if n is 0.
    """
    lib, shape = xp(x), x.shape
    if index.size and not shape[axis]:
        raise IndexError(f"index is out of bounds for dimension {axis} with size 0")
    out = lib.empty(shape[:axis] + index.shape + shape[axis + 1 :], x.dtype)
    if out.size:
        site, note = faults.site_and_note(x, message)
        index = index.astype(np.int64, copy=False)
        numbers = shape[axis], prod(shape[axis + 1 :]), index.size, -shape[axis] if wraps else 0, site
        _kernel(lib, "take")(_moved(x), index, *numbers, _moved(out), note)
        faults.launched(gpu_of(x))
    return out


def fit_along(shape: tuple[int, ...], index: Array, dim: int) -> bool:
    """Whether `take_along` and `put_along` take this index for an array of that shape: it has all its other sizes."""
    rest = shape[dim + 1 :]
    wanted = (shape[:dim] + rest, shape[:dim] + index.shape[dim : dim + 1] + rest)
    return is_on_gpu(index) and index.dtype.char in "lq" and index.shape in wanted


def take_along(x: Array, index: Array, dim: int) -> Array:
    """out[i, j] = x[index[i, j], j] for dim 0, and so on, or without that dimension out[j] = x[index[j], j]."""
    out = xp(x).empty(index.shape, x.dtype)
    if out.size:
        _kernel(xp(x), "take_along")(_moved(x), index, *_along(x.shape, index, dim), _moved(out))
    return out


def put_along(x: Array, index: Array, size: tuple[int, ...], dim: int) -> Array:
    """Zeros of that size, and where `take_along` would read, x. No place is named twice."""
    out = xp(x).zeros(size, x.dtype)
    if index.size:
        _kernel(xp(x), "put_along")(_moved(x), index, *_along(size, index, dim), _moved(out))
    return out


def _along(shape: tuple[int, ...], index: Array, dim: int) -> tuple[int, int, int]:
    """(n, after, each)."""
    return shape[dim], prod(shape[dim + 1 :]), index.shape[dim] if index.ndim == len(shape) else 1


def _moved(x: Array) -> Array:
    """A half as an integer: it is only moved."""
    return x.view(np.int16) if x.dtype.char == "e" else x


@cache
def _kernel(lib: Any, name: str) -> Any:
    return lib.ElementwiseKernel(*KERNELS[name], f"minitorch_{name}")
