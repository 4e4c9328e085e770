"""The old constructors: torch.Tensor(2, 3), torch.FloatTensor([1, 2]), torch.cuda.LongTensor and their like."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from minitorch import dtypes
from minitorch.autograd import tape
from minitorch.autograd.tape import wrap
from minitorch.creation import empty
from minitorch.device import device
from minitorch.dtypes import dtype
from minitorch.from_data import tensor
from minitorch.size import Size


def construct(name: str, kind: dtype, place: str, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """A size gives uninitialised memory, a sequence or array a copy of it in dtype `kind`, a tensor its alias."""
    where = options.pop("device", None)
    where = device(place if where is None else where)
    if where.type != place:
        raise RuntimeError(f"legacy constructor expects device type: {place} but device type: {where.type} was passed")
    for keyword in "size", "data":
        if keyword in options and not args:
            value = options.pop(keyword)
            args = (Size(value) if keyword == "size" else value,)
    if options:
        raise TypeError(f"{name}() got an unexpected keyword argument '{next(iter(options))}'")
    if not args:
        return empty(0, dtype=kind, device=where)
    data = args[0]
    if isinstance(data, tape.Tensor) and len(args) == 1:
        if data.dtype is not kind and name != "Tensor":
            raise TypeError(f"expected {kind} (got {data.dtype}): convert with .to({kind})")
        return wrap(data._data)
    if len(args) > 1 or isinstance(data, int | np.integer | Size):
        return empty(*args, dtype=kind, device=where)
    if data is None or isinstance(data, float | np.generic | str):
        raise TypeError(f"new(): data must be a sequence (got {data.__class__.__name__})")
    return tensor(data, dtype=kind, device=where)


class OldConstructor(type):
    """`torch.FloatTensor(2, 3)`, `torch.LongTensor([1, 2])`, `isinstance(x, torch.FloatTensor)`."""

    dtype: dtype
    place: str

    def __call__(cls, *args: Any, **options: Any) -> Any:
        return construct(cls.__name__, cls.dtype, cls.place, args, options)

    def __instancecheck__(cls, instance: object) -> builtins.bool:
        return isinstance(instance, tape.Tensor) and instance.dtype is cls.dtype and instance.device.type == cls.place


def _old(kind: dtype, place: str = "cpu") -> Any:
    name = f"{dtypes.SCALAR_NAMES[kind]}Tensor"
    doc = f"The old constructor of {kind} tensors on {place}."
    return OldConstructor(name, (), {"dtype": kind, "place": place, "__doc__": doc})


FloatTensor, DoubleTensor, HalfTensor = _old(dtypes.float32), _old(dtypes.float64), _old(dtypes.float16)
LongTensor, IntTensor, ShortTensor = _old(dtypes.int64), _old(dtypes.int32), _old(dtypes.int16)
CharTensor, ByteTensor, BoolTensor = _old(dtypes.int8), _old(dtypes.uint8), _old(dtypes.bool)
ON_CUDA = {f"{name}Tensor": _old(kind, "cuda") for kind, name in dtypes.SCALAR_NAMES.items()}

# What `Tensor.type` takes: 'torch.FloatTensor' and 'torch.cuda.FloatTensor'.
TYPE_NAMES = {
    f"torch.{'cuda.' if place == 'cuda' else ''}{name}Tensor": (kind, place)
    for kind, name in dtypes.SCALAR_NAMES.items() for place in ("cpu", "cuda")
}  # fmt: skip


def type_target(x: Any) -> tuple[dtype, str | None]:
    """(dtype, device or None) that `Tensor.type(x)` asks for: a dtype, an old constructor, or the name of one."""
    if isinstance(x, dtype):
        return x, None
    if isinstance(x, OldConstructor):
        return x.dtype, x.place
    if x is tape.Tensor:
        return dtypes.get_default_dtype(), "cpu"
    if isinstance(x, str) and x in TYPE_NAMES:
        return TYPE_NAMES[x]
    raise ValueError(f"invalid type: '{getattr(x, '__name__', x)}': use a dtype such as torch.float32, or its old name")
