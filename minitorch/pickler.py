"""The saving half of the pickle in a .pt file: values and tensors as PyTorch's own reader accepts them."""

from __future__ import annotations

import pickle
from collections import Counter, OrderedDict
from collections.abc import Callable
from functools import cache
from typing import IO, Any

import numpy as np

from minitorch import dtypes
from minitorch.device import Array, device, device_of, xp
from minitorch.size import Size
from minitorch.tensor import Tensor

PROTOCOL = 2  # PyTorch's default, and the only one that it reads with weights_only=True
_MOST_BITS = 8 * 255 - 1  # of an int that PyTorch reads


class _Global:
    """A function or class of which a pickle needs nothing but the name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self) -> None:
        raise TypeError(f"{self.name} is only a name")  # pickle insists that what a file calls can be called


_name = cache(_Global)  # one object per name: the pickle then spells it once


class _Storage:
    """What the pickle says of one block of memory: ("storage", type, record, location, numel)."""

    def __init__(self, *parts: Any) -> None:
        self.identifier = ("storage", *parts)


class Pickler(pickle._Pickler):
    """Python's pickler, restricted to what can be loaded again; tensors are written as PyTorch writes them.

    After `dump`, `blocks` are the memory the tensors lie in: flat uint8 arrays, in order.
    """

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file, protocol=PROTOCOL)
        self.blocks: list[Array] = []
        self._known: dict[Any, tuple[str, dtypes.dtype]] = {}  # memory -> its number and type

    def persistent_id(self, obj: Any) -> Any:
        """Refer to a block of memory by its identifier; pickle all else."""
        return obj.identifier if isinstance(obj, _Storage) else None

    # Of pickle's own, but not in its type stubs.
    write: Callable[[bytes], Any]
    memoize: Callable[[Any], None]

    def save_global(self, obj: Any, name: str | None = None) -> None:
        """Write a name as it is; pickle itself would import it to see whether it is there."""
        module, _, attribute = (name or "").rpartition(".")
        self.write(pickle.GLOBAL + f"{module}\n{attribute}\n".encode())
        self.memoize(obj)

    def reducer_override(self, obj: Any) -> Any:
        """The name to save `obj` as, or what to call with which arguments; NotImplemented: as pickle does."""
        kind = type(obj)
        if kind in (type(None), bool, float, str, list, tuple, dict):
            return NotImplemented
        if kind is int and obj.bit_length() <= _MOST_BITS:
            return NotImplemented
        if kind is _Global:
            return obj.name
        if kind is dtypes.dtype:
            return repr(obj)
        if isinstance(obj, Tensor):
            return self._reduce_tensor(obj)
        if kind is Size:
            return _name("torch.Size"), (tuple(obj),)
        if kind is device:
            return _name("torch.device"), (obj.type,) if obj.index is None else (obj.type, obj.index)
        if kind is OrderedDict:
            return _name("collections.OrderedDict"), (), vars(obj) or None, None, iter(obj.items())
        if kind is Counter:
            return _name("collections.Counter"), (dict(obj),)
        if kind is set:
            return _name("__builtin__.set"), (list(obj),)
        if kind is bytes:
            return _name("_codecs.encode"), (obj.decode("latin1"), "latin1")
        if kind is bytearray:
            return _name("__builtin__.bytearray"), (bytes(obj),)
        if kind is complex:
            return _name("__builtin__.complex"), (obj.real, obj.imag)
        raise _cannot_save(obj)

    def _reduce_tensor(self, tensor: Any) -> tuple[_Global, tuple[Any, ...]]:
        from minitorch.nn.parameter import Parameter  # later: nn is built on what this file sits beside

        attributes = vars(tensor)
        if type(tensor) is Parameter:
            args: tuple[Any, ...] = (tensor.data, tensor.requires_grad, OrderedDict())
            if attributes:
                return _name("torch._utils._rebuild_parameter_with_state"), (*args, attributes)
            return _name("torch._utils._rebuild_parameter"), args
        if type(tensor) is not Tensor:
            raise _cannot_save(tensor)
        storage, array, offset = self._storage(tensor._data)
        strides = tuple(stride // array.itemsize for stride in array.strides)
        view: tuple[Any, ...] = (
            storage,
            offset,
            tuple(array.shape),
            strides,
            tensor.requires_grad,
            OrderedDict(),
        )
        rebuild = _name("torch._utils._rebuild_tensor_v2")
        if attributes:
            return _name("torch._tensor._rebuild_from_type_v2"), (
                rebuild,
                _name("torch.Tensor"),
                view,
                attributes,
            )
        return rebuild, view

    def _storage(self, array: Array) -> tuple[_Storage, Array, int]:
        """The memory `array` lies in, `array` as a view of it, and which element of it comes first."""
        block, start = _memory(array)
        if block is None:
            array = xp(array).ascontiguousarray(array).reshape(array.shape)
            block, start = array.reshape(-1).view("uint8"), 0
        dtype = dtypes.from_numpy(array.dtype)
        location = str(device_of(array))
        # Empty blocks have no address of their own.
        memory = (location, _address(block), block.nbytes) if block.nbytes else len(self.blocks)
        if memory not in self._known:
            self._known[memory] = str(len(self.blocks)), dtype
            self.blocks.append(block)
        record, known_dtype = self._known[memory]
        if known_dtype is not dtype:
            raise RuntimeError(
                "Cannot save multiple tensors or storages that view the same data as different types: "
                f"{known_dtype} and {dtype}; save a clone() of one of them"
            )
        storage_type = _name(f"torch.{dtypes.SCALAR_NAMES[dtype]}Storage")
        storage = _Storage(storage_type, record, location, block.nbytes // array.itemsize)
        return storage, array, start // array.itemsize


def _address(array: Array) -> int:
    return array.ctypes.data if isinstance(array, np.ndarray) else array.data.ptr


def _memory(array: Array) -> tuple[Array, int]:
    """The block of memory `array` is a view of, as flat bytes, and the position of its first element there.

    (None, 0) where the format cannot say it: negative strides, or a block with gaps.
    """
    owner, base = array, array.base
    while base is not None:
        if isinstance(base, type(array)):
            owner = base
        base = getattr(base, "base", None)
    # The axes in the order of the memory: then flattening is a view, unless the block has gaps.
    axes = sorted(range(owner.ndim), key=lambda axis: -owner.strides[axis])
    flat = owner.transpose(axes).reshape(-1)
    if not flat.flags.c_contiguous or _address(flat) != _address(owner):
        return None, 0
    if any(s < 0 or s % array.itemsize for s in array.strides):
        return None, 0
    block = flat.view("uint8")
    start = _address(array) - _address(block)
    last = start + sum((n - 1) * stride for n, stride in zip(array.shape, array.strides, strict=True))
    end = last + array.itemsize if array.size else start
    if start < 0 or end > block.nbytes or start % array.itemsize or block.nbytes % array.itemsize:
        return None, 0
    return block, start


def _cannot_save(obj: Any) -> NotImplementedError:
    kind = type(obj)
    if isinstance(obj, np.generic):
        cure = "convert it with .item()"
    elif isinstance(obj, np.ndarray):
        cure = "convert it with torch.from_numpy()"
    elif hasattr(obj, "state_dict"):
        cure = "save its state_dict()"
    else:
        cure = "save numbers, strings and tensors in dicts, lists, tuples or sets"
    return NotImplementedError(
        f"torch.save(): cannot save an object of type {kind.__module__}.{kind.__qualname__}, since loading "
        f"it could run any code: {cure}"
    )
