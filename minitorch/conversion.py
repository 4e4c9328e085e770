"""What a tensor can become: another dtype or device, a Python number, a list, a NumPy array."""

from __future__ import annotations

from typing import Any

import numpy as np

from minitorch import dtypes
from minitorch.autograd import tape
from minitorch.autograd.broadcast import clone, convert, convert_to_integer
from minitorch.autograd.tape import wrap
from minitorch.device import as_numpy, device, number_in
from minitorch.dtypes import dtype
from minitorch.formats import wants_contiguous
from minitorch.legacy import type_target
from minitorch.ops.shape import contiguous_copy, transfer


def _cast(kind: dtype) -> Any:
    """`x.float()` and its like."""

    def method(self: Any, memory_format: Any = None) -> Any:
        return self.to(kind, memory_format=memory_format) if memory_format is not None else _converted(self, kind)

    method.__doc__ = f"Converted to {kind.name}; itself if it is that already."
    return method


def _converted(t: Any, kind: dtype) -> Any:
    if t._data.dtype is kind.numpy:
        return t
    return (convert if kind.is_floating_point else convert_to_integer)(t, kind.numpy)


class Conversions:
    """The part of Tensor that leads to other kinds of things."""

    __slots__ = ()

    _data: Any

    # --- dtype and device

    def to(self, *args: Any, **options: Any) -> Any:
        """In another dtype and/or on another device: `to(dtype)`, `to(device)`, `to(device, dtype)`, `to(other)`.

        Itself if nothing changes and not `copy`. non_blocking: from pinned memory to a GPU, go on while it copies;
        the source must not change before that is done.
        """
        where, kind, non_blocking, copy, contiguous = _to_arguments(args, options)
        t: Any = self
        if where is not None and (where.type, where.index or 0) != (t.device.type, t.device.index or 0):
            t = transfer(t, to=where, source=t.device, non_blocking=non_blocking)
        if kind is not None:
            t = _converted(t, kind)
        if contiguous and not t._data.flags.c_contiguous:
            return contiguous_copy(t)
        return clone(t) if copy and t is self else t

    float, double, half = _cast(dtypes.float32), _cast(dtypes.float64), _cast(dtypes.float16)
    long, int, short = _cast(dtypes.int64), _cast(dtypes.int32), _cast(dtypes.int16)
    char, byte, bool = _cast(dtypes.int8), _cast(dtypes.uint8), _cast(dtypes.bool)

    def cpu(self, memory_format: Any = None) -> Any:
        """On the CPU."""
        return self.to(device("cpu"), memory_format=memory_format)

    def cuda(self, device: Any = None, non_blocking: Any = False, memory_format: Any = None) -> Any:
        """On the GPU (the current one, or the given one). non_blocking: see `to`."""
        return self.to("cuda" if device is None else device, non_blocking=non_blocking, memory_format=memory_format)

    def type(self, dtype: Any = None, non_blocking: Any = False) -> Any:
        """The old type name, such as 'torch.FloatTensor'; or, given a dtype or such a name, converted to it."""
        t: Any = self
        if dtype is None:
            return f"torch.{'cuda.' if t.is_cuda else ''}{dtypes.SCALAR_NAMES[t.dtype]}Tensor"
        kind, place = type_target(dtype)
        return self.to(place, kind, non_blocking=non_blocking)

    def type_as(self, other: Any) -> Any:
        """In the dtype and on the device of `other`."""
        if not isinstance(other, tape.Tensor):
            raise TypeError(f"type_as(): argument 'other' (position 1) must be Tensor, not {other.__class__.__name__}")
        return self.to(other.device, other.dtype)

    def contiguous(self, memory_format: Any = None) -> Any:
        """Itself if contiguous, else a contiguous copy."""
        wants_contiguous("contiguous", memory_format)
        return self if self._data.flags.c_contiguous else contiguous_copy(self)

    def clone(self, *, memory_format: Any = None) -> Any:
        """A copy in memory of its own; gradients pass through."""
        return contiguous_copy(self) if wants_contiguous("clone", memory_format) else clone(self)

    # --- Python

    def item(self) -> Any:
        """The Python number in a tensor of one element."""
        if self._data.size != 1:
            raise RuntimeError(f"a Tensor with {self._data.size} elements cannot be converted to Scalar")
        return number_in(self._data)

    def tolist(self) -> Any:
        """Nested lists of Python numbers; a number for a 0-d tensor."""
        return as_numpy(self._data).tolist()

    def __bool__(self) -> Any:
        if self._data.size != 1:
            what = "no values" if not self._data.size else "more than one value"
            raise RuntimeError(f"Boolean value of Tensor with {what} is ambiguous")
        return bool(number_in(self._data))

    def _one(self) -> Any:
        if self._data.size != 1:
            raise ValueError("only one element tensors can be converted to Python scalars")
        return number_in(self._data)

    def __float__(self) -> Any:
        return float(self._one())

    def __int__(self) -> Any:
        return int(self._one())

    def __complex__(self) -> complex:
        return complex(self._one())

    def __index__(self) -> Any:
        if self._data.dtype.kind not in "iub" or self._data.size != 1:
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(number_in(self._data))

    # --- NumPy

    def numpy(self, *, force: Any = False) -> np.ndarray:
        """A NumPy array that shares the memory; with `force`, detached and copied to the host if need be."""
        t: Any = self
        if force:
            return as_numpy(self._data)
        if t.requires_grad:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
        if t.is_cuda:
            raise TypeError(
                f"can't convert {t.device} device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host "
                "memory first."
            )
        return self._data.view()

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.array(self.numpy(), dtype=dtype, copy=copy)

    def __array_wrap__(self, array: np.ndarray, context: Any = None, return_scalar: Any = False) -> Any:
        array = np.asarray(array)
        return wrap(dtypes.canonical(array.astype(np.uint8) if array.dtype.kind == "b" else array))  # as PyTorch has it

    # --- other libraries, in the same memory

    def __dlpack__(
        self, *, stream: Any = -1, max_version: Any = None, dl_device: Any = None, copy: Any = None
    ) -> Any:  # fmt: skip
        t: Any = self
        if t.requires_grad:
            raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
        if not t.is_cuda and stream not in (-1, None):
            raise AssertionError("stream should be None on cpu.")
        stream = stream if t.is_cuda else None
        return self._data.__dlpack__(stream=stream, max_version=max_version, dl_device=dl_device, copy=copy)

    def __dlpack_device__(self) -> Any:
        return self._data.__dlpack_device__()

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        t: Any = self
        if not t.is_cuda:
            raise AttributeError(
                f"Can't get __cuda_array_interface__ on non-CUDA tensor type: {t.type()} If CUDA data is required use "
                "tensor.cuda() to copy tensor to device memory."
            )
        if t.requires_grad:
            raise RuntimeError(
                "Can't get __cuda_array_interface__ on Variable that requires grad. If gradients aren't required, use "
                "var.detach() to get Variable that doesn't require grad."
            )
        return self._data.__cuda_array_interface__


