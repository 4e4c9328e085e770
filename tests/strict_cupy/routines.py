"""CuPy's functions. Those that take and give what NumPy's do are made from a list; the others are written out."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from .array import Capsule, MemoryPointer, ndarray, refuse_device_integers
from .methods import check_kind, product
from .registry import UFUNCS, bare, fresh, is_device_array, kept_order, poisoned, same_memory, saturated, unsigned_zero
from .sync import host_copy, host_sync, library_call, reads_later

# As NumPy's functions of the same name, on device arrays alone. Results are views where NumPy's are.
SAME = (
    "concatenate stack hstack vstack flip fliplr flipud roll moveaxis expand_dims transpose swapaxes rot90 "
    "tril triu diff isclose array_equal outer tensordot trace diagonal ravel reshape searchsorted ptp linalg.qr"
).split()
# These read values on the host, to know the size of what they give.
SYNCHRONIZING = "unique argwhere flatnonzero bincount".split()
JOINING = "concatenate stack hstack vstack".split()  # many arrays by their addresses, which are copied to the device


def unpacked(x: Any) -> Any:
    """The NumPy array inside, in lists too; numbers, text and None as they are."""
    if is_device_array(x):
        return x._a
    if isinstance(x, tuple | list) and any(is_device_array(i) or isinstance(i, np.ndarray) for i in x):
        return type(x)(bare(i) for i in x)
    if isinstance(x, np.ndarray):
        raise TypeError(f"Unsupported type {np.ndarray}: no host arrays in CuPy's functions")
    return x


def same_as_numpy(name: str, signature: inspect.Signature) -> Any:
    """CuPy's function by NumPy's, with CuPy's parameters."""
    function: Any = np
    for part in name.split("."):
        function = getattr(function, part)

    def call(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        given = [*bound.args, *bound.kwargs.values()]
        if not any(is_device_array(x) or (isinstance(x, tuple | list) and any(map(is_device_array, x))) for x in given):
            raise TypeError(f"cupy.{name}() without a device array")
        for x in given[1:] if name in ("moveaxis", "expand_dims") else ():
            refuse_device_integers(x)
        if name == "flip" and isinstance(bound.arguments.get("axis"), list):
            raise TypeError("'list' object cannot be interpreted as an integer")
        for x in given:
            refuse_device_integers(x if isinstance(x, tuple | list) and not any(map(is_device_array, x)) else ())
        if name in SYNCHRONIZING:
            host_sync(f"{name}()")
        if name in ("tensordot", "linalg.qr"):
            library_call("cuBLAS")
        if name in JOINING and len(given[0]) > 8:
            host_copy(f"{name}() of more than eight arrays")
        with np.errstate(all="ignore"):
            found = function(*map(unpacked, bound.args), **{k: unpacked(v) for k, v in bound.kwargs.items()})
        whole = given[0] if is_device_array(given[0]) else None
        return tuple(_wrapped(f, whole) for f in found) if isinstance(found, tuple) else _wrapped(found, whole)

    call.__name__ = name
    call.__signature__ = signature  # type: ignore[attr-defined]
    return call


def _wrapped(a: Any, source: Any) -> Any:
    if source is not None and isinstance(a, np.ndarray) and a.size and same_memory(a, source._a):
        return source._view(a)
    return fresh(a)


# --- making arrays


def array(
    obj: Any, dtype: Any = None, copy: Any = True, order: str = "K", subok: bool = False, ndmin: int = 0, *,
    blocking: bool = False,
) -> Any:  # fmt: skip
    if is_device_array(obj):
        return obj.astype(obj.dtype if dtype is None else dtype, order=order, copy=bool(copy))
    if isinstance(obj, list | tuple) and any(is_device_array(x) for x in obj):
        if not all(is_device_array(x) for x in obj):
            raise TypeError("Unsupported type: device arrays and other things in one list")
        return fresh(np.array([x._a for x in obj], dtype))
    if blocking:
        host_sync("asarray(blocking=True)")
    if np.ndim(obj):
        host_copy("array()")  # of pinned memory too: CuPy asks whether its copy is done
    if pinned(obj) and not blocking:
        reads_later(obj)
    found = np.array(obj, order=order, ndmin=ndmin)  # type: ignore[call-overload]
    if not np.ndim(obj):
        found = unsigned_zero(found)
    return kept_order(saturated(found, np.dtype(dtype)).copy(order) if dtype is not None else found)


def pinned(x: Any) -> bool:
    """Whether a host array lies in pinned memory, which is copied by itself."""
    while isinstance(x, np.ndarray):
        x = x.base
    return isinstance(getattr(x, "obj", x), bytearray)


def asarray(a: Any, dtype: Any = None, order: Any = None, *, copy: Any = None, blocking: bool = False) -> Any:
    if is_device_array(a):
        return a.astype(a.dtype if dtype is None else dtype, order=order or "K", copy=bool(copy))
    return array(a, dtype, True, order or "K", blocking=blocking)


def ascontiguousarray(a: Any, dtype: Any = None) -> Any:
    x = bare(a)
    if x.flags.c_contiguous and x.ndim and (dtype is None or x.dtype == dtype):
        return a
    return fresh(np.ascontiguousarray(x, dtype))


def asnumpy(a: Any, stream: Any = None, order: str = "C", out: Any = None, *, blocking: bool = True) -> Any:
    return a.get(stream, order, out) if is_device_array(a) else np.asarray(a)


def empty(shape: Any, dtype: Any = float, order: str = "C") -> Any:
    refuse_device_integers(shape)
    return kept_order(poisoned(shape, dtype, order))


def zeros(shape: Any, dtype: Any = float, order: str = "C") -> Any:
    refuse_device_integers(shape)
    return kept_order(np.zeros(shape, dtype, order))  # type: ignore[call-overload]


def ones(shape: Any, dtype: Any = float, order: str = "C") -> Any:
    refuse_device_integers(shape)
    return kept_order(np.ones(shape, dtype, order))  # type: ignore[call-overload]


def full(shape: Any, fill_value: Any, dtype: Any = None, order: str = "C") -> Any:
    refuse_device_integers(shape)
    value = unpacked(fill_value)
    x = kept_order(poisoned(shape, np.asarray(value).dtype if dtype is None else dtype, order))
    x.fill(fill_value)
    return x


def _like(a: Any, dtype: Any, order: str, shape: Any) -> Any:
    x = bare(a)
    return np.empty_like(x, dtype, order, False, shape)  # type: ignore[arg-type]


def empty_like(prototype: Any, dtype: Any = None, order: str = "K", subok: Any = None, shape: Any = None) -> Any:
    found = _like(prototype, dtype, order, shape)
    found[...] = poisoned(found.shape, found.dtype)
    return kept_order(found)


def zeros_like(a: Any, dtype: Any = None, order: str = "K", subok: Any = None, shape: Any = None) -> Any:
    found = _like(a, dtype, order, shape)
    found[...] = 0
    return kept_order(found)


def ones_like(a: Any, dtype: Any = None, order: str = "K", subok: Any = None, shape: Any = None) -> Any:
    found = _like(a, dtype, order, shape)
    found[...] = 1
    return kept_order(found)


def full_like(
    a: Any, fill_value: Any, dtype: Any = None, order: str = "K", subok: Any = None, shape: Any = None
) -> Any:
    x = kept_order(_like(a, dtype, order, shape))
    x.fill(fill_value)
    return x


def arange(start: Any, stop: Any = None, step: Any = 1, dtype: Any = None) -> Any:
    for n in (start, stop, step):
        refuse_device_integers(n)
    bounds = (start,) if stop is None else (start, stop, step)
    return kept_order(np.arange(*bounds, dtype=dtype))


def eye(N: int, M: Any = None, k: int = 0, dtype: Any = float, order: str = "C") -> Any:
    return kept_order(np.eye(N, M, k, dtype, order))  # type: ignore[call-overload]


# --- the others that differ from NumPy's


def where(condition: Any, x: Any = None, y: Any = None) -> Any:
    if x is None and y is None:
        return condition.nonzero()
    if not is_device_array(condition):
        raise AttributeError(f"{type(condition).__name__!r} object has no attribute 'astype'")
    return UFUNCS["where"](condition.astype("?"), x, y)


def broadcast_to(array: Any, shape: Any) -> Any:
    """A view with strides of 0, which may be written."""
    x = bare(array)
    out = np.broadcast_to(x, shape)
    return view_of(array, out.shape, out.strides)


def view_of(x: Any, shape: Any, strides: Any) -> Any:
    pointer = x.data
    found = ndarray(shape, x.dtype, MemoryPointer(pointer.mem, pointer.ptr - pointer.mem.ptr), strides)
    found.base = x if x.base is None else x.base
    return found


def as_strided(x: Any, shape: Any = None, strides: Any = None) -> Any:
    return view_of(x, x.shape if shape is None else shape, x.strides if strides is None else strides)


def sliding_window_view(
    x: Any, window_shape: Any, axis: Any = None, *, subok: bool = False, writeable: bool = False
) -> Any:
    if writeable:
        raise NotImplementedError("Writeable views are not supported.")
    found = np.lib.stride_tricks.sliding_window_view(bare(x), window_shape, axis)  # type: ignore[call-overload]
    return view_of(x, found.shape, found.strides)


def take(a: Any, indices: Any, axis: Any = None, out: Any = None) -> Any:
    bare(a)
    return a.take(indices, axis, out)


def nonzero(a: Any) -> Any:
    bare(a)
    return a.nonzero()


def repeat(a: Any, repeats: Any, axis: Any = None) -> Any:
    return a.repeat(repeats, axis)


def sort(a: Any, axis: Any = -1, kind: Any = None) -> Any:
    check_kind(kind)
    return fresh(np.sort(bare(a), axis, "stable"))


def argsort(a: Any, axis: Any = -1, kind: Any = None) -> Any:
    return a.argsort(axis, kind)


def lexsort(keys: Any) -> Any:
    if not keys.ndim:
        raise TypeError("need sequence of keys with len > 0 in lexsort")
    return fresh(np.lexsort(bare(keys)))


def partition(a: Any, kth: Any, axis: Any = -1) -> Any:
    return fresh(np.partition(bare(a), kth, axis))


def matmul(x1: Any, x2: Any, /, out: Any = None, **kwargs: Any) -> Any:
    if out is not None or kwargs:
        raise NotImplementedError(f"the double does not model matmul with out or {sorted(kwargs)}")
    return product(np.matmul, x1, x2)


def dot(a: Any, b: Any, out: Any = None) -> Any:
    return a.dot(b, out)


def einsum(*operands: Any, **kwargs: Any) -> Any:
    if unknown := kwargs.keys() - {"dtype", "optimize"}:
        raise TypeError(f"Did not understand the following kwargs: {sorted(unknown)}")
    subscripts, *arrays = operands
    if len(arrays) > 1:
        library_call("cuBLAS")
    found = np.einsum(subscripts, *map(bare, arrays), optimize=bool(kwargs.get("optimize")))
    return _wrapped(found, arrays[0] if len(arrays) == 1 else None)  # of one array, where nothing is summed, a view


def nan_to_num(x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    return fresh(np.nan_to_num(bare(x), copy=True, nan=nan, posinf=posinf, neginf=neginf))


def copyto(dst: Any, src: Any, casting: str = "same_kind", where: Any = None) -> None:
    if where is None:
        dst[...] = src
    else:
        np.copyto(bare(dst), unpacked(src), casting=casting, where=bare(where))  # type: ignore[arg-type]


def may_share_memory(a: Any, b: Any, max_work: Any = None) -> bool:
    return same_memory(bare(a), bare(b))


shares_memory = may_share_memory


def result_type(*arrays_and_dtypes: Any) -> Any:
    return np.result_type(*[x.dtype if is_device_array(x) else x for x in arrays_and_dtypes])


def get_array_module(*args: Any) -> Any:
    from .namespace import cupy

    return cupy if any(map(is_device_array, args)) else np


def from_dlpack(array: Any, *, device: Any = None, copy: Any = None) -> Any:
    kind, _ = array.__dlpack_device__()
    capsule = array.__dlpack__(stream=1)
    if kind != 2 or not isinstance(capsule, Capsule):
        raise TypeError("CPU arrays cannot be directly imported to CuPy. Use `cupy.array(numpy.from_dlpack(input))`.")
    return capsule.array._view(capsule.array._a)


def by_method(name: str) -> Any:
    """`cupy.sum(a, ...)` is `a.sum(...)`, on device arrays alone."""

    def call(a: Any, *args: Any, **kwargs: Any) -> Any:
        bare(a)
        return getattr(a, name)(*args, **kwargs)

    return call


def _own(function: Any) -> bool:
    return inspect.isfunction(function) and function.__module__ == __name__ and not function.__name__.startswith("_")


_HELPERS = {"pinned", "unpacked", "same_as_numpy", "view_of", "by_method"}
OWN = {name: f for name, f in globals().items() if _own(f) and name not in _HELPERS}
METHODS = {n: by_method(n) for n in "sum prod mean max min any all argmax argmin cumsum cumprod squeeze".split()}
METHODS |= {"amax": METHODS["max"], "amin": METHODS["min"]}

__all__ = ["METHODS", "OWN", "SAME", "SYNCHRONIZING"]
