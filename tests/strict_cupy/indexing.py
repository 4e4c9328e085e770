"""Indexing as CuPy does it: out-of-range numbers in index arrays wrap around, masks make the host wait."""

from __future__ import annotations

from types import EllipsisType
from typing import Any

import numpy as np

from .registry import bare, check_written, fresh, is_device_array, same_memory, unsigned_zero
from .sync import host_sync


def getitem(x: Any, index: Any) -> Any:
    """A view for integers, slices, None and an Ellipsis; a copy for index arrays and masks."""
    parts, advanced = _parts(index)
    if not advanced:
        a = x._a[parts]
        return x._view(a if isinstance(a, np.ndarray) else x._a[(*parts, ...)])
    return fresh(x._a[_wrapped(x._a, parts)])


def setitem(x: Any, index: Any, value: Any) -> None:
    """Of several values for one place, the first is kept here: which one CuPy keeps, nobody knows."""
    parts, advanced = _parts(index)
    if not advanced and isinstance(value, list | tuple):
        raise ValueError("a list cannot be used for fill")
    source = _value(value, x)
    if not is_device_array(value):
        source = unsigned_zero(source)
    if not advanced:
        place = x._a[(*parts, ...)] if Ellipsis not in _markers(parts) else x._a[parts]
        if is_device_array(value):
            check_written(place)
            _check_memcpy(place, source)
            source = source.copy()
        place[...] = source
        return
    whole = _wrapped(x._a, parts)
    shape = x._a[whole].shape
    source = np.broadcast_to(_without_leading_ones(source, len(shape)), shape)
    numbers = np.arange(x._a.size).reshape(x._a.shape)[whole].reshape(-1)[::-1]
    flat = x._a.reshape(-1)
    flat[numbers] = source.astype(x._a.dtype).reshape(-1)[::-1]
    if not same_memory(flat, x._a):
        x._a[...] = flat.reshape(x._a.shape)


def take(x: Any, indices: Any, axis: Any) -> Any:
    """x.take: modulo the length of the axis."""
    a = x._a
    n = a.size if axis is None else a.shape[axis]
    if not is_device_array(indices) and not isinstance(indices, int | np.integer):
        raise TypeError(f"take: the double takes no host arrays, {type(indices)} would be copied to the device")
    i = indices._a if is_device_array(indices) else np.asarray(indices)
    if i.size and not n:
        raise IndexError("cannot do a non-empty take from an empty axes.")
    return fresh(a.take(i.astype(np.int64) % n if n else i.astype(np.int64), axis))


def scatter(x: Any, index: Any, value: Any, combine: Any, name: str, types: str) -> None:
    """ufunc.at, which has atomics for few dtypes."""
    parts, advanced = _parts(index)
    source = _value(value, x)
    if not advanced:
        place = x._a[parts]
        place[...] = combine(place, source)
        return
    masks = [p for p in parts if isinstance(p, np.ndarray) and p.dtype.kind == "b"]
    if x._a.dtype.char not in types and not masks:
        raise TypeError(f"scatter_{name} only supports {types!r} as data type, not {x._a.dtype}")
    combine.at(x._a, _wrapped(x._a, parts), source.astype(x._a.dtype))


def _parts(index: Any) -> tuple[tuple[Any, ...], bool]:
    """The index as NumPy takes it, and whether there are arrays in it. Host arrays and lists are refused."""
    parts: list[Any] = []
    advanced = False
    for i in index if isinstance(index, tuple) else (index,):
        if is_device_array(i):
            if i._a.dtype.kind not in "biu":
                raise IndexError(f"arrays used as indices must be of integer or boolean type. (actual: {i._a.dtype})")
            if i._a.dtype.kind == "b":
                host_sync("a mask as an index")
            advanced = True
            parts.append(i._a)
        elif isinstance(i, slice):
            if any(is_device_array(n) for n in (i.start, i.stop, i.step)):
                raise TypeError("slice indices must be integers or None or have an __index__ method")
            parts.append(i)
        elif i is None or (isinstance(i, EllipsisType | int | np.integer) and not isinstance(i, bool)):
            parts.append(i)
        else:
            raise TypeError(f"index: the double takes no {type(i)}, which CuPy copies to the device at each call")
    arrays = [p for p in parts if isinstance(p, np.ndarray)]  # a mask stands for its places
    np.broadcast_shapes(*[(np.count_nonzero(p),) if p.dtype.kind == "b" else p.shape for p in arrays])  # a ValueError
    return tuple(parts), advanced


def _markers(parts: tuple[Any, ...]) -> list[Any]:
    return [p for p in parts if isinstance(p, EllipsisType)]


def _wrapped(a: np.ndarray, parts: tuple[Any, ...]) -> tuple[Any, ...]:
    """Integer arrays modulo the dimension they index."""
    used = sum(
        p.ndim if isinstance(p, np.ndarray) and p.dtype.kind == "b" else p is not None and p is not Ellipsis
        for p in parts
    )
    found: list[Any] = []
    dim = 0
    for p in parts:
        if p is None:
            found.append(p)
        elif p is Ellipsis:
            found.append(p)
            dim += a.ndim - used
        elif isinstance(p, np.ndarray) and p.dtype.kind == "b":
            found.append(p)
            dim += p.ndim
        elif isinstance(p, np.ndarray):
            n = a.shape[dim] if dim < a.ndim else 0
            found.append(p.astype(np.int64) % n if n else p.astype(np.int64))
            dim += 1
        else:
            found.append(p)
            dim += 1
    return tuple(found)


def _value(value: Any, x: Any) -> Any:
    if is_device_array(value):
        return bare(value)
    if isinstance(value, np.ndarray) and value.ndim:
        raise ValueError("non-scalar numpy.ndarray cannot be used for fill")
    return np.asarray(value).astype(x._a.dtype) if isinstance(value, np.generic) else np.asarray(value, x._a.dtype)


def _without_leading_ones(source: np.ndarray, ndim: int) -> np.ndarray:
    while source.ndim > ndim and source.shape[0] == 1:
        source = source[0]
    return source


def _check_memcpy(place: np.ndarray, source: np.ndarray) -> None:
    """Equal layouts are copied by one cudaMemcpyAsync, whose result is undefined where they overlap."""
    if (
        (place.shape, place.strides, place.dtype) == (source.shape, source.strides, source.dtype)
        and place.flags.c_contiguous
        and place.ctypes.data != source.ctypes.data
        and np.shares_memory(place, source)
    ):
        raise AssertionError("x[a] = x[b] with overlapping parts of one array: CuPy copies them in no certain order")