_FORMS = {
    "device": ("device", "dtype", "non_blocking", "copy"),
    "dtype": ("dtype", "non_blocking", "copy"),
    "other": ("other", "non_blocking", "copy"),
}


def _to_arguments(args: tuple[Any, ...], options: dict[str, Any]) -> tuple[device | None, dtype | None, Any, Any, Any]:
    """(device, dtype, non_blocking, copy, contiguous) of a call of `to`, in any of its forms."""
    first = args[0] if args else None
    form = "other" if isinstance(first, tape.Tensor) else "dtype" if isinstance(first, dtype | type) else "device"
    contiguous = wants_contiguous("to", options.pop("memory_format", None))
    given = dict(zip(_FORMS[form], args))
    names = {*_FORMS[form], "device"} if form != "other" else _FORMS["other"]
    if len(args) > len(_FORMS[form]) or not options.keys() <= set(names) - set(given):
        raise TypeError(
            f"to() received an invalid combination of arguments: {len(args)} by position, then {sorted(options)}"
        )
    given.update(options)
    for name in "non_blocking", "copy":
        value = given.get(name, False)
        if value.__class__ is not bool:
            raise TypeError(f"to(): argument '{name}' must be bool, not {value.__class__.__name__}")
    flags = given.get("non_blocking", False), given.get("copy", False), contiguous
    if form == "other":
        return first.device, first.dtype, *flags  # type: ignore[union-attr]  # a Tensor
    where, kind = given.get("device"), given.get("dtype")
    if where is not None and not isinstance(where, device | str | int):
        raise TypeError(f"to() received an invalid combination of arguments - got ({where.__class__.__name__})")
    return None if where is None else device(where), None if kind is None else dtypes.as_dtype(kind), *flags
