"""What the special functions are made of: polynomials and their quotients, each on its part of the axis, in blocks."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from minitorch.device import Array, is_on_gpu
from minitorch.fusion import in_one_kernel

Kernel = Callable[[np.ndarray], np.ndarray]

BLOCK = 1 << 18  # bytes at a time, so that all steps of a formula find their numbers in the cache
_LARGE = 8 << 20  # bytes; below, a formula of few steps gains nothing from blocks


def by_blocks(kernel: Kernel, x: np.ndarray, work: Any = np.float64, size: int = BLOCK) -> np.ndarray:
    """`kernel` of all of `x`, computed in the dtype `work`, in the shape, dtype and order of memory of `x`; `size` bytes
    at a time."""
    if not x.flags.c_contiguous:
        axes = sorted(range(x.ndim), key=lambda axis: -x.strides[axis])
        turned = np.ascontiguousarray(x.transpose(axes))
        return by_blocks(kernel, turned, work, size).transpose(np.argsort(axes))
    flat = x.reshape(-1)
    out = np.empty(flat.shape, x.dtype)
    step = size // np.dtype(work).itemsize
    with np.errstate(all="ignore"):  # nan and inf are results here
        for start in range(0, flat.size, step):
            block = flat[start : start + step]
            out[start : start + step] = kernel(block.astype(work, copy=False))
    return out.reshape(x.shape)


def in_cache(kernel: Kernel, x: Array) -> Array:
    """`kernel(x)` of a formula of a few steps: of an array larger than the cache in blocks."""
    if isinstance(x, np.ndarray) and x.nbytes > _LARGE and x.flags.c_contiguous:
        return by_blocks(kernel, x, x.dtype, 4 * BLOCK)
    return kernel(x)


def as_one(formula: Callable[..., Any], x: Array, *args: Any, **options: Any) -> Array:
    """`formula(x)` of elementwise steps that fusion.py knows: `in_cache`, and on a GPU in one kernel."""
    if is_on_gpu(x) and x.dtype.char in "fd":
        return in_one_kernel(formula, (x, *args), options)
    return in_cache(functools.partial(formula, *args, **options) if args or options else formula, x)


def choose(where: np.ndarray, x: np.ndarray, then: Kernel, otherwise: Kernel) -> np.ndarray:
    """`then(x)` where the condition holds, `otherwise(x)` elsewhere; each sees only its own numbers."""
    inside = np.flatnonzero(where)  # much faster than indexing by booleans
    if inside.size == x.size:
        return then(x)
    out = np.empty_like(x)
    out[inside] = then(x[inside])
    outside = np.flatnonzero(~where)
    out[outside] = otherwise(x[outside])
    return out


def constants(*values: float, dtype: Any = np.float64) -> list[np.ndarray]:
    """Coefficients, the highest power first; as 0-d arrays, which NumPy takes faster than Python's numbers."""
    return [np.array(value, dtype) for value in values]


def polynomial(x: np.ndarray, coefficients: list[np.ndarray]) -> np.ndarray:
    """By Horner's rule."""
    out = x * coefficients[0]
    for c in coefficients[1:-1]:
        out += c
        out *= x
    out += coefficients[-1]
    return out


def monic(x: np.ndarray, coefficients: list[np.ndarray]) -> np.ndarray:
    """The polynomial whose highest coefficient, not listed, is 1."""
    out = x + coefficients[0]
    for c in coefficients[1:]:
        out *= x
        out += c
    return out
