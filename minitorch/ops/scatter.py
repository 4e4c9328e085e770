"""Reading and writing at places given by index tensors and masks: gather, scatter, index_add, masked_fill ..."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from minitorch.autograd import tape
from minitorch.autograd.inplace import inplace
from minitorch.autograd.mismatch import is_array
from minitorch.autograd.tape import constant, differentiable
from minitorch.device import Array, xp
from minitorch.ops.along import places, take_along
from minitorch.ops.arithmetic import where
from minitorch.ops.dims import wrap_dim
from minitorch.ops.index import TENSOR, put, put_, read, spread
from minitorch.ops.shape import Size, data_of, expand, reshape

# --- gather and scatter: one index per element, along one dimension


def _check_along(input: Any, dim: int, index: Any, name: str) -> int:
    array, i = data_of(input), data_of(index)
    if i.dtype != np.int64 and i.dtype != np.int32:
        raise RuntimeError(f"{name}(): Expected dtype int32/int64 for index")
    dim = wrap_dim(dim, array.ndim)
    if i.size and max(i.ndim, 1) != max(array.ndim, 1):
        raise RuntimeError("Index tensor must have the same number of dimensions as input tensor")
    for d in range(i.ndim):
        if d != dim and i.shape[d] > array.shape[d]:
            raise RuntimeError(
                f"Size does not match at dimension {d} expected index {list(i.shape)} to be no larger than self "
                f"{list(array.shape)} apart from dimension {dim}"
            )
    n = array.shape[dim] if array.ndim else 1
    if xp(i) is np and i.size and (i.min() < 0 or i.max() >= n):
        bad = int(i.min()) if i.min() < 0 else int(i.max())
        raise RuntimeError(f"index {bad} is out of bounds for dimension {dim} with size {n}")
    return dim


def gather(input: Any, dim: int, index: Any, *, sparse_grad: bool = False) -> Any:
    """out[i][j] = input[index[i][j]][j] for dim 0, and so on; `index` may be smaller than `input` elsewhere."""
    if sparse_grad:
        raise NotImplementedError("gather(): minitorch has no sparse gradients: sparse_grad must be False")
    return take_along(input, index, _check_along(input, dim, index, "gather"))


@differentiable(
    lambda g, index, dim: _scatter(g, 0.0, index, dim),
    lambda g, index, dim, shape: _cut(take_along(g, index, dim), shape),
    None,
    name="ScatterBackward0",
)
def _scatter(input: Array, src: Array, index: Array, dim: int) -> Array:
    out = xp(input).array(input)
    if hasattr(src, "dtype"):
        src = src[tuple(builtins.slice(n) for n in index.shape)]
    if index.ndim:
        out[places(index, dim, out.ndim)] = src
    else:
        out[...] = src
    return out


def _cut(g: Any, shape: Size) -> Any:
    """The gradient of a `src` that is larger than the index: zero where it was not read."""
    found = data_of(g).shape
    if not shape or found == shape:
        return g
    return spread(g, shape, tuple(builtins.slice(n) for n in found))


def _check_src(index: Any, src: Any, input: Any, name: str) -> None:
    if not isinstance(src, tape.Tensor):
        return
    if src._data.dtype is not input._data.dtype:
        raise RuntimeError(f"{name}(): Expected self.dtype to be equal to src.dtype")
    if any(a > b for a, b in zip(index._data.shape, src._data.shape, strict=False)):
        raise RuntimeError(
            f"Expected index {list(index._data.shape)} to be no larger than src {list(src._data.shape)} in any dimension"
        )


def _scatter_args(input: Any, dim: int, index: Any, src: Any, value: Any, reduce: str | None, name: str) -> tuple[Any, int]:
    if src is None:
        src = value
    dim = _check_along(input, dim, index, name)
    _check_src(index, src, input, name)
    if reduce not in (None, "add"):
        raise NotImplementedError(f"{name}(): minitorch does reduce='add' only, not {reduce!r}")
    return src, dim


def scatter(input: Any, dim: int, index: Any, src: Any = None, *, value: Any = None, reduce: str | None = None) -> Any:
    """A copy of `input` with `src` (a tensor or number) written where `index` says along `dim`."""
    src, dim = _scatter_args(input, dim, index, src, value, reduce, "scatter")
    return _scatter_add(input, src, index, dim) if reduce else _scatter(input, src, index, dim)


def scatter_(input: Any, dim: int, index: Any, src: Any = None, *, value: Any = None, reduce: str | None = None) -> Any:
    """In-place form of scatter."""
    src, dim = _scatter_args(input, dim, index, src, value, reduce, "scatter_")
    return _scatter_add_(input, src, index, dim) if reduce else _scatter_(input, src, index, dim)


@differentiable(
    lambda g: g,
    lambda g, index, dim, shape: _cut(take_along(g, index, dim), shape),
    None,
    name="ScatterAddBackward0",
)
def _scatter_add(input: Array, src: Array, index: Array, dim: int) -> Array:
    if hasattr(src, "dtype"):
        src = src[tuple(builtins.slice(n) for n in index.shape)]
    out = xp(input).array(input)
    xp(out).add.at(out, places(index, dim, out.ndim) if index.ndim else (), src)
    return out


_scatter_, _scatter_add_ = inplace(_scatter, "scatter_"), inplace(_scatter_add, "scatter_add_")


def scatter_add(input: Any, dim: int, index: Any, src: Any) -> Any:
    """A copy of `input` with `src` added where `index` says along `dim`; duplicates add up."""
    src, dim = _scatter_args(input, dim, index, src, None, None, "scatter_add")
    return _scatter_add(input, src, index, dim)


def scatter_add_(input: Any, dim: int, index: Any, src: Any) -> Any:
    """In-place form of scatter_add."""
    src, dim = _scatter_args(input, dim, index, src, None, None, "scatter_add_")
    return _scatter_add_(input, src, index, dim)


def take_along_dim(input: Any, indices: Any, dim: int | None = None) -> Any:
    """Values at `indices` along `dim`, broadcast elsewhere; without `dim`, of the flattened input."""
    if dim is None:
        return gather(reshape(input, (-1,)), 0, reshape(indices, (-1,)))
    dim = wrap_dim(dim, input._data.ndim)
    shape, index_shape = list(input._data.shape), list(indices._data.shape)
    common = list(np.broadcast_shapes(*[(*s[:dim], 1, *s[dim + 1 :]) for s in (tuple(shape), tuple(index_shape))]))
    common[dim] = index_shape[dim]
    wide = [*common[:dim], shape[dim], *common[dim + 1 :]]
    return gather(expand(input, wide), dim, expand(indices, common))


# --- whole slices by an index vector


def _slices(index: Any, dim: int, name: str) -> tuple[Any, ...]:
    i = data_of(index)
    if i.ndim > 1:
        raise IndexError(f"{name}(): Index is supposed to be a vector, got {i.ndim} dimensions")
    if i.dtype.kind != "i" or i.dtype.itemsize < 4:
        raise RuntimeError(f"{name}(): Expected dtype int32 or int64 for index")
    return (builtins.slice(None),) * dim + (TENSOR,)


def index_select(input: Any, dim: int, index: Any) -> Any:
    """The slices of dimension `dim` that the vector `index` names, in its order."""
    dim = wrap_dim(dim, input._data.ndim)
    items = _slices(index, dim, "index_select")
    _no_negative(index, input, dim)
    return read(input, reshape(index, (-1,)), items=items)


def _no_negative(index: Any, input: Any, dim: int) -> None:
    i = data_of(index)
    if xp(i) is np and i.size and (i.min() < 0 or i.max() >= data_of(input).shape[dim]):
        raise IndexError(f"index out of range in self: the index must lie in [0, {data_of(input).shape[dim]})")


@differentiable(
    lambda g: g,
    lambda g, source, index, dim, alpha: (index_select if not is_array(g) else _take_slices)(g, dim, index) * alpha,
    None,
    name="IndexAddBackward0",
)
def _index_add(input: Array, source: Array, index: Array, dim: int, alpha: float = 1) -> Array:
    out = xp(input).array(input)
    where = (builtins.slice(None),) * dim + (index,)
    xp(out).add.at(out, where, source if alpha == 1 else source * alpha)
    return out


def _take_slices(g: Array, dim: int, index: Array) -> Array:
    return g[(builtins.slice(None),) * dim + (index,)]


def index_add(input: Any, dim: int, index: Any, source: Any, *, alpha: float = 1) -> Any:
    """A copy of `input` with the slices of `source` added at the places that the vector `index` names."""
    dim = wrap_dim(dim, data_of(input).ndim)
    _slices(index, dim, "index_add")
    _no_negative(index, input, dim)
    if is_array(input):
        return _index_add.array(input, source, index, dim, alpha)
    return _index_add(input, source, index, dim, alpha)


_index_add_ = inplace(_index_add, "index_add_")


def index_add_(input: Any, dim: int, index: Any, source: Any, *, alpha: float = 1) -> Any:
    """In-place form of index_add."""
    dim = wrap_dim(dim, input._data.ndim)
    _slices(index, dim, "index_add_")
    _no_negative(index, input, dim)
    return _index_add_(input, source, index, dim, alpha)


def index_fill(input: Any, dim: int, index: Any, value: Any) -> Any:
    """A copy of `input` with the slices that `index` names filled with a number."""
    dim = wrap_dim(dim, input._data.ndim)
    return put(input, value, index, items=_slices(index, dim, "index_fill"))


def index_fill_(input: Any, dim: int, index: Any, value: Any) -> Any:
    """In-place form of index_fill."""
    dim = wrap_dim(dim, input._data.ndim)
    return put_(input, value, index, items=_slices(index, dim, "index_fill_"))


def index_copy(input: Any, dim: int, index: Any, source: Any) -> Any:
    """A copy of `input` with the slices of `source` written at the places that `index` names."""
    dim = wrap_dim(dim, input._data.ndim)
    return put(input, source, index, items=_slices(index, dim, "index_copy"))


def index_copy_(input: Any, dim: int, index: Any, source: Any) -> Any:
    """In-place form of index_copy."""
    dim = wrap_dim(dim, input._data.ndim)
    return put_(input, source, index, items=_slices(index, dim, "index_copy_"))


def take(input: Any, index: Any) -> Any:
    """Elements of the flattened input, in the shape of `index`."""
    return read(reshape(input, (-1,)), index, items=(TENSOR,))


# --- masks


@differentiable(
    lambda g, mask: masked_fill(g, mask, 0.0), None, lambda g, mask: where(mask, g, 0.0), name="MaskedFillBackward0"
)
def masked_fill(input: Array, mask: Array, value: Array) -> Array:
    """A copy of `input` with `value` (a number or 0-d tensor) where the bool `mask`, broadcast, is true."""
    if mask.dtype.kind != "b":
        raise RuntimeError(f"masked_fill only supports boolean masks, but got mask with dtype {mask.dtype}")
    lib = xp(input)
    if hasattr(value, "dtype"):
        if value.ndim:
            raise RuntimeError(
                f"masked_fill only supports a 0-dimensional value tensor, but got tensor with {value.ndim} dimension(s)."
            )
        value = value.astype(input.dtype)
    elif isinstance(value, float) and input.dtype.kind != "f":
        raise RuntimeError("value cannot be converted to type of the integer tensor without loss: use an integer")
    return lib.where(mask, input.dtype.type(value) if not hasattr(value, "dtype") else value, input)


def masked_select(input: Any, mask: Any) -> Any:
    """The elements where the bool `mask`, broadcast, is true, in one dimension."""
    if mask._data.dtype.kind != "b":
        raise RuntimeError("masked_select: expected BoolTensor for mask")
    shape = np.broadcast_shapes(input._data.shape, mask._data.shape)
    return read(expand(input, shape), expand(mask, shape), items=(TENSOR,))


@constant()
def _nonzero(input: Array) -> Array:
    return xp(input).stack(xp(input).nonzero(input), -1) if input.ndim else xp(input).zeros((int(bool(input)), 0), "int64")


def nonzero(input: Any, *, as_tuple: bool = False) -> Any:
    """Indices of the nonzero elements, (count, ndim) int64; as a tuple, one vector per dimension."""
    if not as_tuple:
        return _nonzero(input)
    found = _nonzero(input if input._data.ndim else reshape(input, (1,)))
    return tuple(tape.wrap(column.copy()) for column in found._data.T)


def argwhere(input: Any) -> Any:
    """Indices of the nonzero elements, (count, ndim) int64."""
    return _nonzero(input)
