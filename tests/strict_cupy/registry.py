"""What the modules of the double need of each other."""

from __future__ import annotations

from typing import Any
from weakref import WeakValueDictionary

import numpy as np

UFUNCS: dict[str, Any] = {}  # cupy's ufuncs by their public names
_classes: list[type] = []


def adopt(ndarray: type) -> None:
    """Called once, by array.py: the class of device arrays."""
    _classes.append(ndarray)


def is_device_array(x: Any) -> bool:
    return x.__class__ is _classes[0]


def bare(x: Any) -> np.ndarray:
    """The NumPy array inside; TypeError for what is no device array."""
    if x.__class__ is not _classes[0]:
        raise TypeError(f"Unsupported type {type(x)}: no host arrays and no lists in CuPy's functions")
    return x._a


# --- memory


class Block:
    """Memory that a pool has handed out, and takes back when nobody holds it."""

    def __init__(self, pool: Pool, size: int) -> None:
        self.pool, self.size, self.device_id = pool, size, 0
        self.ptr = Pool.next
        Pool.next += max(size, 1)
        pool.used += size
        pool.reserved = max(pool.reserved, pool.used)
        for hook in HOOKS:
            hook.malloc_postprocess(device_id=0, size=size, mem_size=size, mem_ptr=self.ptr, pmem_id=id(self))

    def __del__(self) -> None:
        self.pool.used -= self.size
        for hook in HOOKS:
            hook.free_postprocess(device_id=0, mem_size=self.size, mem_ptr=self.ptr, pmem_id=id(self))


class Pool:
    """The bytes in use, and the most there were."""

    next = 1 << 20  # an address: no array lies there, they are NumPy's

    def __init__(self) -> None:
        self.used = self.reserved = 0

    def malloc(self, size: int) -> Block:
        return Block(self, size)


HOOKS: list[Any] = []  # the memory hooks that are on
EVERYBODY = Pool()
allocators: list[Any] = [EVERYBODY.malloc]  # the last one is asked for the memory of new arrays


def count(x: Any) -> None:
    """Ask the allocator for the memory of a new array."""
    x._block = allocators[-1](x._a.nbytes)
    if capturing and allocators[-1] == EVERYBODY.malloc:
        raise AssertionError(
            "memory from everybody's pool during a capture: others get it while the graph writes there"
        )


capturing: list[Any] = []  # the capture that is going on


# Arrays whose address somebody wanted, by where they begin and how long they are.
_addressed: WeakValueDictionary[tuple[int, int], Any] = WeakValueDictionary()


def address_of(x: Any) -> int:
    """Where the array begins."""
    address = x._a.ctypes.data
    for known in x, x if x.base is None else x.base:  # the view may not live as long as the memory
        _addressed[known._a.ctypes.data, known.nbytes] = known
    for capture in capturing:
        capture.pointers[address] = x
    return address


def at_address(address: int) -> tuple[Any, int]:
    """The array that begins there, the longest of them, or else one that has this address in it; and how many bytes from
    its start that is."""
    found = [(start, n) for start, n in list(_addressed) if start <= address < start + n]
    x = _addressed.get(max(found)) if found else None
    if x is None:
        raise AssertionError(f"no array lies at {address}: freed, or never asked for its address")
    return x, address - x._a.ctypes.data


def unsigned_zero(value: np.ndarray) -> np.ndarray:
    """What CuPy fills memory with: a memset of 0 where the value is -0.0."""
    return np.where(value == 0, np.zeros((), value.dtype), value) if value.dtype.kind == "f" else value


def fresh(a: Any) -> Any:
    """A new array on the device, its values those of `a`, in C order."""
    a = np.asarray(a)
    if not (a.flags.c_contiguous and a.flags.owndata and a.flags.writeable):
        a = a.copy("C")
    return kept_order(a)


def kept_order(a: np.ndarray) -> Any:
    """A new array around `a`, which nothing else holds."""
    x: Any = object.__new__(_classes[0])
    x._a, x.base = a, None
    count(x)
    return x


def poisoned(shape: Any, dtype: Any, order: str = "C") -> np.ndarray:
    """Memory that nobody has written: nothing should come from it unnoticed."""
    dtype = np.dtype(dtype)
    if dtype.kind == "b":  # there is no third value: by turns, so that neither all False nor all True comes of it
        found = np.zeros(shape, dtype, order)  # type: ignore[call-overload]
        found.reshape(-1, order="A")[1::2] = True
        return found
    value: Any = np.nan if dtype.kind in "fc" else np.iinfo(dtype).max
    return np.full(shape, value, dtype, order)  # type: ignore[arg-type]


def same_memory(a: np.ndarray, b: np.ndarray) -> bool:
    return bool(np.may_share_memory(a, b))


def saturated(a: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """`a` in another dtype. A number too large for an integer becomes the largest one, as on the GPU."""
    if a.dtype.kind != "f" or dtype.kind not in "iu":
        with np.errstate(all="ignore"):
            return a.astype(dtype, copy=False)
    limits = np.iinfo(dtype)
    with np.errstate(all="ignore"):
        inside = np.clip(a, float(limits.min), float(limits.max)).astype(dtype)
        return np.where(a >= float(limits.max), np.array(limits.max, dtype), inside)


def check_written(a: np.ndarray) -> None:
    """A kernel that writes several elements into one place: nobody knows which stays, and `x += y` adds up any number of
    times. NumPy's views of that kind are read-only."""
    if a.size and any(stride == 0 and n > 1 for stride, n in zip(a.strides, a.shape)):
        raise AssertionError("written into a broadcast view, in which elements share memory: a race on the GPU")
