"""Reading and writing at places given by index tensors and masks: gather, scatter, index_add, masked_fill ..."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from minitorch.autograd import tape
from minitorch.autograd.inplace import as_element, inplace
from minitorch.autograd.mismatch import explain, is_array
from minitorch.autograd.tape import constant, differentiable
from minitorch.choosing import select
from minitorch.device import Array, xp
from minitorch.dtypes import scalar_name
from minitorch.faults import require_between
from minitorch.ops.along import add_at, places, take_along
from minitorch.ops.arithmetic import remainder, where
from minitorch.ops.at_tensors import TENSOR, put, read, read_at
from minitorch.ops.dims import wrap_dim
from minitorch.ops.index import put_, spread
from minitorch.ops.shape import Size, broadcast_shapes, data_of, expand, reshape

# --- gather and scatter: one index per element, along one dimension


def _need_tensor(x: Any, argument: str, position: int, name: str) -> None:
    if not isinstance(x, tape.Tensor) and not is_array(x):
        raise TypeError(
            f"{name}(): argument '{argument}' (position {position}) must be Tensor, not {x.__class__.__name__}"
        )


def _beside(input: Any, index: Any, name: str) -> None:
    """RuntimeError for an index on another device, which CuPy would take."""
    if xp(data_of(input)) is not xp(data_of(index)):
        raise explain(name, ["input", "index"], [data_of(input), data_of(index)], RuntimeError())


def _check_along(input: Any, dim: int, index: Any, name: str) -> int:
    _need_tensor(index, "index", 2, name)
    array, i = data_of(input), data_of(index)
    dim = wrap_dim(dim, array.ndim)
    if i.dtype != np.int64 and i.dtype != np.int32:
        raise RuntimeError(f"{name}(): Expected dtype int32/int64 for index")
    if not i.size:
        return dim
    if max(i.ndim, 1) != max(array.ndim, 1):
        raise RuntimeError("Index tensor must have the same number of dimensions as input tensor")
    for d in range(i.ndim):
        if d != dim and i.shape[d] > array.shape[d]:
            raise RuntimeError(
                f"Size does not match at dimension {d} expected index {list(i.shape)} to be no larger than self "
                f"{list(array.shape)} apart from dimension {dim}"
            )
    n = array.shape[dim] if array.ndim else 1
    require_between(
        i, 0, n - 1, f"index {{value}} is out of bounds for dimension {dim} with size {{size}}", RuntimeError
    )
    return dim


def gather(input: Any, dim: int, index: Any, *, sparse_grad: bool = False) -> Any:
    """out[i][j] = input[index[i][j]][j] for dim 0, and so on; `index` may be smaller than `input` elsewhere."""
    if sparse_grad:
        raise NotImplementedError("gather(): minitorch has no sparse gradients: sparse_grad must be False")
    dim = _check_along(input, dim, index, "gather")
    if not data_of(index).size and data_of(index).ndim != data_of(input).ndim:
        return reshape(reshape(input, (-1,))[:0], data_of(index).shape)
    return take_along(input, index, dim)


@differentiable(
    lambda g, index, dim: _scatter(g, 0.0, index, dim),
    lambda g, index, dim, shape: _cut(take_along(g, index, dim), shape),
    None,
    name="ScatterBackward0",
)
def _scatter(input: Array, src: Array, index: Array, dim: int) -> Array:
    out = xp(input).array(input, order="C")
    if index.size:
        out[places(index, dim, out.ndim)] = _read_part(src, index)
    return out


def _read_part(src: Any, index: Array) -> Any:
    """What is used of a `src` larger than the index; a number as it is."""
    return src[tuple(builtins.slice(n) for n in index.shape)] if hasattr(src, "dtype") else src


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
    if not index._data.size:
        return
    if max(index._data.ndim, 1) != max(src._data.ndim, 1):
        raise RuntimeError("Index tensor must have the same number of dimensions as src tensor")
    if any(a > b for a, b in zip(index._data.shape, src._data.shape, strict=False)):
        raise RuntimeError(
            f"Expected index {list(index._data.shape)} to be no larger than src {list(src._data.shape)} in any dimension"
        )


def _scatter_args(input: Any, dim: int, index: Any, src: Any, name: str) -> tuple[Any, Any, Any, int]:
    """(input, src, index, dim), checked; what is 0-d as a vector of one."""
    dim = _check_along(input, dim, index, name)
    if isinstance(src, tape.Tensor):
        _check_src(index, src, input, name)
        src = src if src._data.ndim else reshape(src, (1,))
    elif src is None or not isinstance(src, int | float | complex):
        raise TypeError(f"{name}(): argument 'src' must be a Tensor or a number, not {src.__class__.__name__}")
    else:
        src = as_element(src, input._data.dtype)
    input, index = (x if x._data.ndim else reshape(x, (1,)) for x in (input, index))
    return input, src, index, dim


def _check_reduce(reduce: str | None, name: str) -> None:
    if reduce not in (None, "add"):
        if reduce != "multiply":
            raise RuntimeError("reduce argument must be either add or multiply.")
        raise NotImplementedError(f"{name}(): minitorch does reduce='add' only, not {reduce!r}")


def _one_of(src: Any, value: Any) -> None:
    if src is not None and value is not None:
        raise TypeError("scatter() takes either src or value, not both")


def scatter(input: Any, dim: int, index: Any, src: Any = None, *, value: Any = None, reduce: str | None = None) -> Any:
    """A copy of `input` with `src` (a tensor or number) written where `index` says along `dim`."""
    _check_reduce(reduce, "scatter")
    _one_of(src, value)
    args = _scatter_args(input, dim, index, value if src is None else src, "scatter")
    return _like((_scatter_add if reduce else _scatter)(*args), input)


def scatter_(input: Any, dim: int, index: Any, src: Any = None, *, value: Any = None, reduce: str | None = None) -> Any:
    """In-place form of scatter."""
    _check_reduce(reduce, "scatter_")
    _one_of(src, value)
    args = _scatter_args(input, dim, index, value if src is None else src, "scatter_")
    (_scatter_add_ if reduce else _scatter_)(*args)
    return input


@differentiable(
    lambda g: g,
    lambda g, index, dim, shape: _cut(take_along(g, index, dim), shape),
    None,
    name="ScatterAddBackward0",
)
def _scatter_add(input: Array, src: Array, index: Array, dim: int) -> Array:
    out = xp(input).array(input)
    if index.size:
        add_at(out, places(index, dim, out.ndim), _read_part(src, index))
    return out


_scatter_ = inplace(_scatter, "scatter_", overlap="nothing")
_scatter_add_ = inplace(_scatter_add, "scatter_add_", overlap="nothing")


def scatter_add(input: Any, dim: int, index: Any, src: Any) -> Any:
    """A copy of `input` with `src` added where `index` says along `dim`; duplicates add up."""
    _need_tensor(src, "src", 3, "scatter_add")
    return _like(_scatter_add(*_scatter_args(input, dim, index, src, "scatter_add")), input)


def scatter_add_(input: Any, dim: int, index: Any, src: Any) -> Any:
    """In-place form of scatter_add."""
    _need_tensor(src, "src", 3, "scatter_add_")
    _scatter_add_(*_scatter_args(input, dim, index, src, "scatter_add_"))
    return input


def take_along_dim(input: Any, indices: Any, dim: int | None = None) -> Any:
    """Values at `indices` along `dim`, broadcast elsewhere; without `dim`, of the flattened input."""
    _need_tensor(indices, "indices", 1, "take_along_dim")
    if dim is None:
        return gather(reshape(input, (-1,)), 0, reshape(indices, (-1,)))
    if indices._data.dtype != np.int64:
        raise RuntimeError(
            f"torch.take_along_dim(): dtype of indices should be Long but got {scalar_name(indices._data)}"
        )
    shape, index_shape = input._data.shape, indices._data.shape
    if len(shape) != len(index_shape):
        raise RuntimeError(
            "torch.take_along_dim(): input and indices should have the same number of dimensions, but got "
            f"{len(shape)} dimensions for input, and {len(index_shape)} dimensions for indices"
        )
    if not shape:
        return gather(input, dim, indices)
    dim = wrap_dim(dim, len(shape))
    elsewhere = [(*s[:dim], 1, *s[dim + 1 :]) for s in (shape, index_shape)]
    common = list(broadcast_shapes(*elsewhere))
    common[dim] = index_shape[dim]
    indices = remainder(indices, max(shape[dim], 1))  # PyTorch wraps indices around here, however far out they are
    return gather(expand(input, (*common[:dim], shape[dim], *common[dim + 1 :])), dim, expand(indices, common))


# --- whole slices by an index vector


def _along_slices(input: Any, dim: int, index: Any, name: str) -> tuple[Any, Any, Any, int]:
    """(input, index, items, dim) with a 0-d input or index as a vector of one, and the index checked."""
    _need_tensor(index, "index", 2, name)
    dim = wrap_dim(dim, data_of(input).ndim)
    i = data_of(index)
    if i.ndim > 1:
        kind = RuntimeError if name.startswith("index_fill") else IndexError
        raise kind(f"{name}(): Index is supposed to be a vector, got {i.ndim} dimensions")
    wide = name.startswith(("index_copy", "index_fill"))
    if i.dtype != np.int64 and (wide or i.dtype != np.int32):
        kind = IndexError if name.startswith("index_fill") else RuntimeError
        raise kind(f"{name}(): Expected dtype {'int64' if wide else 'int32/int64'} for index, got {scalar_name(i)}")
    _beside(input, index, name)
    if not data_of(input).ndim:
        input = reshape(input, (1,))
    n = data_of(input).shape[dim]
    low, kind = -n if name.startswith("index_fill") else 0, IndexError
    if name.startswith("index_add") and data_of(input).ndim > 1 and i.dtype == np.int64:  # a loop of its own in PyTorch
        kind = RuntimeError
    require_between(
        i, low, n - 1, f"{name}(): index out of range in self: {{value}} does not lie in [0, {{size}})", kind
    )
    return input, index if i.ndim else reshape(index, (1,)), (builtins.slice(None),) * dim + (TENSOR,), dim


def _check_source(input: Any, index: Any, source: Any, dim: int, name: str) -> Any:
    """`source` as slices of `input`, one for each index."""
    _need_tensor(source, "source", 3, name)
    target, i, array = data_of(input), data_of(index), data_of(source)
    kind = IndexError if name.startswith("index_copy") else RuntimeError
    wanted = (*target.shape[:dim], i.size, *target.shape[dim + 1 :])
    found = array.shape or (1,)
    one = array.size == i.size == 1 and target.ndim == 1 and (target.size == 1 or name.startswith("index_copy"))
    if found != wanted and not one:
        if len(found) == len(wanted) and found[dim] == i.size:
            kind = RuntimeError
        raise kind(
            f"{name}(): source of shape {list(array.shape)} does not fit {i.size} indices along dimension {dim} of a tensor "
            f"of shape {list(target.shape)}: it must be {list(wanted)}"
        )
    if array.dtype is not target.dtype:
        raise RuntimeError(f"{name}(): self and source must have one dtype, not {target.dtype} and {array.dtype}")
    return source if array.shape == wanted else reshape(source, wanted)


def _like(out: Any, input: Any) -> Any:
    return out if data_of(input).ndim else reshape(out, ())


def index_select(input: Any, dim: int, index: Any) -> Any:
    """The slices of dimension `dim` that the vector `index` names, in its order."""
    lined, index, items, _ = _along_slices(input, dim, index, "index_select")
    return _like(read(lined, index, items=items), input)


@differentiable(
    lambda g: g,
    lambda g, index, dim, alpha: (index_select if not is_array(g) else _take_slices)(g, dim, index) * alpha,
    None,
    name="IndexAddBackward0",
)
def _index_add(input: Array, source: Array, index: Array, dim: int, alpha: float = 1) -> Array:
    out = xp(input).array(input, order="C")
    where = (builtins.slice(None),) * dim + (index,)
    add_at(out, where, source if alpha == 1 else source * alpha)
    return out


def _take_slices(g: Array, dim: int, index: Array) -> Array:
    return g[(builtins.slice(None),) * dim + (index,)]


def index_add(input: Any, dim: int, index: Any, source: Any, *, alpha: float = 1) -> Any:
    """A copy of `input` with the slices of `source` added at the places that the vector `index` names."""
    if is_array(input):
        return _index_add.array(input, source, index, dim, alpha)
    lined, index, _, dim = _along_slices(input, dim, index, "index_add")
    return _like(_index_add(lined, _check_source(lined, index, source, dim, "index_add"), index, dim, alpha), input)


_index_add_ = inplace(_index_add, "index_add_", overlap="nothing")


def index_add_(input: Any, dim: int, index: Any, source: Any, *, alpha: float = 1) -> Any:
    """In-place form of index_add."""
    lined, index, _, dim = _along_slices(input, dim, index, "index_add_")
    _index_add_(lined, _check_source(lined, index, source, dim, "index_add_"), index, dim, alpha)
    return input


def _check_value(value: Any, name: str) -> None:
    if isinstance(value, tape.Tensor):
        if value._data.ndim:
            raise RuntimeError(
                f"{name} only supports a 0-dimensional value tensor, but got {value._data.ndim} dimension(s)."
            )
    elif not isinstance(value, int | float | complex):
        raise TypeError(f"{name}(): argument 'value' must be a number or Tensor, not {value.__class__.__name__}")


def index_fill(input: Any, dim: int, index: Any, value: Any) -> Any:
    """A copy of `input` with the slices that `index` names filled with a number."""
    _check_value(value, "index_fill")
    lined, index, items, _ = _along_slices(input, dim, index, "index_fill")
    return _like(put(lined, value, index, items=items), input)


def index_fill_(input: Any, dim: int, index: Any, value: Any) -> Any:
    """In-place form of index_fill."""
    _check_value(value, "index_fill_")
    lined, index, items, _ = _along_slices(input, dim, index, "index_fill_")
    put_(lined, value, index, items=items)
    return input


def index_copy(input: Any, dim: int, index: Any, source: Any) -> Any:
    """A copy of `input` with the slices of `source` written at the places that `index` names."""
    lined, index, items, dim = _along_slices(input, dim, index, "index_copy")
    return _like(put(lined, _check_source(lined, index, source, dim, "index_copy"), index, items=items), input)


def index_copy_(input: Any, dim: int, index: Any, source: Any) -> Any:
    """In-place form of index_copy."""
    lined, index, items, dim = _along_slices(input, dim, index, "index_copy_")
    put_(lined, _check_source(lined, index, source, dim, "index_copy_"), index, items=items)
    return input


def take(input: Any, index: Any) -> Any:
    """Elements of the flattened input, in the shape of `index`."""
    _need_tensor(index, "index", 1, "take")
    if index._data.dtype != np.int64:
        raise RuntimeError(f"take(): Expected a long tensor for index, but got {scalar_name(index._data)}")
    _beside(input, index, "take")
    if not index._data.ndim:
        return reshape(take(input, reshape(index, (1,))), ())
    return read_at(reshape(input, (-1,)), [index], (TENSOR,))


# --- masks


@differentiable(
    lambda g, mask: masked_fill(g, mask, 0.0), None, lambda g, mask: where(mask, g, 0.0), name="MaskedFillBackward0"
)
def masked_fill(input: Array, mask: Array, value: Array) -> Array:
    """A copy of `input` with `value` (a number or 0-d tensor) where the bool `mask`, broadcast, is true."""
    _need_tensor(mask, "mask", 1, "masked_fill")
    if mask.dtype.kind != "b":
        raise RuntimeError(f"masked_fill only supports boolean masks, but got mask with dtype {mask.dtype}")
    if not is_array(value) and not isinstance(value, int | float | complex):
        raise TypeError(
            f"masked_fill(): argument 'value' (position 2) must be a number or Tensor, not {value.__class__.__name__}"
        )
    if hasattr(value, "dtype"):
        if value.ndim:
            raise RuntimeError(
                f"masked_fill only supports a 0-dimensional value tensor, but got tensor with {value.ndim} dimension(s)."
            )
        value = value.astype(input.dtype)
    else:
        value = input.dtype.type(as_element(value, input.dtype))
    out = select(mask, value, input)
    return out if out.flags.c_contiguous else out.copy(order="C")


def masked_select(input: Any, mask: Any) -> Any:
    """The elements where the bool `mask`, broadcast, is true, in one dimension."""
    _need_tensor(mask, "mask", 1, "masked_select")
    if mask._data.dtype.kind != "b":
        raise RuntimeError("masked_select: expected BoolTensor for mask")
    shape = broadcast_shapes(input._data.shape, mask._data.shape) or (1,)
    return read_at(expand(input, shape), [expand(mask, shape)], (TENSOR,))


@constant()
def _nonzero(input: Array) -> Array:
    lib = xp(input)
    if not input.ndim:
        return lib.zeros((int(bool(input)), 0), "int64")
    return lib.stack(lib.nonzero(input)).T  # dimension after dimension in memory, as in PyTorch


def nonzero(input: Any, *, as_tuple: bool = False) -> Any:
    """Indices of the nonzero elements, (count, ndim) int64; as a tuple, one vector per dimension."""
    if not as_tuple:
        return _nonzero(input)
    found = _nonzero(input if input._data.ndim else reshape(input, (1,)))
    return tuple(tape.wrap(column.copy()) for column in found._data.T)


def argwhere(input: Any) -> Any:
    """Indices of the nonzero elements, (count, ndim) int64."""
    return _nonzero(input)
