"""Words become integers and permutations: a word modulo the size of the range."""

from __future__ import annotations

import operator
import warnings
from typing import Any

import numpy as np

from minitorch.device import Array
from minitorch.random.fill import fill, not_implemented
from minitorch.random.generator import Generator, resolve

_LOWEST, _HIGHEST = -(2**63), 2**63 - 1
_WIDE = 2**28  # ranges from here on take two words
_LOOP = 256  # a permutation is made one exchange at a time up to here,
_SHORT = 2**16  # in one go up to here, and in rounds beyond


def random_(out: Array, low: int | None = None, high: int | None = None, generator: Generator | None = None) -> Array:
    """Fill with integers from low ... high-1, each as likely as its neighbour; any dtype. Returns `out`.

    Without `high`: up to the largest integer of the dtype (for a float, the last up to which all integers
    are exact). Without both: from 0 on.
    """
    generator = resolve(generator, "random_")
    if low is None:
        return _random_any(out, generator)
    low = _int64("from", low)
    if high is None and low == _LOWEST:
        return _random_full(out, generator)
    if high is None:
        low, high = _open_range(out, low)
    else:
        low, high = _range(out, low, _int64("to", high))
    _check_range(out, low, high)
    return _fill_modulo(out, high - low, low, high - low >= _WIDE, generator)


def _random_any(out: Array, generator: Generator) -> Array:
    count = _largest(out) + 1
    return _fill_modulo(out, count, 0, count > 2**32, generator)


def _fill_modulo(out: Array, count: int, low: int, wide: bool, generator: Generator) -> Array:
    """Fill with low + a draw modulo `count`; a wide draw is one of 64 bits."""

    def narrow_draw(n: int) -> Array:
        words = generator.words(n).astype(np.uint32)
        multiples = words // np.uint32(count)
        multiples *= np.uint32(count)
        words -= multiples  # the remainder; NumPy's % is five times slower
        return words + np.int64(low) if low else words

    def wide_draw(n: int) -> Array:
        words = generator.words64(n)
        words %= np.uint64(count)
        words += np.uint64(low % 2**64)  # wraps around, so that adding 2**64 - k subtracts k
        return words.view(np.int64)

    return fill(out, wide_draw if wide else narrow_draw)


def _random_full(out: Array, generator: Generator) -> Array:
    """All 2**64 integers of an int64."""
    if out.size == 0:
        return out
    if out.dtype in (np.float16, np.bool_):
        not_implemented("random_full_64_bits_range_kernel_cpu", out)
    if out.dtype not in (np.int64, np.float64, np.float32):
        raise RuntimeError(f"random_ from -2**63 without `to` handles only int64, double and float, not {out.dtype}")
    return fill(out, lambda n: generator.words64(n).view(np.int64))


# --- the range that a dtype can hold


def _int64(name: str, value: int) -> int:
    if isinstance(value, bool | np.bool_):
        raise TypeError(f"random_(): argument '{name}' must be int, not bool")
    try:
        value = operator.index(value)
    except TypeError:
        raise TypeError(f"random_(): argument '{name}' must be int, not {type(value).__name__}") from None
    if not _LOWEST <= value <= _HIGHEST:
        raise ValueError(f"Overflow when unpacking long long: random_ got {name}={value}, beyond int64")
    return value


def _digits(out: Array) -> int:
    """How many bits of an integer a float holds exactly: 11, 24 or 53."""
    return np.finfo(out.dtype).nmant + 1


def _largest(out: Array) -> int:
    if out.dtype.kind == "f":
        return 2 ** _digits(out)
    return 1 if out.dtype.kind == "b" else int(np.iinfo(out.dtype).max)


def _range(out: Array, low: int, high: int) -> tuple[int, int]:
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    if out.dtype.kind != "f":
        return low, high
    low, high = _moved(out, low, 1), _moved(out, high, -1)
    if low >= high:
        raise RuntimeError(
            "random_ expects 'from' casted to dtype to be less than 'to' casted to dtype, "
            f"but got from={low} >= to={high}"
        )
    return low, high


def _open_range(out: Array, low: int) -> tuple[int, int]:
    last = _largest(out)
    if out.dtype.kind == "f":
        if low >= last:
            raise RuntimeError(
                "random_ expects 'from' casted to dtype to be less than or equal to 'to_inc' casted to dtype, "
                f"but got from={low} > to_inc={last}"
            )
        low = _moved(out, low, 1)
    return low, last + 1


def _moved(out: Array, bound: int, inward: int) -> int:
    """`bound`, or the next number inward that the float type holds if the next integer would be rounded out."""
    neighbour = bound + inward
    held = _as_held(out, neighbour)
    stays = held >= bound if inward > 0 else held < bound
    if stays:
        return bound
    return held + inward * 2 ** (abs(neighbour).bit_length() - _digits(out))


def _as_held(out: Array, value: int) -> int:
    """`value` rounded to the float type; what is no int64 then becomes the lowest one, as in C on x86."""
    with np.errstate(over="ignore"):
        held = float(np.float32(value) if out.dtype != np.float64 else np.float64(value))
        held = float(out.dtype.type(held))
    return int(held) if -(2.0**63) <= held < 2.0**63 else _LOWEST


