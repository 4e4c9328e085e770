"""The double of cupy.ndarray: NumPy inside, CuPy's rules outside."""

from __future__ import annotations

import ctypes
import warnings
from typing import Any

import numpy as np

from .methods import Methods
from .registry import (
    UFUNCS,
    address_of,
    adopt,
    count,
    fresh,
    kept_order,
    poisoned,
    same_memory,
    saturated,
    unsigned_zero,
)
from .sync import host_copy, host_sync

NUMBERS = (bool, int, float, complex)
COMPARISONS = "equal not_equal less less_equal greater greater_equal".split()
IMPLICIT = (
    "Implicit conversion to a NumPy array is not allowed. Please use `.get()` to construct a NumPy array explicitly."
)


class Flags:
    """CuPy's flags: there is no `writeable`."""

    __slots__ = ("c_contiguous", "f_contiguous", "owndata")

    def __init__(self, c: bool, f: bool, own: bool) -> None:
        self.c_contiguous, self.f_contiguous, self.owndata = c, f, own

    @property
    def fnc(self) -> bool:
        return self.f_contiguous and not self.c_contiguous

    @property
    def forc(self) -> bool:
        return self.f_contiguous or self.c_contiguous


class Memory:
    """A block of device memory: what a MemoryPointer points into. It keeps the block alive."""

    def __init__(self, owner: Any, ptr: int, size: int, device_id: int = 0) -> None:
        self.owner, self.ptr, self.size, self.device_id = owner, ptr, size, device_id


class MemoryPointer:
    """`x.data`: an address, which bytes can be added to."""

    def __init__(self, mem: Any, offset: int) -> None:
        self.mem, self.ptr = mem, mem.ptr + offset

    def __add__(self, offset: int) -> MemoryPointer:
        return MemoryPointer(self.mem, self.ptr + offset - self.mem.ptr)

    device_id = property(lambda self: self.mem.device_id)


