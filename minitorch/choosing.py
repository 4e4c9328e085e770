"""Choosing between values, elementwise, at the speed of memory.

NumPy's `where` branches at every element, several nanoseconds each if the mask is not predictable, and its `maximum`
and `minimum` have vector instructions for two arrays, not for an array and a number. These functions give the same
values by integer arithmetic on the bits and by `clip`; each says how much that is worth. CuPy needs no such help.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minitorch.constants import filled
from minitorch.device import Array, xp
from minitorch.fusion import elementwise

_MANY = 4096  # elements: below, NumPy's own functions are as fast
_SAME_SIZE_INT = {2: np.dtype(np.int16), 4: np.dtype(np.int32), 8: np.dtype(np.int64)}


def _bits(x: Array) -> Array:
    return x.view(_SAME_SIZE_INT[x.dtype.itemsize])


@elementwise
def zero_unless(x: Array, mask: Array) -> Array:
    """The floating `x` where `mask`, an array of its shape, is not 0, else 0, also where x is infinite or NaN.

    The bits are multiplied by 0 or 1: ten times faster than np.where.
    """
    if not isinstance(x, np.ndarray) or not x.ndim:
        return xp(x).where(mask.astype("?", copy=False), x, x.dtype.type(0))
    if mask.dtype.char != "?":
        mask = mask.astype("?")  # in half the time of mask != 0
    bits = _bits(x)
    mask = mask.astype(bits.dtype)  # within the product that would take twice the time
    mask *= bits
    return mask.view(x.dtype)


def select(mask: Array, x: Any, y: Any) -> Array:
    """`x` where `mask` holds, else `y`: arrays of one dtype, or one of them a number.

    For many floating values y + (x - y) * mask on the bits, which wraps around and is exact: 2 to 8 times faster.
    """
    dtype = x.dtype if hasattr(x, "dtype") else y.dtype
    whole = getattr(x, "ndim", 0) or getattr(y, "ndim", 0)
    if not (isinstance(mask, np.ndarray) and dtype.kind == "f" and mask.size >= _MANY and whole):
        return xp(mask).where(mask, _number(x, dtype), _number(y, dtype))
    start = _bits(np.asarray(y, dtype))
    step = _bits(np.asarray(x, dtype)) - start
    if step.shape != mask.shape:
        return (start + step * mask).view(dtype)
    step *= mask
    step += start
    return step.view(dtype)


def _number(x: Any, dtype: Any) -> Any:
    """A Python number in that dtype: in `where` it would make float64 of a mask's result."""
    return x if hasattr(x, "dtype") else dtype.type(x)


def limited(x: Array, low: Any = None, high: Any = None) -> Array:
    """min(max(x, low), high); a limit may be None, a number or an array. Of many floating values 3 to 6 times faster."""
    if isinstance(x, np.ndarray) and x.size >= _MANY and x.dtype.kind == "f":
        return x.clip(-math.inf if low is None else low, math.inf if high is None else high)
    low, high = _limit(low, x), _limit(high, x)
    if low is not None:
        x = xp(x).maximum(low, x)  # in this order: at a tie of 0.0 and -0.0 x stays, as in clip and in PyTorch
    return x if high is None else xp(x).minimum(high, x)


def _limit(value: Any, x: Array) -> Any:
    return (
        filled((), x.dtype, value)
        if value.__class__ is int and isinstance(x, np.ndarray) and x.dtype.kind == "f"
        else value
    )


def positive_part(x: Array) -> Array:
    """max(x, 0): of few values 2 times faster as the maximum of two arrays."""
    if isinstance(x, np.ndarray) and x.ndim and x.size < _MANY and x.flags.c_contiguous:
        return np.maximum(filled(x.shape, x.dtype, 0), x)
    return limited(x, 0)
