"""Reading and writing at places that tensors name: what is left of an index when its views are made.

`items` says where the tensors stand in the index: a TENSOR for each (a mask stands for as many dimensions as it has),
ALL for the dimensions between them.
"""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Any

import numpy as np

from minitorch import gpu_places
from minitorch.autograd import tape
from minitorch.autograd.inplace import as_element
from minitorch.autograd.mismatch import explain, is_array
from minitorch.autograd.tape import differentiable
from minitorch.device import Array, device_of, is_negative_zero, move, signed, xp
from minitorch.faults import require_between
from minitorch.ops.along import add_at
from minitorch.ops.shape import Size

ALL = builtins.slice(None)


def out_of_bounds(dim: int) -> str:
    """What is said of an index, see faults.py."""
    return f"index {{value}} is out of bounds for dimension {dim} with size {{size}}"


class _Placeholder:
    def __repr__(self) -> str:
        return "<tensor>"


TENSOR = _Placeholder()
Items = tuple[Any, ...]


def _filled(input: Array, items: Items, indices: Sequence[Array]) -> tuple[Any, ...]:
    """The whole index, its tensors where `input` is."""
    place = device_of(input)
    remaining = iter(indices)
    if isinstance(input, np.ndarray) and not all(isinstance(i, np.ndarray) for i in indices):
        raise RuntimeError("indices should be either on cpu or on the same device as the indexed tensor (cpu)")
    return tuple([move(next(remaining), place) if i is TENSOR else i for i in items])


def check_on_gpu(input: Any, tensors: Sequence[Any], items: Items) -> None:
    """For a Tensor on a GPU the errors that NumPy would raise and CuPy would not: index out of range, misshapen mask."""
    if isinstance(input._data, np.ndarray):
        return
    shape, remaining, dim = input._data.shape, iter([t._data for t in tensors]), 0
    for item in items:
        index = next(remaining) if item is TENSOR else None
        if index is not None and index.dtype.kind == "b":
            if index.shape != shape[dim : dim + index.ndim]:
                raise _refused(shape, (*(ALL,) * dim, index), IndexError())
            dim += index.ndim
            continue
        if index is not None:
            n = shape[dim]
            require_between(index, -n, n - 1, out_of_bounds(dim))
        dim += 1


def _apart(index: tuple[Any, ...]) -> bool:
    """Whether the shapes of the tensors of an index do not broadcast."""
    try:
        np.broadcast_shapes(*[(int(i.sum()),) if i.dtype.kind == "b" else i.shape for i in index if is_array(i)])
    except ValueError:
        return True
    return False


def _refused(shape: Size, index: tuple[Any, ...], error: Exception) -> IndexError:
    """What is wrong with the tensors of an index, in PyTorch's words."""
    dim = 0
    for i in index:
        if is_array(i) and i.dtype.kind == "b":
            for d in range(i.ndim):
                if i.shape[d] != shape[dim + d]:
                    return IndexError(
                        f"The shape of the mask {list(i.shape)} at index {d} does not match the shape of the indexed tensor "
                        f"{list(shape)} at index {dim + d}"
                    )
            dim += i.ndim
            continue
        if isinstance(i, np.ndarray) and i.size:
            low, high, n = int(i.min()), int(i.max()), shape[dim]
            if high >= n or low < -n:
                return IndexError(
                    f"index {high if high >= n else low} is out of bounds for dimension {dim} with size {n}"
                )
        dim += 1
    return IndexError(f"shape mismatch: indexing tensors could not be broadcast together: {error}")


# --- reading


def read_at(input: Any, tensors: Sequence[Any], items: Items) -> Any:
    """The elements of the Tensor `input` that the index names.

    Masks of a tensor on a GPU become lists of places first: their number has to be known on the host, once, and the
    backward pass then need not wait.
    """
    if not (len(tensors) == 1 and tensors[0].is_cuda and tensors[0]._data.dtype.kind == "i"):  # then `take` looks
        check_on_gpu(input, tensors, items)
    if not isinstance(input._data, np.ndarray):
        tensors, items = _without_masks(tensors, items)
    return read(input, *tensors, items=items)


