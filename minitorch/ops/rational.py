"""What the special functions are made of: polynomials and their quotients, each on its part of the axis, in blocks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minitorch.blocks import each, slices

Kernel = Callable[[np.ndarray], np.ndarray]

NEAR_BLOCK = 1 << 18  # bytes at a time: so many steps want the nearer cache


def by_blocks(kernel: Kernel, x: np.ndarray, work: Any = np.float64) -> np.ndarray:
    """`kernel` of all of `x`, computed in the dtype `work`, in the shape, dtype and order of memory of `x`."""
    if not x.flags.c_contiguous:
        axes = sorted(range(x.ndim), key=lambda axis: -x.strides[axis])
        turned = np.ascontiguousarray(x.transpose(axes))
        return by_blocks(kernel, turned, work).transpose(np.argsort(axes))
    flat = x.reshape(-1)
    step = NEAR_BLOCK // np.dtype(work).itemsize
    with np.errstate(all="ignore"):  # nan and inf are results here
        if flat.size <= step:
            return kernel(flat.astype(work, copy=False)).astype(x.dtype, copy=False).reshape(x.shape)
        out = np.empty(flat.shape, x.dtype)

        def put(thread: int, part: slice) -> None:
            out[part] = kernel(flat[part].astype(work, copy=False))

        each(put, slices(flat.size, step), 2 * x.nbytes)
    return out.reshape(x.shape)


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
