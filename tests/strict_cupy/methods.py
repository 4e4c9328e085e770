"""What cupy.ndarray computes: operators, reductions, sorting. Every reduction gives an array, 0-d if over all."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from .indexing import getitem, setitem, take
from .registry import UFUNCS, bare, fresh, is_device_array
from .sync import host_sync, library_call


def _operator(name: str) -> Any:
    return lambda self, other: UFUNCS[name](self, other)


def _reflected(name: str) -> Any:
    return lambda self, other: UFUNCS[name](other, self)


def _comparison(name: str) -> Any:
    """Of a 0-d NumPy array CuPy takes the number."""
    number = lambda x: x.item() if isinstance(x, np.ndarray) and not x.ndim else x
    return lambda self, other: UFUNCS[name](self, number(other))


def _inplace(name: str) -> Any:
    return lambda self, other: UFUNCS[name](self, other, self)


def _sum_type(kind: np.dtype) -> Any:
    """Integers add up in 64 bits."""
    return np.dtype("L") if kind.kind == "u" and kind.char != "Q" else np.dtype("l") if kind.kind in "bi" else kind


def _accumulated(f: Any, x: Any, axis: Any, dtype: Any, out: Any, keepdims: Any) -> Any:
    if out is not None:
        raise NotImplementedError("the double does not model out= of reductions")
    kind = _sum_type(x._a.dtype) if dtype is None else np.dtype(dtype)
    wide = np.dtype("f") if kind.char == "e" else kind
    with np.errstate(all="ignore"):
        found = f(x._a, axis=_axis(axis), dtype=wide, keepdims=bool(keepdims))
    return fresh(np.asarray(found).astype(kind, copy=False))


def _axis(axis: Any) -> Any:
    return tuple(axis) if isinstance(axis, list) else axis


def _extreme(name: str, x: Any, axis: Any, out: Any, keepdims: bool) -> Any:
    if out is not None:
        raise TypeError(f"{name}(out=) hands out and dtype to CUB in the wrong order: do without")
    return fresh(getattr(x._a, name)(axis=_axis(axis), keepdims=keepdims))


def _position(name: str, x: Any, axis: Any, out: Any, dtype: Any, keepdims: bool) -> Any:
    """In a dtype that equals int64 and is another object, as CuPy's own reduction has it."""
    if out is not None or isinstance(axis, tuple):
        raise NotImplementedError(f"the double does not model {name} with out= or several axes")
    found = getattr(x._a, name)(axis=axis, keepdims=keepdims)
    return fresh(np.asarray(found).astype(np.dtype("q") if dtype is None else dtype))


def _running(f: Any, x: Any, axis: Any, dtype: Any, out: Any) -> Any:
    if out is not None:
        raise NotImplementedError("the double does not model out= of running sums and products")
    kind = _sum_type(x._a.dtype) if dtype is None else np.dtype(dtype)
    with np.errstate(all="ignore"):
        return fresh(f(x._a, axis=axis, dtype=kind))


def check_kind(kind: Any) -> None:
    if kind not in (None, "stable"):
        raise ValueError("kind can only be None or 'stable'")


