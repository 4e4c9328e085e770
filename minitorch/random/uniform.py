"""Words become uniform numbers, and uniform numbers become coin flips."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minitorch.device import Array
from minitorch.random.fill import check_overlap, empty_like, fill, not_implemented
from minitorch.random.generator import Generator, resolve
from minitorch.random.rounding import fma32, fma64

_LOW_53_BITS = 2**53 - 1
_LARGEST = {np.dtype(t): float(np.finfo(t).max) for t in (np.float16, np.float32, np.float64)}


def unit_float32(generator: Generator, n: int) -> Array:
    """n uniform numbers on [0, 1): the low 24 bits of a word, divided by 2**24 (exact)."""
    words = generator.words(n)
    words &= 0xFFFFFF
    return words.astype(np.float32) * np.float32(2.0**-24)


def unit_float64(generator: Generator, n: int) -> Array:
    """n uniform numbers on [0, 1): 53 of the 64 bits of two words, divided by 2**53 (exact)."""
    words = generator.words64(n)
    words &= _LOW_53_BITS
    return words.astype(np.float64) * 2.0**-53


def uniform_(out: Array, low: float = 0.0, high: float = 1.0, generator: Generator | None = None) -> Array:
    """Fill with uniform numbers on [low, high); floating-point dtypes. Returns `out`.

    low + u * (high - low), rounded once; what rounds up to `high` becomes `low`.
    """
    generator = resolve(generator, "uniform_")
    _check_uniform(out, low, high)
    dtype: Any = out.dtype.type
    work: Any = np.float64 if dtype is np.float64 else np.float32  # float16 is computed in float32
    unit = unit_float64 if work is np.float64 else unit_float32
    a, b = work(low), work(high)
    rounds_up = dtype is np.float16 or b - a != 1  # else u < 1 is kept as it is

    def draw(n: int) -> Array:
        x = _between(unit(generator, n), a, b).astype(dtype, copy=False)
        if rounds_up:
            np.copyto(x, dtype(a), where=x == dtype(b))
        return x

    return fill(out, draw)


def _between(u: Array, a: Any, b: Any) -> Array:
    """a + u * (b - a), rounded once; a and b are scalars of u's dtype."""
    width = b - a
    if a == 0:
        return u * width
    if a == -b:
        return (u - u.dtype.type(0.5)) * width  # u - 0.5 is exact
    if u.dtype == np.float64:
        return fma64(u, float(width), float(a))
    smallest_step = min(float(np.spacing(width)) * 2.0**-24, float(np.spacing(abs(a))))
    exact = max(abs(float(a)), abs(float(b))) <= smallest_step * 2.0**53
    return fma32(u, float(width), float(a), exact)


def _check_uniform(out: Array, low: float, high: float) -> None:
    if out.dtype.kind != "f":
        not_implemented("check_uniform_bounds", out)
    largest = _LARGEST[out.dtype]
    for name, bound in (("from", low), ("to", high)):
        if not -largest <= bound <= largest:
            raise RuntimeError(f"uniform_: {name} is out of bounds for {out.dtype}, found {name}={bound:g}")
    if low > high:
        raise RuntimeError(f"uniform_ expects to return a [from, to) range, but found from={low:g} > to={high:g}")
    if high - low > largest:
        raise RuntimeError(
            f"uniform_ expects to-from <= {largest:g}, the largest {out.dtype}, "
            f"but found to={high:g} and from={low:g} which result in to-from to exceed the limit"
        )


def bernoulli_(out: Array, p: Any = 0.5, generator: Generator | None = None) -> Array:
    """Fill with 1 with probability p, else 0; any dtype. Returns `out`.

    p is a number (two words each, whatever the dtypes), or an array that broadcasts to `out`: a float64 one
    takes two words each, a smaller float one.
    """
    generator = resolve(generator, "bernoulli_")
    if isinstance(p, np.ndarray):
        return _bernoulli_array(out, p, generator)
    if not 0 <= p <= 1:
        raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p:g}")
    below = math.ceil(p * 2.0**53)  # u * 2**-53 < p, as integers
    return fill(out, lambda n: (generator.words64(n) & _LOW_53_BITS) < below)


def _bernoulli_array(out: Array, p: Array, generator: Generator) -> Array:
    if p.dtype.kind != "f":
        not_implemented("bernoulli_tensor_cpu_p_", p)
    try:
        p = np.broadcast_to(p, out.shape)
    except ValueError:
        raise RuntimeError(f"bernoulli_: p of shape {p.shape} does not broadcast to {out.shape}") from None
    if out.size and not ((p >= 0) & (p <= 1)).all():
        raise RuntimeError(
            "bernoulli_: Expected p_in >= 0 && p_in <= 1 to be true, but got false: "
            "every probability must lie in [0, 1]"
        )
    check_overlap(out)
    wide = p.dtype == np.float64
    u = np.empty_like(out, dtype=np.float64 if wide else np.float32, subok=False)  # with the axis order of `out`
    fill(u, lambda n: (unit_float64 if wide else unit_float32)(generator, n))
    out[...] = u < p
    return out


def dropout_noise(x: Array, p: float, generator: Generator | None = None) -> Array:
    """The factors of dropout: 1 / (1 - p) with probability 1 - p, else 0, in the dtype and layout of `x`.

    x: floating point, 0 < p <= 1. p == 1 draws nothing.
    """
    noise = empty_like(x)
    if p == 1:
        noise[...] = 0
        return noise
    work: Any = np.float64 if x.dtype == np.float64 else np.float32
    bernoulli_(noise, 1 - p, generator)
    noise *= x.dtype.type(work(1) / work(1 - p))
    return noise
