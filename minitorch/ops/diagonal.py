"""Diagonals, triangles and windows."""

from __future__ import annotations

import builtins
from typing import Any

from minitorch.autograd.broadcast import clone
from minitorch.autograd.tape import differentiable
from minitorch.device import Array, is_on_gpu, xp
from minitorch.ops.dims import wrap_dim
from minitorch.ops.shape import Size, data_of

# --- diagonals


@differentiable(lambda g, shape, offset, dim1, dim2: _on_diagonal(g, shape, offset, dim1, dim2), view=True)
def diagonal(input: Array, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Array:
    """The diagonal of two dimensions, as the last one; a view."""
    a, b = wrap_dim(dim1, input.ndim), wrap_dim(dim2, input.ndim)
    if a == b:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    out = input.diagonal(offset, a, b)
    if getattr(input.flags, "writeable", False):  # NumPy hands it out read-only
        out.flags.writeable = True
    return out


@differentiable(lambda g, offset, dim1, dim2: diagonal(g, offset, dim1, dim2))
def _on_diagonal(input: Array, size: Size, offset: int, dim1: int, dim2: int) -> Array:
    """Zeros of `size` with `input` on a diagonal: the adjoint of `diagonal`."""
    out = xp(input).zeros(size, input.dtype)
    lib, n = xp(input), input.shape[-1]
    steps = lib.arange(n)
    moved = lib.moveaxis(out, (dim1, dim2), (-2, -1))
    moved[..., steps + max(-offset, 0), steps + max(offset, 0)] = input
    return out


def diag(input: Any, diagonal: int = 0) -> Any:
    """Of a matrix, a copy of its diagonal; of a vector, the matrix that has it there."""
    array = data_of(input)
    if array.ndim == 1:
        n = array.shape[0] + abs(diagonal)
        return _on_diagonal(input, (n, n), diagonal, 0, 1)
    if array.ndim == 2:
        return clone(_diagonal(input, diagonal))
    raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {array.ndim}D")


_diagonal = diagonal


def diag_embed(input: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    """The last dimension spread on a diagonal of two new dimensions."""
    shape = data_of(input).shape
    a, b = wrap_dim(dim1, len(shape) + 1), wrap_dim(dim2, len(shape) + 1)
    if a == b:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    size = list(shape[:-1])
    for d in sorted((a, b)):
        size.insert(d, shape[-1] + abs(offset))
    return _on_diagonal(input, tuple(size), offset, a, b)


@differentiable(lambda g, shape, dimension, size, step: _fold(g, shape, dimension, size, step), view=True)
def unfold(input: Array, dimension: int, size: int, step: int) -> Array:
    """Windows of `size` along `dimension`, `step` apart, as a new last dimension; a view."""
    dim = wrap_dim(dimension, input.ndim)
    n = input.shape[dim] if input.ndim else 1
    if size < 0 or size > n:
        raise RuntimeError(f"maximum size for tensor at dimension {dim} is {n} but size is {size}")
    if step <= 0:
        raise RuntimeError(f"step is {step} but must be > 0")
    if not input.ndim:
        return input.reshape(1)[:size]
    writeable = {} if is_on_gpu(input) else {"writeable": True}  # CuPy's always are, and it refuses the word
    windows = xp(input).lib.stride_tricks.sliding_window_view(input, size, dim, **writeable)
    return windows[(builtins.slice(None),) * dim + (builtins.slice(None, None, step),)]


@differentiable(lambda g, dimension, size, step: unfold(g, dimension, size, step))
def _fold(input: Array, shape_: Size, dimension: int, size: int, step: int) -> Array:
    """Windows added back where they came from: the adjoint of `unfold`."""
    if not shape_:
        return xp(input).add.reduce(input, axis=None)
    out = xp(input).zeros(shape_, input.dtype)
    dim = wrap_dim(dimension, out.ndim)
    moved = xp(out).moveaxis(out, dim, -1)
    windows = xp(input).moveaxis(input, dim, -2)
    for i in range(windows.shape[-2]):
        moved[..., i * step : i * step + size] += windows[..., i, :]
    return out


# --- triangles


@differentiable(lambda g, diagonal: tril(g, diagonal))
def tril(input: Array, diagonal: int = 0) -> Array:
    """The lower triangle of matrices, zeros elsewhere."""
    if input.ndim < 2:
        raise RuntimeError("tril: input tensor must have at least 2 dimensions")
    return xp(input).tril(xp(input).ascontiguousarray(input), diagonal)


@differentiable(lambda g, diagonal: triu(g, diagonal))
def triu(input: Array, diagonal: int = 0) -> Array:
    """The upper triangle of matrices, zeros elsewhere."""
    if input.ndim < 2:
        raise RuntimeError("triu: input tensor must have at least 2 dimensions")
    return xp(input).triu(xp(input).ascontiguousarray(input), diagonal)
