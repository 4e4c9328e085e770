"""Arithmetic to the last bit: multiply-adds with one rounding, and the C library's log, sin and company.

PyTorch's kernels compute x * y + c in one instruction, rounded once; NumPy rounds twice. The methods here
are in S. Boldo, G. Melquiond, "Emulation of FMA and correctly rounded sums: proved algorithms using
rounding to odd", IEEE Trans. Computers 57 (2008).
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable

import numpy as np

from minitorch.device import Array

_SPLIT = 2.0**27 + 1
_LOW_HALF = 0 if sys.byteorder == "little" else 1


def fma32(x: Array, y: float, c: float, exact: bool = False) -> Array:
    """x * y + c with one rounding; x float32 and 0 or above 2**-60, y and c representable in float32. exact: the
    caller knows that float64 holds x * y + c."""
    if abs(math.frexp(y)[0]) == 0.5 and 2.0**-60 <= abs(y) <= 2.0**60:  # a power of two: x * y is exact
        return x * np.float32(y) + np.float32(c)
    total = x.astype(np.float64)
    total *= y  # exact: 24 bits times 24 bits
    if c != 0:
        total += c
        if not exact:
            # Rounding to 53 and then to 24 bits is wrong only if the first rounding makes a tie for the second.
            # The 29 bits that the second one drops lie in the lower half of a float64.
            low_half = total.view(np.uint32)[_LOW_HALF::2]
            ties = np.flatnonzero(low_half << np.uint32(3) == np.uint32(0x80000000))
            if ties.size:
                total[ties] = _odd_sum(x[ties].astype(np.float64) * y, c)
    return total.astype(np.float32)


def fma64(x: Array, y: float, c: float) -> Array:
    """x * y + c with one rounding; x float64."""
    if y == 1 or c == 0:
        return x * y + c
    high = x * y
    low = _product_error(x, y, high)
    low_sum, low_error = _two_sum(low, c)
    total, error = _two_sum(high, low_sum)
    result = total + _odd_sum(low_error, error)
    return np.where(np.isfinite(result), result, high + c)  # infinities leave no finite error terms


def _two_sum(a: Array, b: Array | float) -> tuple[Array, Array]:
    """(s, e): s = a + b rounded, s + e exact (Knuth)."""
    s = a + b
    b_part = s - a
    return s, (a - (s - b_part)) + (b - b_part)


def _product_error(x: Array, y: float, product: Array) -> Array:
    """x * y - product, exactly (Dekker)."""
    x_high = x * _SPLIT - (x * _SPLIT - x)
    y_high = y * _SPLIT - (y * _SPLIT - y)
    x_low, y_low = x - x_high, y - y_high
    return x_low * y_low - (((product - x_high * y_high) - x_low * y_high) - x_high * y_low)


def _odd_sum(a: Array, b: Array | float) -> Array:
    """a + b rounded to odd: an inexact sum becomes the neighbour whose last bit is 1, never a tie."""
    s, error = _two_sum(a, b)
    if not error.any():
        return s
    even = (s.view(np.int64) & 1) == 0
    return np.where(even & (error != 0), np.nextafter(s, np.copysign(np.inf, error)), s)


def libm(function: Callable[[float], float], x: Array) -> Array:
    """`math.log` and the like over a float64 array. NumPy's own loops may differ from the C library, which
    PyTorch calls, in the last bit."""
    return np.fromiter(map(function, x.tolist()), np.float64, x.size)
