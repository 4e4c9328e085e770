"""log, sin and cos in float32, to the last bit as PyTorch's vectorised kernels evaluate them.

The polynomials are those of S. Moshier's Cephes library (logf.c, sinf.c). Each step is a float32
operation; a multiply-add is rounded once, for which a float64 multiply and add suffice here.
"""

from __future__ import annotations

import numpy as np

from minitorch.device import Array

_LOG = (
    7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1,
    -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
)  # fmt: skip
_LN2 = (0.693359375, -2.12194440e-4)  # ln 2 in two parts: multiples of the first are exact
_SIN = (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)
_COS = (2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)
_PI_4 = (0.78515625, 2.4187564849853515625e-4, 3.77489497744594108e-8)  # pi / 4 in three parts
_SQRT_HALF_BITS = np.float32(np.sqrt(0.5)).view(np.int32)


def _f32(x: float) -> float:
    return float(np.float32(x))


def _multiply_add(x: Array, y: Array | float, c: Array | float) -> Array:
    result = x.astype(np.float64)
    result *= y  # exact
    result += c
    return result.astype(np.float32)


def _polynomial(coefficients: tuple[float, ...], x: Array) -> Array:
    """Horner's rule; x is float64 and holds float32 numbers."""
    wide = x * _f32(coefficients[0])
    wide += _f32(coefficients[1])
    result = wide.astype(np.float32)
    for c in coefficients[2:]:  # a multiply-add each, without new arrays
        wide[...] = result
        wide *= x
        wide += _f32(c)
        result[...] = wide
    return result


def log(u: Array) -> Array:
    """ln u for float32 u in (0, 1]: u = m * 2**e with m from sqrt(1/2) to sqrt(2), so ln u = e ln 2 + ln m."""
    bits = u.view(np.int32)
    exponent = (bits - _SQRT_HALF_BITS) >> 23
    x = (bits - (exponent << 23)).view(np.float32) - np.float32(1)
    e = exponent.astype(np.float32)
    square = x * x
    y = _polynomial(_LOG, x.astype(np.float64))
    y *= x
    y = _multiply_add(y, square.astype(np.float64), e * np.float32(_LN2[1]))
    y -= square * np.float32(0.5)
    return (x + y) + e * np.float32(_LN2[0])


def sin_cos(angle: Array) -> tuple[Array, Array]:
    """(sin, cos) of float32 angles in [0, 2 pi): of the angle less j pi/4 (j = 0, 2 ... 8), then by symmetry."""
    octant = (angle * np.float32(4 / np.pi)).astype(np.int32)
    j = (octant + 1) & ~1
    jf = j.astype(np.float32)
    x = angle - jf * np.float32(_PI_4[0])
    x -= jf * np.float32(_PI_4[1])
    x = _multiply_add(jf, np.float64(-_f32(_PI_4[2])), x)
    square = x * x
    wide = square.astype(np.float64)
    cos = _polynomial(_COS, wide)
    cos *= square
    cos = _multiply_add(cos, wide, wide * -0.5)
    cos += np.float32(1)
    sin = _polynomial(_SIN, wide)
    sin *= square
    sin = _multiply_add(sin, x.astype(np.float64), x)
    swap = (j & 2) != 0
    sin_of_angle: Array = np.where(swap, cos, sin)
    cos_of_angle: Array = np.where(swap, sin, cos)
    sign_bits: Array = sin_of_angle.view(np.int32)
    sign_bits ^= (j & 4) << 29
    sign_bits = cos_of_angle.view(np.int32)
    sign_bits ^= ((j + 2) & 4) << 29
    return sin_of_angle, cos_of_angle
