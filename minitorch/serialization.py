"""`torch.save` and `torch.load`: PyTorch's own file format, written and read without PyTorch.

A file is an archive (archive.py) of one pickle, which describes the object, and of one record for each block
of memory its tensors lie in. The pickle refers to such a block by number: tensors that shared memory share it
again after loading. Reading runs no code that the file brings (unpickler.py).
"""

from __future__ import annotations

import io
import os
import pickle
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from minitorch import archive, dtypes
from minitorch.autograd.tape import wrap
from minitorch.device import Array, as_numpy, xp
from minitorch.device import device as Device
from minitorch.map_location import Storage, placement
from minitorch.pickler import PROTOCOL, Pickler
from minitorch.size import Size
from minitorch.tensor import Tensor
from minitorch.unpickler import PLAIN, Maker, check_arguments, loads, set_attributes


def save(
    obj: object,
    f: Any,
    pickle_module: Any = pickle,
    pickle_protocol: int = PROTOCOL,
    _use_new_zipfile_serialization: bool = True,
) -> None:
    """Save `obj` to `f`, a path or an open binary file, so that PyTorch and minitorch can load it.

    `obj`: tensors and parameters, numbers, strings, bytes, None, torch.Size, dtypes and devices, in dicts,
    lists, tuples, sets, OrderedDicts and Counters, nested as you like. NotImplementedError for anything else,
    which `load` would refuse: of a model, save `model.state_dict()`. Memory that tensors share is saved once,
    and whole: of `x[:3].clone()` three elements are saved, of `x[:3]` all of `x`.

    A file is replaced only when the new one is complete on the disk. RuntimeError if that fails.
    """
    if pickle_module is not pickle:
        raise NotImplementedError(f"torch.save(): pickle_module={pickle_module!r}; leave it out")
    if pickle_protocol != PROTOCOL:
        raise NotImplementedError(f"torch.save(): pickle_protocol={pickle_protocol}; only {PROTOCOL} is written")
    if not _use_new_zipfile_serialization:
        raise NotImplementedError("torch.save(): _use_new_zipfile_serialization=False; leave it out")
    is_path = isinstance(f, str | os.PathLike)
    if not is_path and not hasattr(f, "write"):
        raise AttributeError("expected 'f' to be string, path, or a file-like object with a 'write' attribute")
    pickled = io.BytesIO()
    pickler = Pickler(pickled)
    pickler.dump(obj)  # first: what cannot be saved is found before anything is written
    storages = (as_numpy(block) for block in pickler.blocks)
    if is_path:
        with archive.replacing(os.fspath(f)) as file:
            archive.write(file, pickled.getvalue(), storages)
    else:
        archive.write(f, pickled.getvalue(), storages)


def load(
    f: Any,
    map_location: Any = None,
    pickle_module: Any = None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
    **pickle_load_args: Any,
) -> Any:
    """Load what `save` or PyTorch's `torch.save` wrote to `f`, a path or a seekable binary file.

    `map_location` says where tensors go, if not where they were saved from: a device or its name, a dict
    from old to new names, or a function of (storage, location) that returns `storage`, `storage.cpu()`,
    `storage.cuda(index)` or None (no opinion).

    Nothing in a file can run code. `weights_only=False` is read as strictly as True: what needs more raises
    pickle.UnpicklingError, which names it. `encoding` and `errors` only concern strings from Python 2, which
    raise it too. RuntimeError for a damaged file, NotImplementedError for element types that minitorch lacks.
    """
    if pickle_module is not None:
        if weights_only:
            raise RuntimeError("Can not safely load weights when explicit pickle_module is specified")
        if pickle_module is not pickle:
            raise NotImplementedError(f"torch.load(): pickle_module={pickle_module!r}; leave it out")
    if mmap:
        raise NotImplementedError("torch.load(): mmap=True; leave it out, and the file is read into memory")
    if unknown := set(pickle_load_args) - {"encoding", "errors"}:
        raise TypeError(f"torch.load() got an unexpected keyword argument {min(unknown)!r}")
    place = placement(map_location)
    if isinstance(f, str | os.PathLike):
        with open(f, "rb") as file:
            return _read(file, place)
    for attribute in ("seek", "tell", "read"):
        if not hasattr(f, attribute):
            raise AttributeError(
                f"{type(f).__name__!r} object has no attribute {attribute!r}. You can only torch.load from a "
                "path or a file that is seekable. Please pre-load the data into a buffer like io.BytesIO and "
                "try to load from it instead."
            )
    return _read(f, place)


# --- building tensors; every argument may be hostile

_MOST_DIMENSIONS = 64


@dataclass(frozen=True)
class _Block:
    """A block of memory as the file types it: a flat array."""

    dtype: dtypes.dtype
    flat: Array


def _read(file: Any, place: Callable[[Storage, str], Storage]) -> Any:
    records = archive.Archive(file)
    blocks: dict[str, _Block] = {}

    def find(identifier: Any) -> _Block:
        """The block that the pickle calls ("storage", type, record, location, number of elements)."""
        kinds = (str, dtypes.dtype, str, str, int)
        valid = isinstance(identifier, tuple) and tuple(type(part) for part in identifier) == kinds
        if not valid or identifier[0] != "storage":
            raise pickle.UnpicklingError("torch.load: the file refers to something that is no storage of a tensor")
        _, dtype, record, location, numel = identifier
        size = records.size(f"data/{record}")
        if numel < 0 or numel * dtype.itemsize != size:
            raise RuntimeError(f"torch.load: data/{record} has {size} bytes, not {numel} times {dtype.itemsize}")
        if record not in blocks:
            flat = _typed(records.read(f"data/{record}"), dtype, records.byteorder)
            blocks[record] = _Block(dtype, place(Storage(flat), location)._data)
        if blocks[record].dtype is not dtype:
            raise RuntimeError(f"torch.load: data/{record} is read as {dtype} and as {blocks[record].dtype}")
        return blocks[record]

    return loads(records.read("data.pkl").tobytes(), _ALLOWED, _UNSUPPORTED, find)


