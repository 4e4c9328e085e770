"""log, sin and cos in float32, to the last bit as PyTorch's vectorised kernels evaluate them.

The polynomials are those of S. Moshier's Cephes library (logf.c, sinf.c). Each step is a float32 operation; a
multiply-add is rounded once, for which a float64 multiply and add suffice here. Steps are done in place where
they can be: fresh memory costs more than the arithmetic.
"""

from __future__ import annotations

import numpy as np

from minitorch.device import Array


def _float32s(*numbers: float) -> list[float]:
    return [float(np.float32(x)) for x in numbers]


_LOG = _float32s(
    7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1,
    -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
)  # fmt: skip
_SIN = _float32s(-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)
_COS = _float32s(2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)
_LN2 = np.float32(0.693359375), np.float32(-2.12194440e-4)  # ln 2 in two parts: multiples of the first are exact
# pi / 4 in three parts, of which small multiples of the first two are exact
_PI_4 = np.float32(0.78515625), np.float32(2.4187564849853515625e-4), float(np.float32(3.77489497744594108e-8))
_SQRT_HALF_BITS = np.float32(np.sqrt(0.5)).view(np.int32)
_FRACTION = np.int32(0x7FFFFF)  # of the bits of a float32
_SIGN = np.int32(-(2**31))


def _multiply_add(y: Array, x: Array, c: Array | float, wide: Array) -> None:
    """y = y * x + c in place, rounded once. y: float32; x: float64 that holds float32 numbers; wide: float64
    memory to work in."""
    wide[...] = y
    wide *= x  # exact
    wide += c
    y[...] = wide


def _polynomial(coefficients: list[float], x: Array, wide: Array) -> Array:
    """Horner's rule in float32, one multiply-add per coefficient; x and wide as in `_multiply_add`."""
    np.multiply(x, coefficients[0], out=wide)
    wide += coefficients[1]
    y = wide.astype(np.float32)
    for c in coefficients[2:]:
        _multiply_add(y, x, c, wide)
    return y


def log(u: Array) -> Array:
    """ln u for float32 u in (0, 1]: u = m * 2**e with m from sqrt(1/2) to sqrt(2), so ln u = e ln 2 + ln m."""
    bits = u.view(np.int32) - _SQRT_HALF_BITS
    e = (bits >> 23).astype(np.float32)
    bits &= _FRACTION
    bits += _SQRT_HALF_BITS
    x: Array = bits.view(np.float32)  # m
    x -= np.float32(1)
    x_wide = x.astype(np.float64)
    wide = np.empty(x.shape)
    y = _polynomial(_LOG, x_wide, wide)
    y *= x
    square = x * x
    x_wide[...] = square
    _multiply_add(y, x_wide, e * _LN2[1], wide)
    square *= np.float32(0.5)
    y -= square
    y += x
    e *= _LN2[0]
    y += e
    return y


def sin_cos(angle: Array) -> tuple[Array, Array]:
    """(sin, cos) of float32 angles in [0, 2 pi): of the angle less j pi/4 (j = 0, 2 ... 8), then by symmetry."""
    j = (angle * np.float32(4 / np.pi)).astype(np.int32)
    j += 1
    j &= ~1
    x = j.astype(np.float32)
    wide = x.astype(np.float64)
    wide *= -_PI_4[2]
    part = x * _PI_4[1]
    x *= -_PI_4[0]
    x += angle
    x -= part
    wide += x
    x[...] = wide
    square = np.multiply(x, x, out=part)
    square_wide = square.astype(np.float64)
    sin = _polynomial(_SIN, square_wide, wide)
    sin *= square
    cos = _polynomial(_COS, square_wide, wide)
    cos *= square
    square *= np.float32(-0.5)
    _multiply_add(cos, square_wide, square, wide)
    cos += np.float32(1)
    x_wide = square_wide
    x_wide[...] = x
    _multiply_add(sin, x_wide, x_wide, wide)
    _turn(j, sin.view(np.int32), cos.view(np.int32))
    return sin, cos


def _turn(j: Array, sin: Array, cos: Array) -> None:
    """The bits of sin x and cos x become those of sin(x + j pi/4) and cos(x + j pi/4), for even j."""
    exchanged = j << 30  # j = 2, 6: the two change places
    exchanged >>= 31  # all bits are ones there
    exchanged &= sin ^ cos
    sin ^= exchanged
    cos ^= exchanged
    for bits, half_turns in ((sin, j), (cos, j + 2)):
        half_turns <<= 29  # 4 is the sign bit now
        half_turns &= _SIGN
        bits ^= half_turns
