"""Reading and adding along one dimension at given places: what gather, max, sort and the like have in common."""

from __future__ import annotations

from typing import Any

import numpy as np

from minitorch import gpu_places
from minitorch.autograd.tape import differentiable
from minitorch.blocks import BLOCK, slices
from minitorch.device import Array, xp
from minitorch.ops.dims import Shape


def places(index: Array, dim: int, ndim: int) -> tuple[Array, ...]:
    """The index of all elements that `index` names along `dim`, for an array of `ndim` dimensions."""
    arange, last = xp(index).arange, index.ndim - 1
    grid = [arange(n).reshape((n,) + (1,) * (last - i)) for i, n in enumerate(index.shape)]
    if index.ndim < ndim:
        grid.insert(dim, index)
    else:
        grid[dim] = index
    return tuple(grid)


def add_at(array: Array, index: Any, values: Any) -> None:
    """array[index] += values, where the index may name a place several times."""
    lib, kind = xp(array), array.dtype
    if lib is np and _add_rows(array, index[0] if index.__class__ is tuple and len(index) == 1 else index, values):
        return
    if lib is np or kind.kind == "f" or kind.itemsize >= 4:
        lib.add.at(array, index, values)
        return
    wide = array.astype(np.int32)  # a GPU adds no smaller integers in one step
    lib.add.at(wide, index, values.astype(np.int32) if hasattr(values, "dtype") else values)
    array[...] = wide.astype(kind)


def _add_rows(array: np.ndarray, index: Any, values: Any) -> bool:
    """`add_at` for whole rows, as an embedding needs it: 4 to 10 times faster than np.add.at, which takes them element by
    element. False, and nothing done, where that does not fit.
    """
    shape = getattr(index, "shape", None)
    if shape is None or array.ndim < 2 or getattr(values, "shape", None) != shape + array.shape[1:]:
        return False
    rows, n = len(array), index.size
    if (
        n < 16
        or not array.size
        or index.dtype.kind != "i"
        or values.dtype != array.dtype
        or not array.flags.c_contiguous
    ):
        return False
    low = index.min()
    if not -rows <= low <= index.max() < rows:
        return False  # np.add.at raises the error
    index, values = index.reshape(n).astype(np.int64, copy=False), values.reshape(n, -1)
    if array.size >= rows * _WIDE:
        table = array.reshape(rows, -1)
        for place, row in zip(index.tolist(), values):
            table[place] += row
        return True
    # As one vector, at which np.add.at is quick; two neighbours as one complex number, of which it takes half as many.
    vector, values = array.reshape(-1), np.ascontiguousarray(values)
    if vector.dtype.char in "fd" and values.shape[1] % 2 == 0:
        pair = np.result_type(vector.dtype, np.complex64)
        vector, values = vector.view(pair), values.view(pair)
    width = values.shape[1]
    starts = (index if low >= 0 else index % rows).reshape(n, 1) * width
    within = np.arange(width)
    for part in slices(n, BLOCK // (width * within.itemsize)):
        np.add.at(vector, (starts[part] + within).reshape(-1), values[part].reshape(-1))
    return True


_WIDE = 400  # elements: longer rows are added one by one


@differentiable(
    lambda g, index, shape, dim, unique: put_along(g, index, size=shape, dim=dim, unique=unique),
    None,
    name=lambda node, **_: node,
)
def take_along(input: Array, index: Array, dim: int, unique: bool = False, node: str = "GatherBackward0") -> Array:
    """out[i, j] = input[index[i, j], j] for dim 0, and so on; `index` may be smaller than `input` elsewhere.

    Without the dimension `dim` in `index`, one element per line: out[j] = input[index[j], j].
    dim must not be negative, indices neither. unique: no place is named twice, so that gradients need no adding up.
    node: its name.
    """
    if not input.ndim:
        return xp(input).broadcast_to(input, index.shape).copy()
    if gpu_places.fit_along(input.shape, index, dim):
        return gpu_places.take_along(input, index, dim)
    return input[places(index, dim, input.ndim)]


@differentiable(
    lambda g, index, dim, unique: take_along(g, index, dim=dim, unique=unique), None, name="ScatterAddBackward0"
)
def put_along(input: Array, index: Array, size: Shape, dim: int, unique: bool = False) -> Array:
    """Zeros of `size`, to which `input` is added where `take_along` would read: its adjoint."""
    lib = xp(index)
    if not size:
        return lib.add.reduce(input, axis=None)
    once = unique or index.ndim < len(size)
    if once and gpu_places.fit_along(size, index, dim):
        return gpu_places.put_along(input, index, size, dim)
    out = lib.zeros(size, input.dtype)
    where = places(index, dim, len(size))
    if once:
        out[where] = input
        return out
    # NumPy adds at places of a vector an order of magnitude faster than at places of a matrix.
    flat, stride = 0, 1
    for place, n in zip(reversed(where), reversed(size), strict=True):
        flat = flat + place * stride
        stride *= n
    add_at(out.reshape(-1), flat.reshape(-1), input.reshape(-1))  # type: ignore[attr-defined]
    return out
