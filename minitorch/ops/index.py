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
from minitorch.autograd.inplace import as_element, carried, inplace, overwrite
from minitorch.autograd.mismatch import is_array
from minitorch.autograd.tape import differentiable
from minitorch.device import Array, number_in, xp
from minitorch.dtypes import scalar_name
from minitorch.ops.at_tensors import ALL, TENSOR, check_on_gpu, put, read_at
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
        elif isinstance(i, builtins.slice) and i != ALL:
            last = "Slice"
    return f"{last or 'Alias'}Backward0"


@differentiable(lambda g, shape, index: spread(g, shape, index), view=True, name=_basic_name)
def _basic(input: Array, index: tuple[Any, ...]) -> Array:
    """`index` is of integers, slices, None and one Ellipsis: without, NumPy gives scalars for 0-d arrays."""
    return input[index]


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
    index = index.__index__()
    if not -shape[dim] <= index < shape[dim]:
        raise IndexError(f"select(): index {index} out of range for tensor of size {list(shape)} at dimension {dim}")
    return _basic(input, index=(*(ALL,) * dim, index, ...))


def slice_dim(input: Any, dim: int, start: int, end: int, step: int = 1) -> Any:
    """The part from `start` to `end` of dimension `dim`; a view."""
    return _basic(input, index=(*(ALL,) * dim, builtins.slice(start, end, step), ...))


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

_PLAIN = frozenset((int, type(None)))


def _plain(index: Any) -> tuple[Any, ...] | None:
    """`index` as NumPy takes it if it is of ints, slices of ints, None and one Ellipsis: by far the most common. Else None."""
    if index.__class__ is int:
        return (index, ...)
    if index.__class__ is not tuple:
        index = (index,)
    dots = False
    for i in index:
        kind = i.__class__
        if kind is int or i is None:
            continue
        if kind is builtins.slice:
            step = i.step
            if (
                i.start.__class__ in _PLAIN
                and i.stop.__class__ in _PLAIN
                and (step is None or (step.__class__ is int and step > 0))
            ):
                continue
        elif i is Ellipsis and not dots:
            dots = True
            continue
        return None
    return index if dots else (*index, ...)


def getitem(input: Any, index: Any) -> Any:
    """x[index]."""
    basic = _plain(index)
    if basic is not None:
        try:
            return _basic(input, index=basic)
        except IndexError:
            pass  # `_parse` says why
    basic, items, tensors = _parse(index, input._data.shape)
    if not tensors:
        return _basic(input, index=basic)
    return read_at(input if items == basic else _basic(input, index=basic), tensors, items)


def _parse(index: Any, shape: Size) -> tuple[tuple[Any, ...], tuple[Any, ...], list[Any]]:
    """An index in two steps: a basic one, and what is left for tensors to do on its outcome.

    Returns (basic, items, tensors): `items` has a `TENSOR` where the next of `tensors` indexes, else ALL.
    """
    parts = [_part(i) for i in _as_tuple(index)]
    used = sum(_dims_used(i) for i in parts)
    if used > len(shape):
        if not shape and not isinstance(index, tuple) and parts[0].__class__ is int:
            raise IndexError(
                "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ to convert "
                "a 0-dim tensor to a number"
            )
        raise IndexError(f"too many indices for tensor of dimension {len(shape)}")
    basic: list[Any] = []
    items: list[Any] = []
    tensors = []
    dim = 0  # of the input
    for i in parts:
        if isinstance(i, tape.Tensor):
            tensors.append(i if i._data.ndim else reshape(i, (1,)))  # one bool is a mask of a new dimension
            n = _dims_used(i)
            basic += [ALL] * n if n else [None]
            items.append(TENSOR)
            dim += n
        elif i is Ellipsis:
            n = min(len(shape) - used, len(shape) - dim)
            basic += [ALL] * n
            items += [ALL] * n
            dim += n
        elif i is None:
            basic.append(None)
            items.append(ALL)
        else:
            if i.__class__ is int:
                size = shape[dim] if dim < len(shape) else 0
                if not -size <= i < size:
                    raise IndexError(f"index {i} is out of bounds for dimension {dim} with size {size}")
            else:
                items.append(ALL)
            basic.append(i)
            dim += 1
    if not tensors:
        items = []
    elif all(i is ALL or (isinstance(i, tape.Tensor) and _dims_used(i)) for i in parts):  # nothing for a view to do
        return tuple(items), tuple(items), tensors
    return (*basic, ...), tuple(items), tensors


