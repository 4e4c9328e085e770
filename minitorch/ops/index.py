"""Indexing: x[...] in every form, read and written.

Basic indices (integers, slices, None, ...) give views. Indices with tensors, lists or masks copy; their gradient
adds back where they read, so that an element read twice gets both gradients.
"""

from __future__ import annotations

import builtins
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from minitorch.autograd import tape
from minitorch.autograd.inplace import inplace, overwrite
from minitorch.autograd.mismatch import is_array
from minitorch.autograd.tape import differentiable
from minitorch.device import Array, xp
from minitorch.ops.dims import wrap_dim
from minitorch.ops.shape import Size, data_of, reshape

# --- basic indices: views


def _basic_name(index: tuple[Any, ...]) -> str:
    last = ""
    for i in index:
        if i is None:
            last = "Unsqueeze"
        elif isinstance(i, int):
            last = "Select"
        elif isinstance(i, builtins.slice) and i != builtins.slice(None):
            last = "Slice"
    return f"{last or 'Alias'}Backward0"


@differentiable(lambda g, shape, index: spread(g, shape, index), view=True, name=_basic_name)
def _basic(input: Array, index: tuple[Any, ...]) -> Array:
    return input[(*index, ...)]


@differentiable(lambda g, index: _basic(g, index), name="SliceBackward0")
def spread(input: Array, size: Size, index: tuple[Any, ...]) -> Array:
    """Zeros of `size` with `input` where `index` reads: the adjoint of basic indexing."""
    out = xp(input).zeros(size, input.dtype)
    out[index] = input
    return out


def select(input: Any, dim: int, index: int) -> Any:
    """The slice `index` of dimension `dim`, without that dimension; a view."""
    shape = data_of(input).shape
    if not shape:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    dim = wrap_dim(dim, len(shape))
    if not -shape[dim] <= index < shape[dim]:
        raise IndexError(
            f"select(): index {index} out of range for tensor of size {list(shape)} at dimension {dim}"
        )
    return _basic(input, (builtins.slice(None),) * dim + (int(index),))


def slice_dim(input: Any, dim: int, start: int, end: int, step: int = 1) -> Any:
    """The part from `start` to `end` of dimension `dim`; a view."""
    return _basic(input, (builtins.slice(None),) * dim + (builtins.slice(start, end, step),))


def narrow(input: Any, dim: int, start: int, length: int) -> Any:
    """`length` entries of dimension `dim` from `start` on; a view."""
    shape = data_of(input).shape
    if not shape:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    dim = wrap_dim(dim, len(shape))
    n = shape[dim]
    if length < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    if not -n <= start <= n:
        raise IndexError(f"start out of range (expected to be in range of [{-n}, {n}], but got {start})")
    start = int(start) + n if start < 0 else int(start)
    if start + length > n:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({n}).")
    return slice_dim(input, dim, start, start + length)


# --- x[...]


def _parse(index: Any, shape: Size) -> tuple[tuple[Any, ...], list[Any]]:
    """An index as (items, tensors): items has integers, slices, None and, for each tensor, `TENSOR`."""
    items: list[Any] = []
    tensors: list[Any] = []
    for i in index if isinstance(index, tuple) else (index,):
        if isinstance(i, tape.Tensor) and not i._data.ndim and i._data.dtype.kind in "iu":
            i = int(i._data)
        if i is None or i is Ellipsis:
            items.append(i)
        elif isinstance(i, builtins.slice):
            items.append(_checked_slice(i))
        elif isinstance(i, bool | np.bool_):
            items.append(TENSOR)
            tensors.append(tape.wrap(np.asarray(i)))
        elif hasattr(i, "__index__") and not isinstance(i, tape.Tensor):
            items.append(i.__index__())
        else:
            items.append(TENSOR)
            tensors.append(_index_tensor(i))
    used = sum(t._data.ndim if i is TENSOR and t._data.dtype.kind == "b" else 1 for i, t in _with_tensors(items, tensors))
    if used > len(shape):
        if not shape:
            raise IndexError(
                "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ to convert "
                "a 0-dim tensor to a number"
            )
        raise IndexError(f"too many indices for tensor of dimension {len(shape)}")
    if Ellipsis in items:
        at = items.index(Ellipsis)
        items[at : at + 1] = [builtins.slice(None)] * (len(shape) - used)
    if not tensors:
        _check_bounds(items, shape)
    return tuple(items), tensors