def _check_range(out: Array, low: int, high: int) -> None:
    floating = out.dtype.kind == "f"
    if floating:
        least, last = -float(np.finfo(out.dtype).max), float(np.finfo(out.dtype).max)
    else:
        last = _largest(out)
        least = 0 if out.dtype.kind in "bu" else -last - 1
    for name, value in (("from", low), ("to - 1", high - 1)):
        if not least <= value <= last:
            raise RuntimeError(f"random_: {name} is out of bounds for {out.dtype}, found {name}={value}")
        if floating and abs(value) > 2 ** _digits(out):
            warnings.warn(
                f"random_: {name} is out of bounds [-(2^{_digits(out)}), 2^{_digits(out)}]. Due to precision "
                f"limitations {out.dtype} can support discrete uniform distribution only within this range.",
                stacklevel=4,
            )


# --- permutations


def randperm(n: int, generator: Generator | None = None, dtype: Any = np.int64) -> Array:
    """A random order of 0 ... n-1 as an array of the given dtype; n-1 words.

    R. Fisher, F. Yates; R. Durstenfeld, Algorithm 235, CACM 7 (1964): step i exchanges element i with a
    random one of those from i on.
    """
    generator = resolve(generator, "randperm")
    dtype = np.dtype(dtype)
    _check_randperm(n, dtype)
    steps = max(n - 1, 0)
    draw = generator.words if n < (2**32 - 1) // 20 else generator.words64
    words = draw(steps)
    words %= np.arange(n, n - steps, -1, dtype=np.uint64)
    partners = words.view(np.int64)
    partners += np.arange(steps)
    if n > _LOOP:
        return _exchanged(partners).astype(dtype, copy=False)
    order = list(range(n))
    for i, k in enumerate(partners.tolist()):
        order[i], order[k] = order[k], order[i]
    return np.array(order, dtype)


def _exchanged(partners: Array) -> Array:
    """The result of that loop of exchanges, many at a time.

    In each round an exchange goes ahead if no earlier one that is still waiting has a place in common with it.
    J. Shun et al., "Sequential random permutation, list contraction and tree contraction are highly parallel",
    SODA 2015.
    """
    n = partners.size + 1
    order = np.arange(n)
    first = np.empty(n, np.int64)  # of the exchanges at a place: the first one that waits
    waiting = np.empty(0, np.int64)
    begun, end = 0, max(n - _SHORT, 0)  # the last places have most in common, and are left to `_traced`
    while begun < end or waiting.size:
        fresh = np.arange(begun, min(begun + (n - begun) // 32 + 1, end))
        begun += fresh.size
        steps = np.concatenate([waiting, fresh])
        others = partners.take(steps)
        first[steps] = steps
        first[others[::-1]] = steps[::-1]  # backwards: of several the smallest stays
        ready = (first.take(steps) == steps) & (first.take(others) == steps)
        here, there = steps[ready], others[ready]
        found = order.take(there)
        order[there] = order.take(here)
        order[here] = found
        waiting = steps[~ready]
    rest = order[end:]
    rest[...] = rest.take(_traced(partners[end:] - end))
    return order


def _traced(partners: Array) -> Array:
    """The same for at most 2**16 places, by finding out where everything comes from.

    Step i takes what it finds at place partners[i] as element i, for good, and leaves there what was at place i.
    What was at place i: whatever the last earlier step with partner i left, which is what was at that step's own
    place, and so on down to a place that no earlier step had touched: `origin[i]`.
    What step i finds: what the previous step with the same partner left, or else the place's own number.
    """
    n = partners.size + 1
    origin = np.arange(n)
    moving = np.flatnonzero(partners != origin[:-1])
    origin[partners.take(moving)] = moving  # one link down; of equal partners the last step stays
    while True:
        further = origin.take(origin)  # links become twice as long
        if np.array_equal(further, origin):
            break
        origin = further
    step = partners.astype(np.uint16).argsort(kind="stable")  # by partner, then in order: a radix sort
    partner = partners.take(step)
    found = partner.copy()
    np.copyto(found[1:], origin.take(step[:-1]), where=partner[1:] == partner[:-1])
    result = np.empty(n, np.int64)
    result[step] = found
    result[n - 1] = origin[n - 1]
    return result


def _check_randperm(n: int, dtype: Any) -> None:
    if isinstance(n, bool | np.bool_) or not isinstance(n, int | np.integer):
        raise TypeError(f"randperm(): argument 'n' (position 1) must be int, not {type(n).__name__}")
    if n < 0:
        raise RuntimeError(f"randperm: n must be non-negative, got {n}")
    if dtype.kind == "b":
        not_implemented("randperm", np.empty(0, dtype))
    if dtype.kind == "f":
        largest = 2 ** (np.finfo(dtype).nmant + 1)
    else:
        largest = int(np.iinfo(dtype).max)
    if n - 1 > largest:
        raise RuntimeError(f"randperm: n cannot be greater than {largest + 1} for {dtype}, got {n}")
