"""Poisson counts: uniform numbers spent until a test succeeds, so that how many is itself random."""

from __future__ import annotations

import math

import numpy as np

from minitorch.device import Array
from minitorch.random.fill import not_implemented
from minitorch.random.generator import Generator, resolve
from minitorch.random.uniform import listed_float64

_AT_ONCE = 4096


class _Uniforms:
    """Uniform float64 numbers one at a time, made many at once, but never one too many: `later` is how many are
    sure to be wanted besides the next one."""

    def __init__(self, generator: Generator, later: int) -> None:
        self._generator = generator
        self._made: list[float] = []
        self.later = later

    def next(self) -> float:
        if not self._made:
            self._made = listed_float64(self._generator, 1 + min(self.later, _AT_ONCE))[::-1]
        return self._made.pop()


def poisson(rates: Array, generator: Generator | None = None) -> Array:
    """Counts with the given rates >= 0, in their shape and floating-point dtype (C order)."""
    generator = resolve(generator, "poisson")
    if rates.dtype.kind != "f":
        not_implemented("poisson_cpu", rates)
    if not (rates >= 0).all():
        raise RuntimeError("poisson: invalid Poisson rate, expected rate to be non-negative")
    uniforms = _Uniforms(generator, later=int(np.count_nonzero(rates)))
    counts = []
    for rate in rates.astype(np.float64).ravel().tolist():
        if rate == 0:
            counts.append(0.0)
            continue
        uniforms.later -= 1
        counts.append(_by_product(rate, uniforms) if rate < 10 else _by_rejection(rate, uniforms))
    with np.errstate(over="ignore"):
        if rates.dtype == np.float16:  # made from float32
            return np.array(counts, np.float32).astype(np.float16).reshape(rates.shape)
        return np.array(counts, rates.dtype).reshape(rates.shape)


def _by_product(rate: float, uniforms: _Uniforms) -> float:
    """How many uniform factors keep the product above exp(-rate) (D. Knuth, TAOCP 2, 3.4.1)."""
    limit = math.exp(-rate)
    count = 0
    product = uniforms.next()
    while product > limit:
        count += 1
        product *= uniforms.next()
    return count


def _by_rejection(rate: float, uniforms: _Uniforms) -> float:
    """Algorithm PTRS of W. Hoermann, "The transformed rejection method for generating Poisson random
    variables", Insurance: Mathematics and Economics 12 (1993)."""
    b = 0.931 + 2.53 * math.sqrt(rate)
    a = -0.059 + 0.02483 * b
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    v_r = 0.9277 - 3.6224 / (b - 2)
    while True:
        u = uniforms.next() - 0.5
        v = uniforms.next()
        us = 0.5 - abs(u)
        k = _floor((2 * a / us + b) * u + rate + 0.43)
        if us >= 0.07 and v <= v_r:
            return _as_int64(k)
        if k < 0 or (us < 0.013 and v > us):
            continue
        log_v = math.log(v) + math.log(inverse_alpha) - math.log(a / (us * us) + b)
        if log_v <= -rate + k * math.log(rate) - math.lgamma(k + 1):
            return _as_int64(k)


def _floor(x: float) -> float:
    return float(math.floor(x)) if abs(x) < 2.0**53 else x  # beyond are integers, infinity and nan


def _as_int64(k: float) -> float:
    return k if abs(k) < 2.0**63 else -(2.0**63)