class _Placeholder:
    def __repr__(self) -> str:
        return "<tensor>"


TENSOR = _Placeholder()


def _with_tensors(items: list[Any], tensors: list[Any]) -> list[tuple[Any, Any]]:
    """The items that use up a dimension, each beside its tensor."""
    remaining = iter(tensors)
    return [(i, next(remaining) if i is TENSOR else None) for i in items if i is not None and i is not Ellipsis]


def _checked_slice(s: builtins.slice) -> builtins.slice:
    parts = []
    for p in (s.start, s.stop, s.step):
        if isinstance(p, tape.Tensor):
            p = p.item()
        if p is not None and not hasattr(p, "__index__"):
            raise TypeError("slice indices must be integers or None or have an __index__ method")
        parts.append(p if p is None else p.__index__())
    if parts[2] is not None and parts[2] <= 0:
        raise ValueError("step must be greater than zero; flip() reverses a dimension")
    return builtins.slice(*parts)


def _index_tensor(i: Any) -> Any:
    if is_array(i):
        i = tape.wrap(np.asarray(i))
    elif isinstance(i, Sequence) and not isinstance(i, str):
        i = tape.wrap(np.asarray(i, np.int64) if not len(i) else _array_of(i))
    if not isinstance(i, tape.Tensor):
        raise IndexError(
            "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices "
            f"(got {i.__class__.__name__})"
        )
    kind = i._data.dtype
    if kind == np.uint8:
        warnings.warn(
            "indexing with dtype torch.uint8 is now deprecated, please use a dtype torch.bool instead.", stacklevel=4
        )
        return tape.wrap(i._data.astype(bool))
    if kind.kind not in "ib":
        raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
    return i


def _array_of(sequence: Sequence[Any]) -> Array:
    if any(isinstance(x, tape.Tensor) for x in sequence):
        return np.stack([np.asarray(data_of(x)) for x in sequence])
    return np.asarray(sequence)


def _check_bounds(items: Sequence[Any], shape: Size) -> None:
    dim = 0
    for i in items:
        if isinstance(i, int) and not -shape[dim] <= i < shape[dim]:
            raise IndexError(f"index {i} is out of bounds for dimension {dim} with size {shape[dim]}")
        dim += i is not None


def _filled(items: tuple[Any, ...], indices: tuple[Array, ...]) -> tuple[Any, ...]:
    remaining = iter(indices)
    return tuple(next(remaining) if i is TENSOR else i for i in items)


def _checked(input: Array, items: tuple[Any, ...], indices: tuple[Array, ...]) -> tuple[Any, ...]:
    """The whole index, its tensors on the input's device and within bounds."""
    lib = xp(input)
    indices = tuple(i if type(i) is type(input) else lib.asarray(i) for i in indices)
    dim = 0
    for i in _filled(items, indices):
        if is_array(i):
            if i.dtype.kind == "b":
                if i.shape != input.shape[dim : dim + i.ndim]:
                    raise IndexError(
                        f"The shape of the mask {list(i.shape)} at index 0 does not match the shape of the indexed tensor "
                        f"{list(input.shape)} at index {dim}"
                    )
                dim += i.ndim
                continue
            if lib is np and i.size:  # NumPy checks too; this is PyTorch's wording
                low, high, n = int(i.min()), int(i.max()), input.shape[dim]
                if high >= n or low < -n:
                    raise IndexError(f"index {high if high >= n else low} is out of bounds for dimension {dim} with size {n}")
        dim += i is not None
    return _filled(items, indices)


