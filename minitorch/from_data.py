"""Making tensors from data: numbers, sequences, NumPy arrays, other tensors."""

from __future__ import annotations

import builtins
import warnings
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np

from minitorch import dtypes
from minitorch.autograd import tape
from minitorch.autograd.inplace import as_element
from minitorch.autograd.mismatch import is_array
from minitorch.autograd.tape import wrap
from minitorch.creation import DeviceLike, finish, kind_of, placed
from minitorch.device import Array, require_cupy, xp
from minitorch.dtypes import dtype


def tensor(
    data: Any, *, dtype: dtype | None = None, device: DeviceLike = None, requires_grad: builtins.bool = False,
    pin_memory: builtins.bool = False,
) -> Any:  # fmt: skip
    """A copy of `data`: a number, (nested) sequences of numbers, a NumPy array or a tensor.

    Python floats become the default dtype, ints int64; NumPy's numbers and arrays keep their dtype; of several the
    common one. ValueError for ragged sequences. pin_memory speeds up copies to a GPU and changes nothing else.
    """
    if isinstance(data, tape.Tensor):
        warnings.warn(
            "To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone() or "
            "sourceTensor.detach().clone().requires_grad_(True), rather than torch.tensor(sourceTensor).",
            stacklevel=2,
        )
    elif isinstance(data, np.ndarray):
        _check_strides(data)
    array = array_from(data, dtype)
    if array is getattr(data, "_data", data):
        array = array.copy(order="K")
    return finish("tensor", placed(array, device), requires_grad, {})


def as_tensor(data: Any, *, dtype: dtype | None = None, device: DeviceLike = None) -> Any:
    """`data` as a tensor: itself if it is one of that dtype and device, sharing the memory of a NumPy array."""
    if isinstance(data, tape.Tensor):
        return data.to(device=device, dtype=dtype) if device is not None or dtype is not None else data
    array = array_from(data, dtype)
    if array is data:
        array = from_numpy(array)._data if isinstance(array, np.ndarray) else array.view()
    return wrap(placed(array, device))


def asarray(
    obj: Any, *, dtype: dtype | None = None, device: DeviceLike = None, copy: builtins.bool | None = None,
    requires_grad: builtins.bool | None = None,
) -> Any:  # fmt: skip
    """`as_tensor`. copy: True always copies; False raises ValueError if a copy is needed. requires_grad=False detaches."""
    source = obj._data if isinstance(obj, tape.Tensor) else obj
    if hasattr(source, "__cuda_array_interface__"):
        source = array_from(source, None)
    if copy is False and not is_array(source):
        raise ValueError("can't alias arbitrary sequence into a tensor.")
    if isinstance(obj, tape.Tensor):
        t = obj.to(device=device, dtype=dtype)
        t = t.detach() if requires_grad is False else t
    else:
        t = as_tensor(obj, dtype=dtype, device=device)
    shares = type(source) is type(t._data) and xp(source).may_share_memory(source, t._data)
    if copy is False and not shares:
        raise ValueError(
            f"asarray(): copy=False, but a copy is needed to make dtype {t.dtype} on {t.device} of the data"
        )
    t = t.clone() if copy and shares else t
    return t.requires_grad_() if requires_grad and not t.requires_grad else t


def _check_strides(array: np.ndarray) -> None:
    if any(s < 0 for s in array.strides):
        raise ValueError(
            "At least one stride in the given numpy array is negative, and tensors with negative strides are not "
            "currently supported. (You can probably work around this by making a copy of your array with array.copy().)"
        )


def from_numpy(ndarray: np.ndarray) -> Any:
    """A tensor that shares the memory of a NumPy array: a write into either shows in both."""
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {ndarray.__class__.__name__})")
    ndarray = dtypes.canonical(ndarray)
    _check_strides(ndarray)
    if not ndarray.flags.writeable:
        warnings.warn(
            "The given NumPy array is not writable, and PyTorch does not support non-writable tensors. This means "
            "writing to this tensor will result in undefined behavior. You may want to copy the array to protect its "
            "data or make it writable before converting it to a tensor.",
            stacklevel=2,
        )
    return wrap(ndarray.view())


def from_dlpack(ext_tensor: Any, *, device: DeviceLike = None, copy: builtins.bool | None = None) -> Any:
    """A tensor sharing the memory of any object with `__dlpack__`. copy, device: as `asarray` has them."""
    if not hasattr(ext_tensor, "__dlpack_device__"):
        raise NotImplementedError("from_dlpack(): minitorch takes objects with __dlpack__, not their capsules")
    lib = np if ext_tensor.__dlpack_device__()[0] == _DLPACK_CPU else require_cupy()
    t = wrap(dtypes.canonical(lib.from_dlpack(ext_tensor)))
    return t if device is None and copy is None else asarray(t, device=device, copy=copy)


_DLPACK_CPU = 1  # kDLCPU


# --- what lies in Python data


