"""What the modules of the double need of each other."""

from __future__ import annotations

from typing import Any

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


class Pool:
    """The bytes in use, and the most there were, as the memory pool counts them."""

    used = reserved = 0


HOOKS: list[Any] = []  # the memory hooks that are on


def count(x: Any) -> None:
    """Count the memory of a new array; its `__del__` calls `uncount`."""
    n = x._a.nbytes
    Pool.used += n
    Pool.reserved = max(Pool.reserved, Pool.used)
    for hook in HOOKS:
        hook.malloc_postprocess(device_id=0, size=n, mem_size=n, mem_ptr=1, pmem_id=1)


def uncount(n: int) -> None:
    """Memory of that many bytes goes back to the pool."""
    Pool.used -= n
    for hook in HOOKS:
        hook.free_postprocess(device_id=0, mem_size=n, mem_ptr=1, pmem_id=1)


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
    value: Any = np.nan if dtype.kind in "fc" else True if dtype.kind == "b" else np.iinfo(dtype).max
    return np.full(shape, value, dtype, order)  # type: ignore[arg-type]


def same_memory(a: np.ndarray, b: np.ndarray) -> bool:
    return bool(np.may_share_memory(a, b))


def saturated(a: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """`a` in another dtype. A number too large for an integer becomes the largest one, as on the GPU."""
    if a.dtype.kind != "f" or dtype.kind not in "iu":
        return a.astype(dtype, copy=False)
    limits = np.iinfo(dtype)
    with np.errstate(all="ignore"):
        inside = np.clip(a, float(limits.min), float(limits.max)).astype(dtype)
        return np.where(a >= float(limits.max), np.array(limits.max, dtype), inside)