@differentiable(lambda g, shape, indices, items: _add_at(g, *indices, items=items, size=shape), None, name="IndexBackward0")
def read(input: Array, *indices: Array, items: tuple[Any, ...]) -> Array:
    index = _checked(input, items, indices)
    try:
        return input[index]
    except IndexError as error:
        raise IndexError(f"shape mismatch: indexing tensors could not be broadcast together: {error}") from None


@differentiable(lambda g, indices, items: read(g, *indices, items=items), None, name="IndexPutBackward0")
def _add_at(input: Array, *indices: Array, items: tuple[Any, ...], size: Size) -> Array:
    """Zeros of `size` with `input` added where the index reads: the adjoint of advanced indexing."""
    lib = xp(input)
    out = lib.zeros(size, input.dtype)
    index = _filled(items, indices)
    if all(i.dtype.kind == "b" for i in indices):
        out[index] = input  # a mask reads no element twice
    else:
        lib.add.at(out, index, input)
    return out


@differentiable(
    lambda g, indices, items, accumulate: g if accumulate else put(g, 0.0, *indices, items=items),
    lambda g, indices, items: read(g, *indices, items=items),
    None,
    name="IndexPutBackward0",
)
def put(input: Array, value: Array, *indices: Array, items: tuple[Any, ...], accumulate: bool = False) -> Array:
    """A copy of `input` with `value` written (or added) where the index reads."""
    out = input.copy()
    index = _checked(out, items, indices)
    if accumulate:
        xp(out).add.at(out, index, value)
    else:
        out[index] = value
    return out


put_ = inplace(put, "index_put_")
_overwrite_ = inplace(overwrite, "copy_")


def getitem(input: Any, index: Any) -> Any:
    """x[index]."""
    items, tensors = _parse(index, input._data.shape)
    if not tensors:
        return _basic(input, items)
    return read(input, *tensors, items=items)


def setitem(input: Any, index: Any, value: Any) -> None:
    """x[index] = value."""
    items, tensors = _parse(index, input._data.shape)
    if not isinstance(value, tape.Tensor):
        if not isinstance(value, bool | int | float | np.generic):
            kind = value.__class__.__name__
            raise TypeError(f"can't assign a {kind} to a torch.{input.type().removeprefix('torch.')}")
        value = value.item() if isinstance(value, np.generic) else value
    if not tensors:
        target = _basic(input, items)
        if isinstance(value, tape.Tensor):
            extra = value._data.ndim - target._data.ndim
            if extra > 0 and set(value._data.shape[:extra]) == {1}:  # PyTorch drops leading ones
                value = reshape(value, value._data.shape[extra:])
        _overwrite_(target, value)
        return
    if isinstance(value, tape.Tensor) and value._data.dtype is not input._data.dtype:
        if value._data.ndim:
            raise RuntimeError(
                f"Index put requires the source and destination dtypes match, got {_type(input)} for the destination "
                f"and {_type(value)} for the source."
            )
        value = value.to(input.dtype)
    put_(input, value, *tensors, items=items)


def _type(t: Any) -> str:
    from minitorch.dtypes import scalar_name

    return scalar_name(t._data)


def index_put(input: Any, indices: Sequence[Any], values: Any, accumulate: bool = False) -> Any:
    """A copy of `input` with `values` written (or, with accumulate, added) at the given index tensors."""
    items, tensors = _parse(tuple(indices), input._data.shape)
    return put(input, values, *tensors, items=items, accumulate=accumulate)


def index_put_(input: Any, indices: Sequence[Any], values: Any, accumulate: bool = False) -> Any:
    """In-place form of index_put."""
    items, tensors = _parse(tuple(indices), input._data.shape)
    return put_(input, values, *tensors, items=items, accumulate=accumulate)