def _as_tuple(index: Any) -> tuple[Any, ...]:
    if isinstance(index, tuple):
        return index
    nested = (tape.Tensor, Sequence, np.ndarray, builtins.slice, type(None), type(Ellipsis))
    if not isinstance(index, Sequence) or len(index) >= 32 or not any(isinstance(i, nested) for i in index):
        return (index,)
    warnings.warn(
        "Using a non-tuple sequence for multidimensional indexing is deprecated; use x[tuple(seq)] instead of x[seq], "
        "or x[torch.tensor(seq)] for the values at these indices.",
        stacklevel=4,
    )
    return tuple(index)


def _part(i: Any) -> Any:
    """One part of an index: an int, a slice, None, Ellipsis, or a tensor of int64, int32 or bool."""
    if i.__class__ is int or i is None or i is Ellipsis:
        return i
    if isinstance(i, builtins.slice):
        return _checked_slice(i)
    if isinstance(i, bool):
        return tape.wrap(np.asarray(i))
    if isinstance(i, tape.Tensor):
        kind = i._data.dtype.kind
        return (
            int(number_in(i._data))
            if not i._data.ndim and (kind == "i" or (kind == "u" and i._data.itemsize > 1))
            else _index_tensor(i)
        )
    if is_array(i) and not isinstance(i, np.generic):
        if i.dtype.kind not in "iufb":
            raise TypeError(f"can't convert np.ndarray of type {i.dtype} to an index")
        return _part(tape.wrap(np.asarray(i) if i.dtype.kind == "b" or i.dtype == np.uint8 else i.astype(np.int64)))
    if hasattr(i, "__index__"):
        return i.__index__()
    if isinstance(i, str | bytes):
        raise TypeError(f"new(): invalid data type '{i.__class__.__name__}'")
    if isinstance(i, Sequence):
        return _index_tensor(tape.wrap(_array_of(i)))
    raise IndexError(
        "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices "
        f"(got {i.__class__.__module__.replace('builtins', '')}.{i.__class__.__name__})".replace("(got .", "(got ")
    )


def _checked_slice(s: builtins.slice) -> builtins.slice:
    parts = []
    for p in (s.start, s.stop, s.step):
        if isinstance(p, tape.Tensor):
            if p._data.dtype.kind == "f" or p._data.size != 1:
                raise TypeError("only integer tensors of a single element can be converted to an index")
            p = p.item()
        if p is not None and not hasattr(p, "__index__"):
            raise TypeError("slice indices must be integers or None or have an __index__ method")
        parts.append(p if p is None else p.__index__())
    if parts == [None, None, None]:
        return ALL
    if parts[2] is not None and parts[2] <= 0:
        raise ValueError("step must be greater than zero; flip() reverses a dimension")
    return builtins.slice(*parts)


def _index_tensor(i: Any) -> Any:
    kind = i._data.dtype
    if kind == np.uint8:
        warnings.warn(
            "indexing with dtype torch.uint8 is now deprecated, please use a dtype torch.bool instead.", stacklevel=5
        )
        return tape.wrap(i._data.astype(bool))
    if kind.kind != "b" and (kind.kind != "i" or kind.itemsize < 4):
        raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
    return i


def _array_of(sequence: Sequence[Any]) -> Array:
    """A list as an index: a mask if it is of bools, else integers."""
    if any(isinstance(x, tape.Tensor) for x in sequence):
        sequence = [x.item() if isinstance(x, tape.Tensor) else x for x in sequence]
    try:
        found = np.asarray(sequence)
    except ValueError:
        raise ValueError(f"the lists in an index must be of one length: {sequence}") from None
    if found.dtype.kind == "O":
        raise RuntimeError(f"Could not infer dtype of the elements of the index {sequence}")
    if found.dtype.kind not in "iufb":
        raise TypeError(f"the elements of the index {sequence} cannot be interpreted as integers")
    return found if found.dtype.kind == "b" else found.astype(np.int64)


def _dims_used(i: Any) -> int:
    if isinstance(i, tape.Tensor) and i._data.dtype.kind == "b":
        return i._data.ndim
    return 0 if i is None or i is Ellipsis else 1