class ndarray(Methods):
    """An array on the device. `_a` is NumPy's array, always writable; views share its memory. `_block`: an owner's memory
    as the pool counts it."""

    __slots__ = ("__weakref__", "_a", "_block", "base")
    __module__ = "cupy"
    __array_priority__ = 100
    __hash__ = None  # type: ignore[assignment]
    _a: np.ndarray
    base: ndarray | None

    def __init__(
        self, shape: Any, dtype: Any = float, memptr: Any = None, strides: Any = None, order: str = "C"
    ) -> None:
        self.base = None
        if memptr is None:
            if strides is not None:
                raise ValueError("memptr is required if strides is given.")
            self._a = poisoned(shape, dtype, order)
            count(self)
            return
        mem = memptr.mem
        block = (ctypes.c_char * mem.size).from_address(mem.ptr)
        self._a = np.ndarray(shape, dtype, block, memptr.ptr - mem.ptr, strides)
        self.base = mem.owner if mem.owner.base is None else mem.owner.base

    def _view(self, a: np.ndarray) -> ndarray:
        x = object.__new__(ndarray)
        x._a, x.base = a, self if self.base is None else self.base
        return x

    def _view_or_new(self, a: np.ndarray) -> ndarray:
        return self._view(a) if same_memory(a, self._a) or not a.size else fresh(a)

    # --- what it is

    shape = property(lambda self: self._a.shape)
    strides = property(lambda self: self._a.strides)
    dtype = property(lambda self: self._a.dtype)
    ndim = property(lambda self: self._a.ndim)
    size = property(lambda self: self._a.size)
    itemsize = property(lambda self: self._a.itemsize)
    nbytes = property(lambda self: self._a.nbytes)

    @property
    def flags(self) -> Flags:
        flags = self._a.flags
        return Flags(flags.c_contiguous, flags.f_contiguous, self.base is None)

    @property
    def device(self) -> Any:
        from .cuda import Device

        return Device(0)

    @property
    def data(self) -> MemoryPointer:
        owner = self if self.base is None else self.base
        low, high = np.lib.array_utils.byte_bounds(owner._a)
        return MemoryPointer(Memory(owner, low, high - low), address_of(self) - low)

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        a = self._a
        strides = None if a.flags.c_contiguous else a.strides
        pointer = a.ctypes.data if a.size else 0
        return {"shape": a.shape, "typestr": a.dtype.str, "descr": a.dtype.descr, "stream": 1, "version": 3,
                "strides": strides, "data": (pointer, False)}  # fmt: skip

    def __dlpack_device__(self) -> tuple[int, int]:
        return 2, 0

    def __dlpack__(
        self, *, stream: Any = None, max_version: Any = None, dl_device: Any = None, copy: Any = None
    ) -> Any:
        return Capsule(self)

    def __len__(self) -> int:
        if not self._a.ndim:
            raise TypeError("len() of unsized object")
        return len(self._a)

    def __iter__(self) -> Any:
        if not self._a.ndim:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self._a)))

    # --- to the host: never by itself

    def __array__(self, dtype: Any = None) -> Any:
        """As CuPy's it has no parameter `copy`: NumPy warns of that where it asks for one, as `host.dot(x)` does."""
        raise TypeError(IMPLICIT)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """`np.float32(2) * x` comes here and is fine, and so is a comparison with a 0-d NumPy array, as a number.

        `np.exp(x)` would be dispatched too: a slip, so it is refused.
        """
        if ufunc.__name__ in COMPARISONS and method == "__call__" and not kwargs:
            inputs = tuple(x.item() if isinstance(x, np.ndarray) and not x.ndim else x for x in inputs)
            if isinstance(inputs[0], NUMBERS):
                return UFUNCS[ufunc.__name__](*inputs)
        host = [x for x in inputs if x.__class__ is not ndarray]
        if any(isinstance(x, np.ndarray) for x in host):
            raise TypeError(f"Unsupported type {np.ndarray}")
        if method == "__call__" and len(inputs) == 2 and isinstance(inputs[0], np.generic) and not kwargs:
            return UFUNCS[ufunc.__name__](*inputs)
        raise TypeError(f"np.{ufunc.__name__} was called on a CuPy array: use xp(x).{ufunc.__name__}")

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        raise TypeError(f"np.{function.__name__} was called on a CuPy array: use xp(x).{function.__name__}")

    def get(self, stream: Any = None, order: str = "C", out: Any = None, blocking: bool = True) -> np.ndarray:
        host_sync("ndarray.get()")
        if out is None:
            return self._a.copy(order)
        out[...] = self._a
        return out

    def item(self) -> Any:
        if self._a.size != 1:
            raise ValueError("can only convert an array of size 1 to a Python scalar")
        return self.get().item()

    def tolist(self) -> Any:
        return self.get().tolist()

    def tobytes(self, order: str = "C") -> bytes:
        return self.get().tobytes(order)

    def __bool__(self) -> bool:
        if self._a.size == 0:
            text = "The truth value of an empty array is ambiguous. Use `array.size > 0` to check that it is not empty."
            warnings.warn(text, DeprecationWarning, stacklevel=2)
            return False
        if self._a.size > 1:
            raise ValueError(
                "The truth value of an array with more than one element is ambiguous. Use a.any() or a.all()"
            )
        return bool(self.get())

    def __float__(self) -> float:
        return float(self.get())

    def __int__(self) -> int:
        return int(self.get())

    def __complex__(self) -> complex:
        return complex(self.get())

    def __repr__(self) -> str:
        return repr(self.get())

    def __str__(self) -> str:
        return str(self.get())

    def __format__(self, spec: str) -> str:
        return format(self.get(), spec)

    def __reduce__(self) -> Any:
        return _unpickled, (self.get(),)

    def __copy__(self) -> ndarray:
        return fresh(self._a)

    def __deepcopy__(self, memo: Any) -> ndarray:
        return fresh(self._a)

    def set(self, arr: Any, stream: Any = None) -> None:
        host_copy("ndarray.set()")
        if not isinstance(arr, np.ndarray):
            raise TypeError("Only numpy.ndarray can be set to cupy.ndarray")
        if arr.dtype != self._a.dtype or arr.shape != self._a.shape:
            raise TypeError("ndarray.set(): dtype or shape mismatch")
        self._a[...] = arr

    # --- the same elements otherwise

    @property
    def T(self) -> ndarray:
        return self if self._a.ndim < 2 else self._view(self._a.T)

    def view(self, dtype: Any = None, type: Any = None) -> ndarray:
        return self._view(self._a.view() if dtype is None else self._a.view(dtype))

    def reshape(self, *shape: Any, order: str = "C", copy: Any = None) -> ndarray:
        if len(shape) == 1 and isinstance(shape[0], tuple | list):
            shape = tuple(shape[0])
        refuse_device_integers(shape)
        return self._view_or_new(self._a.reshape(shape, order=order))  # type: ignore[arg-type]

    def ravel(self, order: str = "C") -> ndarray:
        return self._view_or_new(self._a.ravel(order))  # type: ignore[arg-type]

    def flatten(self, order: str = "C") -> ndarray:
        return fresh(self._a.flatten(order))  # type: ignore[arg-type]

    def transpose(self, *axes: Any) -> ndarray:
        return self._view(self._a.transpose(*axes))

    def swapaxes(self, axis1: int, axis2: int) -> ndarray:
        return self._view(self._a.swapaxes(axis1, axis2))

    def squeeze(self, axis: Any = None) -> ndarray:
        a = self._a.squeeze(axis)
        return self if a.ndim == self._a.ndim else self._view(a)

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> ndarray:
        a = self._a.diagonal(offset, axis1, axis2)
        return self._view(writable(a, self._a)) if a.size else kept_order(poisoned(a.shape, a.dtype))

    def astype(
        self, dtype: Any, order: str = "K", casting: Any = None, subok: Any = None, copy: bool = True
    ) -> ndarray:
        if casting is not None or subok is not None:
            raise TypeError("astype: casting and subok are not supported yet")
        dtype = np.dtype(dtype)
        if not copy and dtype == self._a.dtype and (order == "K" or (order == "C" and self._a.flags.c_contiguous)):
            return self
        return kept_order(np.array(saturated(self._a, dtype), order=order, copy=True))  # type: ignore[call-overload]

    def copy(self, order: str = "C") -> ndarray:
        return kept_order(self._a.copy(order))

    def fill(self, value: Any) -> None:
        if isinstance(value, np.ndarray) and value.ndim:
            raise ValueError("non-scalar numpy.ndarray cannot be used for fill")
        if value.__class__ is ndarray:
            if value._a.ndim:
                raise ValueError("non-scalar cupy.ndarray cannot be used for fill")
            self._a[...] = value._a
            return
        self._a[...] = unsigned_zero(saturated(np.asarray(value), self._a.dtype))


def _unpickled(a: np.ndarray) -> ndarray:
    return fresh(a)


class Capsule:
    """What `__dlpack__` gives: only the double can open it."""

    def __init__(self, array: ndarray) -> None:
        self.array = array


def refuse_device_integers(sizes: Any) -> None:
    """A 0-d device integer has no `__index__`."""
    for n in sizes if isinstance(sizes, tuple | list) else (sizes,):
        if n.__class__ is ndarray:
            raise TypeError("'cupy.ndarray' object cannot be interpreted as an integer")


def writable(a: np.ndarray, like: np.ndarray) -> np.ndarray:
    """A view that NumPy hands out read-only, as CuPy hands it out: writable."""
    if not a.flags.writeable:
        a = np.ndarray(a.shape, a.dtype, _memory(like), a.ctypes.data - _low(like), a.strides)
    return a


def _low(a: np.ndarray) -> int:
    return np.lib.array_utils.byte_bounds(a)[0]


def _memory(a: np.ndarray) -> Any:
    low, high = np.lib.array_utils.byte_bounds(a)
    block = (ctypes.c_char * (high - low)).from_address(low)
    block.keep = a  # type: ignore[attr-defined]  # the memory lives as long as its views
    return block


adopt(ndarray)
