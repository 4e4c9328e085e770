"""Rows of a table by their numbers; in the gradient of the table rows may be named several times, or not at all."""

from __future__ import annotations

from typing import Any

import numpy as np

from minitorch import gpu_places
from minitorch.autograd import tape
from minitorch.autograd.inplace import bump, check_writable
from minitorch.autograd.mismatch import explain
from minitorch.autograd.mode import no_grad
from minitorch.autograd.tape import differentiable
from minitorch.creation import integer
from minitorch.device import Array, xp
from minitorch.faults import require_between
from minitorch.ops.along import add_at
from minitorch.ops.arithmetic import where
from minitorch.ops.at_tensors import TENSOR, read
from minitorch.ops.compare import eq, gt, real_number
from minitorch.ops.dims import Shape
from minitorch.ops.scatter import masked_fill
from minitorch.ops.shape import unsqueeze
from minitorch.ops.statistics import vector_norm

_OUT_OF_RANGE = "index out of range in self: embedding() got the index {value} for a table of {size} rows"


@differentiable(
    lambda g, indices, shape, padding_idx, scale_grad_by_freq: embedding_backward(
        shares(g, indices, rows=shape[0]) if scale_grad_by_freq else g, indices, size=shape, padding_idx=padding_idx
    ),
    None,
    name="EmbeddingBackward0",
)
def _embedding(weight: Array, indices: Array, *, padding_idx: int = -1, scale_grad_by_freq: bool = False) -> Array:
    if isinstance(weight, np.ndarray):
        return weight.take(indices, 0)
    return gpu_places.take(weight, indices, 0, _OUT_OF_RANGE, wraps=False)


@differentiable(
    lambda g, indices, padding_idx: _without(_embedding(g, indices), indices, padding_idx),
    None,
    name="EmbeddingDenseBackwardBackward0",
)
def embedding_backward(grad: Array, indices: Array, *, size: Shape, padding_idx: int) -> Array:
    """Zeros of `size`, to which `grad` is added where `indices` read, but for row `padding_idx`."""
    out = xp(grad).zeros(size, grad.dtype)
    add_at(out, indices, grad)
    if 0 <= padding_idx < size[0]:
        out[padding_idx] = 0  # to leave it out of `grad` before would take as long as all the rest
    return out


def _without(rows: Any, indices: Any, padding_idx: int) -> Any:
    """`rows`, with zeros where `indices` name row `padding_idx`."""
    return rows if padding_idx < 0 else masked_fill(rows, unsqueeze(eq(indices, padding_idx), -1), 0.0)


@differentiable(lambda g, indices, rows: shares(g, indices, rows=rows), None)
def shares(input: Array, indices: Array, *, rows: int) -> Array:
    """`input` (*, width), each row divided by how often its number, in `indices` (*) and below `rows`, is there."""
    lib = xp(input)
    counts = lib.zeros(rows, np.int32)
    add_at(counts, indices, lib.ones(indices.shape, np.int32))
    kind = np.promote_types(input.dtype, np.float32)  # the largest half is 65,504
    return (input / counts[indices].astype(kind)[..., None]).astype(input.dtype, copy=False)


def embedding(
    weight: Any, indices: Any, padding_idx: int = -1, scale_grad_by_freq: bool = False, sparse: bool = False
) -> Any:
    """weight[indices]: of a table (rows, width) the rows that int32 or int64 `indices` (*) name, (*, width).

    The gradient of row `padding_idx` is 0; below 0 there is none. scale_grad_by_freq: that of a row read k times is
    divided by k. IndexError for an index that is no row's (also below 0), RuntimeError for another shape or dtype.
    """
    _need_tensors("embedding", weight, indices)
    padding_idx = integer(padding_idx, "embedding", "padding_idx", 3)
    for name, position, x in ("scale_grad_by_freq", 4, scale_grad_by_freq), ("sparse", 5, sparse):
        if not isinstance(x, bool):
            kind = x.__class__.__name__
            raise TypeError(f"embedding(): argument '{name}' (position {position}) must be bool, not {kind}")
    if sparse:
        raise NotImplementedError("embedding(): minitorch has no sparse gradients: sparse must be False")
    _check("embedding", weight, indices)
    if isinstance(indices._data, np.ndarray):  # on a GPU the kernel that reads looks
        _check_range(weight, indices)
    return _embedding(weight, indices, padding_idx=padding_idx, scale_grad_by_freq=scale_grad_by_freq)


def _need_tensors(name: str, weight: Any, indices: Any) -> None:
    for argument, position, x in ("weight", 1, weight), ("indices", 2, indices):
        if not isinstance(x, tape.Tensor):
            kind = x.__class__.__name__
            raise TypeError(f"{name}(): argument '{argument}' (position {position}) must be Tensor, not {kind}")


def _check(name: str, weight: Any, indices: Any) -> None:
    table, index = weight._data, indices._data
    if table.ndim != 2:
        raise RuntimeError(f"'weight' must be 2-D: {name}() got one of shape {list(table.shape)}")
    if index.dtype != np.int64 and index.dtype != np.int32:
        raise RuntimeError(
            "Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but got "
            f"{indices.type()} instead (while checking arguments for {name}): convert it with .long()"
        )
    if xp(table) is not xp(index):
        raise explain(name, ["weight", "indices"], [table, index], RuntimeError())


def _check_range(weight: Any, indices: Any) -> None:
    require_between(indices._data, 0, len(weight._data) - 1, _OUT_OF_RANGE)


def padding_row(padding_idx: int, rows: int) -> int:
    """`padding_idx` counted from the front; AssertionError if the table has no such row."""
    if padding_idx and not -rows <= padding_idx < rows:
        raise AssertionError(f"Padding_idx must be within num_embeddings: got {padding_idx} for {rows} rows")
    return padding_idx + rows if padding_idx < 0 else padding_idx


def embedding_renorm_(weight: Any, indices: Any, max_norm: float, norm_type: float) -> None:
    """Scale those of the rows named whose norm_type-norm exceeds max_norm down to it, in place and unrecorded."""
    name = "embedding_renorm_"
    _need_tensors(name, weight, indices)
    max_norm, norm_type = real_number(max_norm, name, "max_norm"), real_number(norm_type, name, "norm_type")
    _check(name, weight, indices)
    _check_range(weight, indices)
    with no_grad():
        check_writable(weight, False, name)
        rows = read(weight, indices, items=(TENSOR,))
        norm = vector_norm(rows, norm_type, -1, keepdim=True).double()
        # A row named twice is scaled twice, from the same numbers: to find out which ones are would make a GPU wait.
        scale = where(gt(norm, max_norm), max_norm / (norm + 1e-7), 1.0)
        weight._data[indices._data] = (rows * scale.to(weight.dtype))._data
    bump(weight)