def _without_masks(tensors: Sequence[Any], items: Items) -> tuple[list[Any], Items]:
    found: list[Any] = []
    wide: list[Any] = []
    remaining = iter(tensors)
    for item in items:
        if item is not TENSOR:
            wide.append(item)
            continue
        t = next(remaining)
        parts = [t] if t._data.dtype.kind != "b" else [tape.wrap(i) for i in xp(t._data).nonzero(t._data)]
        found += parts
        wide += [TENSOR] * len(parts)
    return found, tuple(wide)


@differentiable(
    lambda g, shape, indices, items: _add_at(g, *indices, items=items, size=shape), None, name="IndexBackward0"
)
def read(input: Array, *indices: Array, items: Items) -> Array:
    """The elements of `input` that the index names, in a new array."""
    index = _filled(input, items, indices)
    try:
        if len(indices) == 1 and indices[0].dtype.kind == "i":
            at = items.index(TENSOR)
            if not isinstance(input, np.ndarray):
                return gpu_places.take(input, index[at], at, out_of_bounds(at))
            return input.take(index[at], at)
        out = input[index]
    except (IndexError, ValueError) as error:
        raise _refused(input.shape, index, error) from None
    return out if out.flags.c_contiguous else out.copy(order="C")


@differentiable(lambda g, indices, items: read(g, *indices, items=items), None, name="IndexPutBackward0")
def _add_at(input: Array, *indices: Array, items: Items, size: Size) -> Array:
    """Zeros of `size` with `input` added where the index reads: the adjoint of advanced indexing."""
    lib = xp(input)
    out = lib.zeros(size, input.dtype)
    index = _filled(out, items, indices)
    if all(i.dtype.kind == "b" for i in indices):
        out[index] = input  # a mask reads no element twice
    else:
        add_at(out, index, input)
    return out


# --- writing


@differentiable(
    lambda g, indices, items, accumulate: g if accumulate else put(g, 0.0, *indices, items=items),
    lambda g, indices, items: read(g, *indices, items=items),
    None,
    name="IndexPutBackward0",
)
def put(input: Array, value: Array, *indices: Array, items: Items, accumulate: bool = False) -> Array:
    """A copy of `input` with `value` written (or added) where the index reads."""
    out = xp(input).array(input)  # a gradient may be a NumPy scalar, whose copy cannot be written
    index = _filled(out, items, indices)
    if not is_array(value):
        value = as_element(value, out.dtype)
    if not isinstance(out, np.ndarray):
        if not is_array(value) and is_negative_zero(value):
            value = signed(xp(out).full((), value, out.dtype), value)
        if isinstance(value, np.ndarray):  # CuPy would take it
            raise explain("index_put_", ["input", "value"], [out, value], RuntimeError())
        if not accumulate and len(indices) == 1 and indices[0].dtype.kind == "b" and not getattr(value, "size", 1) > 1:
            return _filled_at_mask(out, value, index)
    try:
        if accumulate:
            add_at(out, index, value)
        else:
            out[index] = value
    except IndexError as error:
        raise _refused(input.shape, index, error) from None
    except (ValueError, TypeError) as error:
        if _apart(index):  # a ValueError of CuPy's too
            raise _refused(input.shape, index, error) from None
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {list(value.shape)} cannot be broadcast to the places in a tensor of "
            f"shape {list(input.shape)} that the index names"
        ) from None
    return out


def _filled_at_mask(out: Array, value: Any, index: tuple[Any, ...]) -> Array:
    """One value at a mask: without counting its elements, for which the host would have to wait."""
    front = next(d for d, i in enumerate(index) if i is not ALL)
    mask = index[front]
    mask = mask.reshape(mask.shape + (1,) * (out.ndim - front - mask.ndim))
    return xp(out).where(mask, value.reshape(()) if is_array(value) else value, out)