def _typed(data: np.ndarray, dtype: dtypes.dtype, byteorder: str) -> np.ndarray:
    if dtype is dtypes.bool:
        return data != 0  # a byte beside 0 and 1 in a bool array would make NumPy count wrong
    stored = data.view(dtype.numpy.newbyteorder("<" if byteorder == "little" else ">"))
    return stored.astype(dtype.numpy, copy=False)


def _rebuild_tensor(*args: Any) -> Any:
    """A tensor on a block: (block, offset, shape, strides, requires_grad, hooks), in elements."""
    kinds = (_Block, int, tuple, tuple, bool, OrderedDict)
    valid = tuple(type(arg) for arg in args[:6]) == kinds and all(arg is None for arg in args[6:])
    valid = valid and max(len(args[2]), len(args[3])) <= _MOST_DIMENSIONS
    check_arguments(valid and all(type(n) is int for n in args[2] + args[3]), "a tensor", args)
    block, offset, shape, strides, requires_grad, hooks = args[:6]
    if hooks:
        raise NotImplementedError("torch.load: a tensor in the file has backward hooks, which are not read")
    last = offset + sum((n - 1) * stride for n, stride in zip(shape, strides, strict=False))
    end = offset if 0 in shape else last + 1
    if min((offset, *shape, *strides)) < 0 or len(shape) != len(strides) or end > block.flat.size:
        raise RuntimeError(
            f"torch.load: a tensor in the file has sizes {shape}, strides {strides} and storage offset "
            f"{offset}, out of bounds for its storage of {block.flat.size} elements. The file is damaged."
        )
    tensor = wrap(_view(block, offset, shape, strides))
    return tensor.requires_grad_() if requires_grad else tensor


def _view(block: _Block, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> Array:
    size = block.dtype.itemsize
    in_bytes = tuple(stride * size for stride in strides)
    if xp(block.flat) is not np:
        memory = block.flat.data + offset * size
        return xp(block.flat).ndarray(shape, block.dtype.numpy, memory, in_bytes)
    try:
        return np.ndarray(shape, block.dtype.numpy, block.flat, offset * size, in_bytes)
    except (ValueError, OverflowError) as error:
        raise RuntimeError(f"torch.load: no tensor has sizes {shape} and strides {strides}: {error}") from error


def _rebuild_parameter(*args: Any) -> Any:
    from minitorch.nn.parameter import Parameter  # later: nn is built on what this file sits beside

    kinds = (Tensor, bool, OrderedDict)
    valid = tuple(type(arg) for arg in args[:3]) == kinds and len(args) <= 4 and not args[2]
    check_arguments(valid, "a Parameter", args)
    parameter = Parameter(args[0], args[1])
    for state in args[3:]:
        set_attributes(parameter, state)
    return parameter


def _rebuild_with_attributes(*args: Any) -> Any:
    """A tensor that had attributes of its own: (how to make it, its type, the arguments, the attributes)."""
    check_arguments(len(args) == 4 and args[0] is _TENSOR and type(args[2]) is tuple, "a tensor", args)
    if args[1] is not Tensor:
        raise pickle.UnpicklingError("torch.load: a tensor in the file is of another type than torch.Tensor")
    tensor = _rebuild_tensor(*args[2])
    set_attributes(tensor, args[3])
    return tensor


def _rebuild_size(*args: Any) -> Size:
    valid = len(args) == 1 and type(args[0]) is tuple and all(type(n) is int for n in args[0])
    check_arguments(valid, "Size", args)
    return Size(args[0])


def _rebuild_device(*args: Any) -> Device:
    kinds = tuple(type(arg) for arg in args)
    check_arguments(kinds in ((str,), (str, int)), "device", args)
    return Device(*args)


_TENSOR = Maker("tensor", _rebuild_tensor)
_ALLOWED: dict[str, Any] = PLAIN | {
    "torch.Tensor": Tensor,
    "torch._utils._rebuild_tensor_v2": _TENSOR,
    "torch._tensor._rebuild_from_type_v2": Maker("tensor with attributes", _rebuild_with_attributes),
    "torch._utils._rebuild_parameter": Maker("Parameter", _rebuild_parameter),
    "torch._utils._rebuild_parameter_with_state": Maker("Parameter", _rebuild_parameter),
    "torch.Size": Maker("Size", _rebuild_size),
    "torch.device": Maker("device", _rebuild_device),
}
for _dtype, _scalar in dtypes.SCALAR_NAMES.items():
    _ALLOWED[f"torch.{_scalar}Storage"] = _ALLOWED[repr(_dtype)] = _dtype

_UNSUPPORTED = {
    "torch.BFloat16Storage": "a bfloat16 tensor; save tensor.float()",
    "torch.ComplexFloatStorage": "a complex64 tensor; save torch.view_as_real(tensor)",
    "torch.ComplexDoubleStorage": "a complex128 tensor; save torch.view_as_real(tensor)",
    "torch.bfloat16": "the dtype bfloat16",
    "torch.complex64": "the dtype complex64",
    "torch.complex128": "the dtype complex128",
    "torch._utils._rebuild_tensor_v3": "a tensor of dtype uint16, uint32 or uint64; convert it",
    "torch._utils._rebuild_sparse_tensor": "a sparse tensor; save tensor.to_dense()",
    "torch._utils._rebuild_qtensor": "a quantized tensor; save tensor.dequantize()",
    "torch._utils._rebuild_meta_tensor_no_storage": "a tensor on the meta device, which has no data",
}