# --- writing

put_ = inplace(put, "index_put_", overlap="nothing")
_overwrite_ = inplace(overwrite, "copy_", overlap="broadcast")


def setitem(input: Any, index: Any, value: Any) -> None:
    """x[index] = value."""
    if isinstance(value, tape.Tensor):
        shape = value._data.shape
        if shape[:1] == (1,):  # PyTorch drops leading ones
            value = reshape(value, shape[next((d for d, n in enumerate(shape) if n != 1), len(shape)) :])
    elif isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError("Overflow when unpacking long long")
    elif not isinstance(value, int | float | complex | np.integer):
        raise TypeError(f"can't assign a {_type_name(value)} to a {input.type()}")
    elif isinstance(value, complex):
        value = as_element(value, input._data.dtype)
    if index is False:
        return
    if index is True:
        index = None
    basic = _plain(index)
    if basic is not None:
        try:
            target = _basic(input, index=basic)
        except IndexError:
            pass  # `_parse` says why
        else:
            _overwrite_(target, carried(value, input) if isinstance(value, tape.Tensor) else value)
            return
    basic, items, tensors = _parse(index, input._data.shape)
    if not tensors:
        value = carried(value, input) if isinstance(value, tape.Tensor) else value
        _overwrite_(_basic(input, index=basic), value)
        return
    target = input if items == basic else _basic(input, index=basic)
    check_on_gpu(target, tensors, items)
    put_(target, _value_for(target, value, tensors, items), *tensors, items=items)


def _type_name(value: Any) -> str:
    kind = value.__class__
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


def _value_for(input: Any, value: Any, tensors: list[Any], items: tuple[Any, ...]) -> Any:
    """The value in the input's dtype, which it must have already, unless it is one number for one mask; where the input
    is, if it is 0-d."""
    if not isinstance(value, tape.Tensor):
        return value
    if not value._data.ndim:
        value = tape.beside(value, input)
    if value._data.dtype is input._data.dtype:
        return value
    if value._data.size == 1 and len(tensors) == 1 and tensors[0]._data.dtype.kind == "b":
        return value.to(input.dtype)
    try:
        read_at(input, tensors, items)
    except IndexError as error:  # of two errors PyTorch gives that of misshapen indices, not that of their values
        if "out of bounds" not in str(error):
            raise
    raise RuntimeError(
        f"Index put requires the source and destination dtypes match, got {scalar_name(input._data)} for the destination "
        f"and {scalar_name(value._data)} for the source. Convert it with .to(x.dtype)."
    )


def _put_args(input: Any, indices: Any, values: Any, name: str) -> tuple[Any, list[Any], tuple[Any, ...]]:
    if isinstance(indices, tape.Tensor) or not isinstance(indices, tuple | list):
        kind = indices.__class__.__name__
        raise TypeError(f"{name}(): argument 'indices' (position 1) must be tuple of Tensors, not {kind}")
    for i, x in enumerate(indices):
        if not isinstance(x, tape.Tensor):
            raise TypeError(f"expected Tensor as element {i} in argument 0, but got {x.__class__.__name__}")
    if not isinstance(values, tape.Tensor):
        raise TypeError(f"{name}(): argument 'values' (position 2) must be Tensor, not {values.__class__.__name__}")
    # A 0-d index is one of one element; the dimension it gives is then left out.
    _, items, tensors = _parse(tuple(x if x._data.ndim else reshape(x, (1,)) for x in indices), input._data.shape)
    check_on_gpu(input, tensors, items)
    return _value_for(input, values, tensors, items), tensors, items


def index_put(input: Any, indices: Sequence[Any], values: Any, accumulate: bool = False) -> Any:
    """A copy of `input` with `values` written (or, with accumulate, added) at the given index tensors."""
    values, tensors, items = _put_args(input, indices, values, "index_put")
    return put(input, values, *tensors, items=items, accumulate=accumulate)


def index_put_(input: Any, indices: Sequence[Any], values: Any, accumulate: bool = False) -> Any:
    """In-place form of index_put."""
    values, tensors, items = _put_args(input, indices, values, "index_put_")
    return put_(input, values, *tensors, items=items, accumulate=accumulate)