class Methods:
    """The computing half of ndarray."""

    __slots__ = ()
    _a: np.ndarray

    __add__, __radd__, __iadd__ = _operator("add"), _reflected("add"), _inplace("add")
    __sub__, __rsub__, __isub__ = _operator("subtract"), _reflected("subtract"), _inplace("subtract")
    __mul__, __rmul__, __imul__ = _operator("multiply"), _reflected("multiply"), _inplace("multiply")
    __truediv__, __rtruediv__, __itruediv__ = (
        _operator("true_divide"), _reflected("true_divide"), _inplace("true_divide"),
    )  # fmt: skip
    __floordiv__, __rfloordiv__ = _operator("floor_divide"), _reflected("floor_divide")
    __ifloordiv__ = _inplace("floor_divide")
    __mod__, __rmod__, __imod__ = _operator("remainder"), _reflected("remainder"), _inplace("remainder")
    __pow__, __rpow__, __ipow__ = _operator("power"), _reflected("power"), _inplace("power")
    __and__, __rand__, __iand__ = _operator("bitwise_and"), _reflected("bitwise_and"), _inplace("bitwise_and")
    __or__, __ror__, __ior__ = _operator("bitwise_or"), _reflected("bitwise_or"), _inplace("bitwise_or")
    __xor__, __rxor__, __ixor__ = _operator("bitwise_xor"), _reflected("bitwise_xor"), _inplace("bitwise_xor")
    __lshift__, __rlshift__, __ilshift__ = _operator("left_shift"), _reflected("left_shift"), _inplace("left_shift")
    __rshift__, __rrshift__ = _operator("right_shift"), _reflected("right_shift")
    __irshift__ = _inplace("right_shift")
    __eq__, __ne__ = _comparison("equal"), _comparison("not_equal")
    __lt__, __le__, __gt__, __ge__ = (
        _comparison("less"), _comparison("less_equal"), _comparison("greater"), _comparison("greater_equal"),
    )  # fmt: skip
    __hash__ = None  # type: ignore[assignment]

    def __neg__(self) -> Any:
        return UFUNCS["negative"](self)

    def __pos__(self) -> Any:
        return fresh(self._a)

    def __abs__(self) -> Any:
        return UFUNCS["absolute"](self)

    def __invert__(self) -> Any:
        return UFUNCS["invert"](self)

    def __matmul__(self, other: Any) -> Any:
        return product(np.matmul, self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return product(np.matmul, other, self)

    def dot(self, b: Any, out: Any = None) -> Any:
        if out is not None:
            raise NotImplementedError("the double does not model dot(out=)")
        return product(np.dot, self, b)

    def __getitem__(self, index: Any) -> Any:
        return getitem(self, index)

    def __setitem__(self, index: Any, value: Any) -> None:
        setitem(self, index, value)

    def take(self, indices: Any, axis: Any = None, out: Any = None) -> Any:
        if out is not None:
            raise NotImplementedError("the double does not model take(out=)")
        return take(self, indices, axis)

    # --- reductions

    def sum(self, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False) -> Any:
        return _accumulated(np.sum, self, axis, dtype, out, keepdims)

    def prod(self, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = None) -> Any:
        return _accumulated(np.prod, self, axis, dtype, out, keepdims)

    def mean(self, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False) -> Any:
        if dtype is None and self._a.dtype.kind != "f":
            dtype = np.float64
        return _accumulated(np.mean, self, axis, dtype, out, keepdims)

    def var(self, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0, keepdims: Any = False) -> Any:
        return fresh(np.var(self._a, axis=_axis(axis), dtype=dtype, ddof=ddof, keepdims=keepdims))

    def std(self, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0, keepdims: Any = False) -> Any:
        return fresh(np.std(self._a, axis=_axis(axis), dtype=dtype, ddof=ddof, keepdims=keepdims))

    def max(self, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
        return _extreme("max", self, axis, out, keepdims)

    def min(self, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
        return _extreme("min", self, axis, out, keepdims)

    def argmax(self, axis: Any = None, out: Any = None, dtype: Any = None, keepdims: Any = False) -> Any:
        return _position("argmax", self, axis, out, dtype, keepdims)

    def argmin(self, axis: Any = None, out: Any = None, dtype: Any = None, keepdims: Any = False) -> Any:
        return _position("argmin", self, axis, out, dtype, keepdims)

    def any(self, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
        return fresh(np.any(self._a, axis=_axis(axis), keepdims=keepdims))

    def all(self, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
        return fresh(np.all(self._a, axis=_axis(axis), keepdims=keepdims))

    def cumsum(self, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
        return _running(np.cumsum, self, axis, dtype, out)

    def cumprod(self, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
        return _running(np.cumprod, self, axis, dtype, out)

    # --- order

    def argsort(self, axis: Any = -1, kind: Any = None) -> Any:
        """In the order of memory that CuPy gives: another dimension than the last is sorted as the last, and moved back."""
        check_kind(kind)
        if axis in (None, -1, self._a.ndim - 1):
            return fresh(self._a.argsort(axis, kind="stable"))
        found = fresh(np.moveaxis(self._a, axis, -1).argsort(kind="stable"))
        return found._view(np.moveaxis(found._a, -1, axis))

    def sort(self, axis: int = -1, kind: Any = None) -> None:
        check_kind(kind)
        self._a.sort(axis, kind="stable")

    def nonzero(self) -> tuple[Any, ...]:
        host_sync("nonzero()")
        if not self._a.ndim:
            warnings.warn("calling nonzero on 0d arrays is deprecated", DeprecationWarning, stacklevel=2)
            return (fresh(np.zeros(int(bool(self._a)), np.int64)),)
        return tuple(fresh(i) for i in self._a.nonzero())

    def repeat(self, repeats: Any, axis: Any = None) -> Any:
        if isinstance(repeats, np.ndarray):
            raise TypeError("'repeats' does not accept numpy.ndarray; convert with cupy.array() first")
        if is_device_array(repeats):
            host_sync("repeat() with counts on the device")
            repeats = repeats._a
        return fresh(self._a.repeat(repeats, axis))


def product(f: Any, a: Any, b: Any) -> Any:
    """matmul and dot, in the common dtype."""
    a, b = bare(a), bare(b)
    if np.result_type(a, b).kind == "f":
        library_call("cuBLAS")
    with np.errstate(all="ignore"):
        return fresh(f(a, b))
