"""Arithmetic to the last bit: multiply-adds with one rounding, and the C library's log, sin and company.

PyTorch's kernels compute x * y + c in one instruction, rounded once; NumPy rounds twice. The methods here
are in S. Boldo, G. Melquiond, "Emulation of FMA and correctly rounded sums: proved algorithms using
rounding to odd", IEEE Trans. Computers 57 (2008).
"""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Callable
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np

from minitorch.device import Array

FEW = 32  # numbers; up to here a loop in Python is quicker than calls of NumPy
_SPLIT = 2.0**27 + 1
_LOW_HALF = 0 if sys.byteorder == "little" else 1


def fma32(x: Array, y: float, c: float, exact: bool = False) -> Array:
    """x * y + c with one rounding; x float32 and 0 or above 2**-60, y and c representable in float32. exact: the
    caller knows that float64 holds x * y + c."""
    if abs(math.frexp(y)[0]) == 0.5 and 2.0**-60 <= abs(y) <= 2.0**60:  # a power of two: x * y is exact
        return x * np.float32(y) + np.float32(c)
    total = x.astype(np.float64)
    total *= y  # exact: 24 bits times 24 bits
    total += c  # also 0, which makes 0 of -0
    if c != 0 and not exact:
        # Rounding to 53 and then to 24 bits is wrong only if the first rounding makes a tie for the second.
        # The 29 bits that the second one drops lie in the lower half of a float64.
        low_half = total.view(np.uint32)[_LOW_HALF::2]
        ties = low_half << np.uint32(3) == np.uint32(0x80000000)
        if ties.any():
            total[ties] = _odd_sum(x[ties].astype(np.float64) * y, c)
    return total.astype(np.float32)


def fma64(x: Array, y: float, c: float) -> Array:
    """x * y + c with one rounding; x float64 and 0 or from 2**-90 to 2**90."""
    if y == 1:
        return x + c
    if y == 0 or (c == 0 and abs(y) > 2.0**-800):
        return x * y + c
    if not 2.0**-800 < abs(y) < 2.0**900:  # products that leave no room for their errors
        return np.array([_fma_of_fractions(v, y, c) for v in x.tolist()])
    if x.size <= FEW:
        return np.array([_fma(v, y, c) for v in x.tolist()])
    high = x * y
    low = _product_error(x, y, high)
    low_sum, low_error = _two_sum(low, c)
    total, error = _two_sum(high, low_sum)
    result = total + _odd_sum(low_error, error)
    return np.where(np.isfinite(result), result, high + c)  # infinities leave no finite error terms


def _fma(x: float, y: float, c: float) -> float:
    high = x * y
    return math.fsum((high, _product_error(x, y, high), c)) if math.isfinite(high + c) else high + c


def _fma_of_fractions(x: float, y: float, c: float) -> float:
    try:
        return float(Fraction(x) * Fraction(y) + Fraction(c))
    except (OverflowError, ValueError):  # beyond the largest number; infinite or nan
        return x * y + c


def _two_sum(a: Array, b: Array | float) -> tuple[Array, Array]:
    """(s, e): s = a + b rounded, s + e exact (Knuth)."""
    s = a + b
    b_part = s - a
    return s, (a - (s - b_part)) + (b - b_part)


def _product_error(x: Any, y: float, product: Any) -> Any:
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


# --- the C library over arrays

_Function: TypeAlias = Callable[[float], float]


def libm(function: _Function, x: Array) -> Array:
    """`math.cos` and the like over a float64 array (n,); `log` of multiples of 2**-53 up to 1."""
    if x.size > FEW and _is_in_numpy(function):
        return _IN_NUMPY[function][0](x)
    return np.fromiter(map(function, x.data), np.float64, x.size)


def log(x: float) -> float:
    """math.log, of 0 too."""
    return math.log(x) if x else -math.inf


def exp(x: float) -> float:
    """math.exp, but infinite where that overflows."""
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf


def _log(x: Array) -> Array:
    """NumPy's complex log1p is the C library's log of |1 + z|, whatever loop its log has for real numbers."""
    return np.log1p(np.asarray(x - 1, np.complex128)).real


_IN_NUMPY: dict[_Function, tuple[Callable[[Array], Array], float, float]] = {  # and from where to where it is called
    log: (_log, 0, 1),
    math.log1p: (np.log1p, -1, 0),
    math.cos: (np.cos, 0, 2 * math.pi),
    math.sin: (np.sin, 0, 2 * math.pi),
    math.tan: (np.tan, -math.pi / 2, math.pi / 2),
    exp: (np.exp, -30, 30),
}


@functools.cache
def _is_in_numpy(function: _Function) -> bool:
    """Whether NumPy calls the C library too. Where it has a loop of its own, that differs in the last bit of one
    result in a hundred or so, which a sample shows."""
    quick, low, high = _IN_NUMPY[function]
    x = low + (high - low) * ((np.arange(1.0, 2**13) * 0.6180339887498949) % 1)
    return bool((quick(x) == np.fromiter(map(function, x.data), np.float64, x.size)).all())