def array_from(data: Any, given: dtype | None) -> Array:
    """`data` as an array of the dtype PyTorch would choose, or the given one; shared where it is one already."""
    if isinstance(data, tape.Tensor):
        return data._data.astype(kind_of(given, data._data.dtype), copy=False)
    if isinstance(data, np.ndarray | np.generic):
        array = dtypes.canonical(np.asarray(data))
        return array.astype(kind_of(given, array.dtype), copy=False)
    if hasattr(data, "__cuda_array_interface__"):
        array = dtypes.canonical(require_cupy().asarray(data))
        return array.astype(kind_of(given, array.dtype), copy=False)
    if isinstance(data, str | bytes):
        raise TypeError(f"new(): invalid data type '{data.__class__.__name__}'")
    shape, leaves = _flattened(data)
    kind = kind_of(given, None) or _common_kind(leaves)
    return _stored(leaves, kind).reshape(shape)


def _is_sequence(x: Any) -> builtins.bool:
    if isinstance(x, list | tuple | np.ndarray):
        return True
    if isinstance(x, tape.Tensor | np.generic | str | bytes | dict):
        return False
    return isinstance(x, Sequence) or (hasattr(x, "__len__") and hasattr(x, "__getitem__"))


def _flattened(data: Any) -> tuple[list[int], list[Any]]:
    """The shape of nested sequences, after the first of each level, and all that lies in them."""
    shape: list[int] = []
    level = [data]
    while level and _is_sequence(level[0]):
        length = len(level[0])
        shape.append(length)
        if length == 0:
            return shape, []
        for x in level:
            if not _is_sequence(x):
                raise TypeError(
                    f"expected sequence of length {length} at dim {len(shape) - 1} (got a {x.__class__.__name__})"
                )
            if len(x) != length:
                raise ValueError(f"expected sequence of length {length} at dim {len(shape) - 1} (got {len(x)})")
        level = list(chain.from_iterable(level))
    if shape and isinstance(level[0], str):
        raise ValueError("too many dimensions 'str': a tensor holds numbers")
    return shape, level


def _common_kind(leaves: list[Any]) -> Any:
    """NumPy's object for the dtype that holds all of them."""
    kind: Any = None
    for found in {_kind_of_leaf(x) for x in _one_of_each(leaves)}:
        kind = found if kind is None else dtypes.promote_numpy(kind, found)
    return dtypes.default_numpy() if kind is None else kind


def _one_of_each(leaves: list[Any]) -> list[Any]:
    """A leaf of each Python type; tensors are told apart by dtype, so all of them."""
    kinds = {x.__class__: x for x in leaves}
    if any(issubclass(cls, tape.Tensor) for cls in kinds):
        return leaves
    return list(kinds.values())


def _kind_of_leaf(x: Any) -> Any:
    if isinstance(x, tape.Tensor):
        return x._data.dtype
    if isinstance(x, np.generic):
        return dtypes.from_numpy(x.dtype).numpy
    if isinstance(x, builtins.bool):
        return dtypes.bool.numpy
    if isinstance(x, int):
        return dtypes.int64.numpy
    if isinstance(x, float):
        return dtypes.default_numpy()
    if isinstance(x, complex):
        raise NotImplementedError(f"tensor(): minitorch has no complex types, got {x}")
    if isinstance(x, str | bytes):
        raise TypeError(f"new(): invalid data type '{x.__class__.__name__}'")
    raise RuntimeError(f"Could not infer dtype of {x.__class__.__name__}: tensor() takes numbers and sequences of them")


def _number(x: Any) -> Any:
    """A leaf as a Python number."""
    if isinstance(x, tape.Tensor):
        if x._data.size == 1:
            return x.item()
        if x.is_floating_point():
            raise ValueError("only one element tensors can be converted to Python scalars")
        raise TypeError("only integer tensors of a single element can be converted to an index")
    if isinstance(x, np.generic):
        return x.item()
    if not isinstance(x, int | float):
        raise TypeError(f"must be real number, not {x.__class__.__name__}")
    return x


def _stored(leaves: list[Any], kind: Any) -> Array:
    """The leaves in an array; RuntimeError or ValueError for an integer that its dtype cannot hold."""
    classes = {x.__class__ for x in leaves}
    if not classes <= {float, int, builtins.bool}:
        leaves = [_number(x) for x in leaves]
        classes = {x.__class__ for x in leaves}
    if kind.kind == "f":
        # Halves are made from float32, as in PyTorch: two roundings.
        wide = np.float32 if kind.itemsize == 2 else kind
        return np.array(leaves, wide).astype(kind, copy=False)
    if kind.kind == "b":
        return np.array([builtins.bool(x) for x in leaves], kind)
    if float in classes or kind.kind == "u":
        return np.array([_integer(x, kind) for x in leaves], kind)
    try:
        array = np.array(leaves, np.int64)
    except OverflowError:
        raise ValueError("Overflow when unpacking long long: int64 holds -2**63 ... 2**63 - 1") from None
    if kind.itemsize < 8 and array.size:
        as_element(int(array.max()), kind)
        as_element(int(array.min()), kind)
    return array.astype(kind, copy=False)


def _integer(x: Any, kind: Any) -> int:
    if isinstance(x, float) and kind.kind == "u" and x < 0:
        raise RuntimeError(f"value cannot be converted to type {kind.name} without overflow: {x}")
    return int(as_element(x, kind))
