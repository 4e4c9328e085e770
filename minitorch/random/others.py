"""Uniform and normal numbers become exponential, log-normal, geometric, Cauchy and Poisson ones.

All are computed in float64 and cast. The formulas invert the distribution function, except where a source is named.
"""

from __future__ import annotations

import math

import numpy as np

from minitorch.device import Array
from minitorch.dtypes import scalar_name
from minitorch.random.fill import Draw, fill, not_implemented
from minitorch.random.generator import Generator, resolve
from minitorch.random.normal import serial_normals
from minitorch.random.rounding import exp, fma64, libm, log
from minitorch.random.uniform import unit_float64


def exponential_(out: Array, lambd: float = 1.0, generator: Generator | None = None) -> Array:
    """Fill with exponential numbers of rate lambd > 0: -log(1 - u) / lambd. Returns `out`."""
    generator = resolve(generator, "exponential_")
    if not lambd > 0:
        raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={lambd:g}")
    if out.size:
        _check_continuous("Exponential", out)
    scale = -1.0 / lambd

    def draw(n: int) -> Array:
        u = unit_float64(generator, n)
        if out.dtype == np.float64:
            return scale * libm(math.log1p, -u)
        # Twice as fast: NumPy's log1p is near enough, except where its last bits decide a rounding.
        x = scale * np.log1p(-u)
        below, above = (x * (1 - 2.0**-48)).astype(out.dtype), (x * (1 + 2.0**-48)).astype(out.dtype)
        unsure = below != above
        x[unsure] = scale * libm(math.log1p, -u[unsure])
        return x

    return _fill(out, draw)


def log_normal_(out: Array, mean: float = 1.0, std: float = 2.0, generator: Generator | None = None) -> Array:
    """Fill with exp(z), z normal of the given mean and std > 0. Returns `out`."""
    generator = resolve(generator, "log_normal_")
    if not std > 0:
        raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={std:g}")
    if out.size and out.dtype.kind != "f":
        not_implemented("log_normal_cpu", out)
    return _fill(out, lambda n: libm(exp, fma64(serial_normals(generator, n), float(std), float(mean))))


def geometric_(out: Array, p: float, generator: Generator | None = None) -> Array:
    """Fill with the number of trials up to the first success, each of probability p in (0, 1); any dtype
    but bool. Returns `out`."""
    generator = resolve(generator, "geometric_")
    if not 0 < p < 1:
        raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p:g}")
    if out.size and out.dtype.kind == "b":
        not_implemented("geometric_cpu", out)
    log_failure = math.log1p(-p)
    return _fill(out, lambda n: np.ceil(libm(log, unit_float64(generator, n)) / log_failure))


def cauchy_(out: Array, median: float = 0.0, sigma: float = 1.0, generator: Generator | None = None) -> Array:
    """Fill with Cauchy numbers, median + sigma * tan(pi (u - 1/2)), sigma > 0. Returns `out`."""
    generator = resolve(generator, "cauchy_")
    if not sigma > 0:
        raise RuntimeError(f"cauchy_ expects sigma > 0.0, but found sigma={sigma:g}")
    _check_continuous("Cauchy", out)

    def draw(n: int) -> Array:
        return fma64(libm(math.tan, math.pi * (unit_float64(generator, n) - 0.5)), float(sigma), float(median))

    return _fill(out, draw)


def _fill(out: Array, draw: Draw) -> Array:
    with np.errstate(all="ignore"):  # infinities are results here
        return fill(out, draw)


def _check_continuous(name: str, out: Array) -> None:
    if out.dtype.kind != "f":
        raise RuntimeError(
            f"{name} distribution is a continuous probability distribution. "
            f"dtype must be a floating point but you specified {scalar_name(out)}"
        )
