"""Pairs of uniform numbers become pairs of normal numbers (G. Box, M. Muller, 1958).

    r = sqrt(-2 log u1),  angle = 2 pi u2,  (r cos angle, r sin angle)

PyTorch does it in two ways: in blocks of 16 for a contiguous array of at least 16 numbers, else one pair
after the other in float64, where the second number of a pair waits in the generator for the next call.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minitorch.device import Array
from minitorch.random import elementary
from minitorch.random.fill import PIECE, fill, not_implemented
from minitorch.random.generator import Generator, resolve
from minitorch.random.rounding import FEW, fma32, fma64, libm, log
from minitorch.random.uniform import listed_float64, unit_float32, unit_float64

_BLOCK = 16


def normal_(out: Array, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None) -> Array:
    """Fill with normal numbers of the given mean and standard deviation; floating-point dtypes. Returns `out`."""
    generator = resolve(generator, "normal_")
    if not std >= 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std:g}")
    if out.size == 0:
        return out
    if out.dtype.kind != "f":
        not_implemented("normal_kernel_cpu", out)
    with np.errstate(all="ignore"):  # infinities are results here
        if out.size < _BLOCK or not out.flags.c_contiguous:
            return fill(out, lambda n: fma64(serial_normals(generator, n), float(std), float(mean)))
        _fill_blocks(out.reshape(-1), mean, std, generator)
    return out


# --- one pair after the other


def serial_normals(generator: Generator, n: int) -> Array:
    """n standard normal numbers in float64: first the one left over from the last call, then new pairs."""
    waiting = [] if generator.cached_normal is None else [generator.cached_normal]
    generator.cached_normal = None
    pairs = (n - len(waiting) + 1) // 2
    if n <= FEW:
        z = np.array(waiting + _few_pairs(generator, pairs))
    else:
        z = np.concatenate([waiting, _many_pairs(generator, pairs)])
    if z.size > n:
        generator.cached_normal = float(z[n])
    return z[:n]


def _few_pairs(generator: Generator, pairs: int) -> list[float]:
    z = []
    numbers = iter(listed_float64(generator, 2 * pairs))
    for u1, u2 in zip(numbers, numbers, strict=True):
        radius = math.sqrt(-2.0 * math.log1p(-u2))
        angle = 2 * math.pi * u1
        z += [radius * math.cos(angle), radius * math.sin(angle)]
    return z


def _many_pairs(generator: Generator, pairs: int) -> Array:
    u1, u2 = unit_float64(generator, 2 * pairs).reshape(pairs, 2).T
    radius = np.sqrt(-2.0 * libm(math.log1p, -u2))
    angle = 2 * math.pi * u1
    z = np.empty(2 * pairs)
    z[0::2], z[1::2] = radius * libm(math.cos, angle), radius * libm(math.sin, angle)
    return z


# --- in blocks


def _fill_blocks(out: Array, mean: float, std: float, generator: Generator) -> None:
    """Whole blocks first. What is left at the end, fewer than 16 numbers, is made as one more block, which
    lies over the LAST 16 numbers and so overwrites some that were made already."""
    unit = unit_float64 if out.dtype == np.float64 else unit_float32
    left_over = out.size % _BLOCK
    whole = out.size - left_over
    for start in range(0, whole, PIECE):
        stop = min(start + PIECE, whole)
        u = unit(generator, stop - start)
        if stop == whole and left_over:
            if out.dtype != np.float16:
                unit(generator, left_over)  # PyTorch draws one uniform per number before it makes blocks
            u = np.concatenate([u, unit(generator, _BLOCK)])
        z = _box_muller(u, mean, std)
        out[start:stop] = z[: stop - start]
        if z.size > stop - start:
            out[-_BLOCK:] = z[-_BLOCK:]


def _box_muller(u: Array, mean: float, std: float) -> Array:
    """Blocks of 16 uniform numbers into blocks of 16 normal ones, in the memory of `u`: numbers j and j + 8 of a
    block are a pair."""
    work: Any = u.dtype.type
    halves = u.view(f"V{8 * u.itemsize}").reshape(-1, 2)  # 8 numbers as one item: NumPy moves these faster
    u1, angle = (halves[:, half].copy().view(work) for half in (0, 1))
    np.subtract(1, u1, out=u1)
    angle *= work(2 * math.pi)
    if work is np.float32:
        fma: Any = fma32
        radius = elementary.log(u1)
        sin, cos = elementary.sin_cos(angle)
    else:
        fma = fma64
        radius = libm(log, u1)
        sin, cos = libm(math.sin, angle), libm(math.cos, angle)
    radius *= work(-2)
    np.sqrt(radius, out=radius)
    mean, std = float(work(mean)), float(work(std))
    for half, z in ((0, cos), (1, sin)):
        z *= radius
        halves[:, half] = fma(z, std, mean).view(halves.dtype)
    return u
