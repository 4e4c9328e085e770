"""Special functions: the error function and the gamma function, their kin, and their derivatives.

Integers are taken as the default dtype. NumPy has none of these functions: see error_function.py and gamma.py;
CuPy has its own.
"""

from __future__ import annotations

import math
from functools import reduce
from operator import add
from typing import Any

import numpy as np

from minitorch import dtypes
from minitorch.autograd.tape import differentiable
from minitorch.device import Array, cupy_special, is_on_gpu, xp
from minitorch.dtypes import to_floating
from minitorch.fusion import Symbol
from minitorch.ops import error_function, gamma
from minitorch.ops.compare import eq
from minitorch.ops.elementwise import cos, exp, sin, where


def _call(ours: Any, theirs: str, input: Array) -> Array:
    """Our function of a NumPy array, or CuPy's function `theirs` of a CuPy array."""
    x = to_floating(input)
    if isinstance(x, Symbol):
        return x.step(theirs, x)
    if xp(x) is np:
        return ours(x)
    return getattr(cupy_special(), theirs)(x).astype(x.dtype, copy=False)


# --- the error function


@differentiable(lambda g, input: g * (2 / math.sqrt(math.pi) * exp(-(input * input))))
def erf(input: Array) -> Array:
    """2/sqrt(pi) times the integral of exp(-t*t) from 0 to `input`."""
    return _call(error_function.erf, "erf", input)


@differentiable(lambda g, input: g * (-2 / math.sqrt(math.pi) * exp(-(input * input))))
def erfc(input: Array) -> Array:
    """1 - erf(input), exact where that is tiny."""
    return _call(error_function.erfc, "erfc", input)


@differentiable(lambda g, input: g * _erfinv_slope(input))
def erfinv(input: Array) -> Array:
    """The number whose erf is `input`; at -1 and 1 infinite, beyond them NaN."""
    return _call(error_function.erfinv, "erfinv", input)


def _erfinv_slope(input: Any) -> Any:
    out = erfinv(input)
    return 0.5 * math.sqrt(math.pi) * exp(out * out)


# --- the gamma function


@differentiable(lambda g, input: g * polygamma(1, input))
def digamma(input: Array) -> Array:
    """The derivative of lgamma; at 0 infinite, at -1, -2, ... NaN."""
    return _call(gamma.digamma, "digamma", input)


@differentiable(lambda g, input: g * digamma(input))
def lgamma(input: Array) -> Array:
    """log(|gamma(input)|); at 0, -1, -2, ... inf."""
    if is_on_gpu(input) and input.dtype.kind == "f":  # CuPy has -inf at -inf; from far below it is inf
        input = xp(input).maximum(input, float(np.finfo(input.dtype).min))
    return _call(gamma.lgamma, "gammaln", input)


@differentiable(lambda g, input, n: g * polygamma(n + 1, input))
def _polygamma(input: Array, n: int) -> Array:
    x = to_floating(input)
    lib = xp(x)
    if lib is np:
        return gamma.polygamma(n, x)
    found = cupy_special().polygamma(lib.asarray(n), x).astype(x.dtype, copy=False)
    return lib.where(x == -np.inf, x.dtype.type(np.nan), found)  # CuPy: inf


def polygamma(n: int, input: Any) -> Any:
    """The n-th derivative of digamma; n >= 0. At 0, -1, -2, ... inf for odd n, -inf for even n > 0."""
    if not isinstance(n, int) or isinstance(n, bool):
        raise TypeError(f"polygamma(): argument 'n' (position 1) must be int, not {n.__class__.__name__}")
    if n < 0:
        raise RuntimeError(f"polygamma(n, x) does not support negative n. n is {n}, it must be at least 0.")
    return _polygamma(input, n=n)


@differentiable(lambda g, input, p: g * reduce(add, [digamma(input - j / 2) for j in range(p)]))
def _mvlgamma(input: Array, p: int) -> Array:
    x = to_floating(input)
    return reduce(add, [lgamma.array(x - j / 2) for j in range(p)]) + p * (p - 1) / 4 * math.log(math.pi)


def mvlgamma(input: Any, p: int) -> Any:
    """The logarithm of the gamma function of p-by-p matrices: log(pi) p(p-1)/4 + sum of lgamma(input - j/2), j < p."""
    if not isinstance(p, int) or isinstance(p, bool):
        raise TypeError(f"mvlgamma(): argument 'p' (position 2) must be int, not {p.__class__.__name__}")
    if p < 1:
        raise RuntimeError(f"mvlgamma(): p has to be greater than or equal to 1, but is {p}")
    if input.dtype is dtypes.bool:
        raise RuntimeError("mvlgamma(): The input tensor may not be a boolean tensor.")
    return _mvlgamma(input, p=p)


# --- sinc


@differentiable(lambda g, input: g * _sinc_slope(input))
def sinc(input: Array) -> Array:
    """sin(pi * input) / (pi * input), and 1 at 0."""
    x = to_floating(input)
    lib = xp(x)
    with np.errstate(all="ignore"):
        y = math.pi * x
        return lib.where(x == 0, x.dtype.type(1), lib.sin(y) / y)


def _sinc_slope(input: Any) -> Any:
    y = math.pi * input
    square = y * input
    return where(eq(square, 0), 0.0, (y * cos(y) - sin(y)) / square)
