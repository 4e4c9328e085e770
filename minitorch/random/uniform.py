"""Words become uniform numbers, and uniform numbers become coin flips."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minitorch.device import Array
from minitorch.random.fill import check_overlap, fill, not_implemented
from minitorch.random.generator import Generator, resolve
from minitorch.random.rounding import FEW, fma32, fma64

# As arrays of no dimension, which NumPy takes up quicker than its scalars.
_LOW_24_BITS, _LOW_53_BITS = np.array(2**24 - 1, np.uint64), np.array(2**53 - 1, np.uint64)
_2_24, _2_53 = np.array(2.0**-24, np.float32), np.array(2.0**-53)
_SMALL = 2.0**-100  # well above the subnormal numbers
_LARGEST = {np.dtype(t): float(np.finfo(t).max) for t in (np.float16, np.float32, np.float64)}


def unit_float32(generator: Generator, n: int) -> Array:
    """n uniform numbers on [0, 1): the low 24 bits of a word, divided by 2**24 (exact)."""
    words = generator.words(n)
    words &= _LOW_24_BITS
    u = words.astype(np.float32)
    u *= _2_24
    return u


def unit_float64(generator: Generator, n: int) -> Array:
    """n uniform numbers on [0, 1): 53 of the 64 bits of two words, divided by 2**53 (exact)."""
    words = generator.words64(n)
    words &= _LOW_53_BITS
    u = words.astype(np.float64)
    u *= _2_53
    return u


def listed_float64(generator: Generator, n: int) -> list[float]:
    """`unit_float64` as a list. For a few numbers it is quicker without NumPy, whose every call has its price."""
    if n > FEW:
        return unit_float64(generator, n).tolist()
    words = iter(generator.words(2 * n).tolist())
    return [((high & 0x1FFFFF) << 32 | low) * 2.0**-53 for high, low in zip(words, words, strict=True)]


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
    width = b - a
    # u < 1 by 2**-24 (or 2**-53), too much to be rounded away from a multiple of u or u - 0.5
    stays_below = dtype is work and (a == 0 or a == -b) and width > _SMALL

    def draw(n: int) -> Array:
        x = _stretch(unit(generator, n), a, b, width)
        if not stays_below:
            x = x.astype(dtype, copy=False)
            np.copyto(x, dtype(a), where=x == dtype(b))
        return x

    return fill(out, draw)


def _stretch(u: Array, a: Any, b: Any, width: Any) -> Array:
    """a + u * width, rounded once, maybe in place; a, b and width = b - a are scalars of u's dtype."""
    if a == 0:
        if width != 1:
            u *= width
        return u
    if a == -b:
        u -= u.dtype.type(0.5)  # exact
        u *= width
        return u
    if u.dtype == np.float64:
        return fma64(u, float(width), float(a))
    smallest_step = min(float(np.spacing(width)) * 2.0**-24, float(np.spacing(abs(a))))
    exact = max(abs(float(a)), abs(float(b))) <= smallest_step * 2.0**53
    return fma32(u, float(width), float(a), exact)


def _check_uniform(out: Array, low: float, high: float) -> None:
    if out.dtype.kind != "f":
        not_implemented("check_uniform_bounds", out)
    largest = _LARGEST[out.dtype]
    if -largest <= low <= high <= largest and high - low <= largest:
        return
    for name, bound in (("from", low), ("to", high)):
        if not -largest <= bound <= largest:
            raise RuntimeError(f"uniform_: {name} is out of bounds for {out.dtype}, found {name}={bound:g}")
    if low > high:
        raise RuntimeError(f"uniform_ expects to return a [from, to) range, but found from={low:g} > to={high:g}")
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

    def draw(n: int) -> Array:
        words = generator.words64(n)
        words &= _LOW_53_BITS
        return words < below

    return fill(out, draw)


def _bernoulli_array(out: Array, p: Array, generator: Generator) -> Array:
    if out.size and p.dtype.kind != "f":
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


def slopes(x: Array, low: float, high: float, generator: Generator | None = None) -> Array:
    """The factors of rrelu: uniform numbers on [low, high) where x <= 0, else 1. One number of two words for each
    such element, in the order of the indices; x: float32 or float64, (...) like the result."""
    generator = resolve(generator, "rrelu")
    low, high = float(x.dtype.type(low)), float(x.dtype.type(high))
    negative = x <= 0
    factors = np.ones(x.shape, x.dtype)
    factors[negative] = unit_float64(generator, int(np.count_nonzero(negative))) * (high - low) + low
    return factors
