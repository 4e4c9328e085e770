"""erf, erfc and erfinv of NumPy arrays, which NumPy itself does not have.

    erf, erfc     W. J. Cody, "Rational Chebyshev approximations for the error function", Math. Comp. 23 (1969)
    erfinv        M. J. Wichura, "Algorithm AS 241: the percentage points of the normal distribution",
                  Applied Statistics 37 (1988)

All compute in float64; only erf, which GELU waits for, has a faster form for float32 and float16.
"""

from __future__ import annotations

import math

import numpy as np

from minitorch.constants import filled
from minitorch.ops.rational import NEAR_BLOCK, by_blocks, choose, constants, monic, polynomial

# --- erf and erfc

_ERF_TOP = constants(
    1.85777706184603153e-1, 3.16112374387056560e0, 1.13864154151050156e2, 3.77485237685302021e2, 3.20937758913846947e3
)
_ERF_BOTTOM = constants(
    2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3
)  # fmt: skip
_MIDDLE_TOP = constants(
    2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e0, 6.61191906371416295e1, 2.98635138197400131e2,
    8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3, 1.23033935479799725e3,
)  # fmt: skip
_MIDDLE_BOTTOM = constants(
    1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3, 3.29079923573345963e3,
    4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3,
)  # fmt: skip
_FAR_TOP = constants(
    1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1,
    1.60837851487422766e-2, 6.58749161529837803e-4,
)  # fmt: skip
_FAR_BOTTOM = constants(
    2.56852019228982242e0, 1.87295284992346725e0, 5.27905102951428412e-1, 6.05183413124413191e-2, 2.33520497626869185e-3
)


def _erf_near(x: np.ndarray) -> np.ndarray:
    """erf for |x| <= 0.46875."""
    z = x * x
    return x * (polynomial(z, _ERF_TOP) / monic(z, _ERF_BOTTOM))


def _scaled_erfc_middle(y: np.ndarray) -> np.ndarray:
    """exp(y*y) * erfc(y) for y from 0.46875 to 4."""
    return polynomial(y, _MIDDLE_TOP) / monic(y, _MIDDLE_BOTTOM)


def _scaled_erfc_far(y: np.ndarray) -> np.ndarray:
    """exp(y*y) * erfc(y) for y > 4."""
    z = 1 / (y * y)
    return (1 / math.sqrt(math.pi) - z * polynomial(z, _FAR_TOP) / monic(z, _FAR_BOTTOM)) / y


def _erf(x: np.ndarray) -> np.ndarray:
    def away(x: np.ndarray) -> np.ndarray:
        y = np.minimum(np.abs(x), 6.0)  # beyond, erf is 1 to the last bit; to 6, the middle formula is exact enough
        return np.copysign(1 - np.exp(-y * y) * _scaled_erfc_middle(y), x)

    return choose(np.abs(x) <= 0.46875, x, _erf_near, away)


def _erfc(x: np.ndarray) -> np.ndarray:
    def away(x: np.ndarray) -> np.ndarray:
        y = np.minimum(np.abs(x), 28.0)  # beyond, erfc is 0
        # exp(-y*y) in two factors: rounding y*y would cost its relative error y*y times over.
        coarse = np.trunc(y * 16) / 16
        gauss = np.exp(-coarse * coarse) * np.exp((coarse - y) * (coarse + y))
        tail = gauss * choose(y > 4, y, _scaled_erfc_far, _scaled_erfc_middle)
        return np.where(x < 0, 2 - tail, tail)

    return choose(np.abs(x) <= 0.46875, x, lambda x: 1 - _erf_near(x), away)


# erf(x) = tanh(x + x * q(x*x)): q is smooth, and tanh hides its error where erf approaches 1. The fraction was
# fitted to q for |x| <= 4, minimizing the largest relative error of erf (4e-9).
_SINGLE_TOP = constants(
    5.70397242100112, 58.341841582568414, 378.2870126434023, 395.10614157364154, dtype=np.float32
)  # fmt: skip
_SINGLE_BOTTOM = constants(72.90918036090068, 482.860279993794, 3077.6498941927625, dtype=np.float32)
_SINGLE_END = 50  # the fraction would overflow at large x; from here on tanh is 1 anyway


def _erf_single(x: np.ndarray) -> np.ndarray:
    """erf of float32, in float32."""
    z = x * x
    ends = filled(NEAR_BLOCK // z.itemsize, z.dtype, _SINGLE_END)  # the minimum of two arrays: 4 times faster
    np.minimum(z, ends[: z.size], out=z)
    q = polynomial(z, _SINGLE_TOP)
    q /= monic(z, _SINGLE_BOTTOM)
    q *= x
    q += x
    return np.tanh(q, out=q)


def erf(x: np.ndarray) -> np.ndarray:
    return by_blocks(_erf, x) if x.dtype == np.float64 else by_blocks(_erf_single, x, np.float32)


def erfc(x: np.ndarray) -> np.ndarray:
    return by_blocks(_erfc, x)


# --- erfinv

_CENTRAL_TOP = constants(
    2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4, 4.5921953931549871457e4,
    1.3731693765509461125e4, 1.9715909503065514427e3, 1.3314166789178437745e2, 3.3871328727963666080e0,
)  # fmt: skip
_CENTRAL_BOTTOM = constants(
    5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4,
    5.3941960214247511077e3, 6.8718700749205790830e2, 4.2313330701600911252e1, 1.0,
)  # fmt: skip
_OUTER_TOP = constants(
    7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258e0,
    3.64784832476320460504e0, 5.76949722146069140550e0, 4.63033784615654529590e0, 1.42343711074968357734e0,
)  # fmt: skip
_OUTER_BOTTOM = constants(
    1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1,
    6.89767334985100004550e-1, 1.67638483018380384940e0, 2.05319162663775882187e0, 1.0,
)  # fmt: skip
_EXTREME_TOP = constants(
    2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3, 2.65321895265761230930e-2,
    2.96560571828504891230e-1, 1.78482653991729133580e0, 5.46378491116411436990e0, 6.65790464350110377720e0,
)  # fmt: skip
_EXTREME_BOTTOM = constants(
    2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5, 7.86869131145613259100e-4,
    1.48753612908506148525e-2, 1.36929880922735805310e-1, 5.99832206555887937690e-1, 1.0,
)  # fmt: skip


def _erfinv(x: np.ndarray) -> np.ndarray:
    """AS 241 gives the normal quantile of p = (x + 1) / 2; erfinv is that over sqrt(2)."""

    def central(x: np.ndarray) -> np.ndarray:
        r = 0.180625 - x * x / 4
        return x * (polynomial(r, _CENTRAL_TOP) / polynomial(r, _CENTRAL_BOTTOM)) * (0.5 / math.sqrt(2))

    def outside(x: np.ndarray) -> np.ndarray:
        r = np.sqrt(-np.log((1 - np.abs(x)) / 2))
        y = choose(
            r <= 5,
            r,
            lambda r: polynomial(r - 1.6, _OUTER_TOP) / polynomial(r - 1.6, _OUTER_BOTTOM),
            lambda r: polynomial(r - 5, _EXTREME_TOP) / polynomial(r - 5, _EXTREME_BOTTOM),
        )
        return np.where(np.abs(x) == 1, x * np.inf, np.copysign(y / math.sqrt(2), x))

    return choose(np.abs(x) <= 0.85, x, central, outside)


def erfinv(x: np.ndarray) -> np.ndarray:
    return by_blocks(_erfinv, x)
