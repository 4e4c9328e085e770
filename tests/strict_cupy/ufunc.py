"""Ufuncs: CuPy's loops, found as CuPy finds them, computed by NumPy."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from . import precision
from .registry import check_written, fresh, is_device_array, same_memory

Weak = type | bool  # of a Python number its type, else False
NUMBERS = (bool, int, float, complex)
_SCORE = {"b": 0, "i": 1, "u": 1, "f": 2, "c": 2}  # by NumPy's kind
_WEAK_SCORE = {bool: 0, int: 1, float: 2, complex: 2}


class ufunc:
    """`ufunc(x, y, out=, dtype=, casting=)`. There is no `where=`, and NumPy arrays are refused, 0-d ones too."""

    def __init__(self, entry: dict[str, Any], compute: Callable[..., Any], at: str) -> None:
        self.name = self.__name__ = entry["name"]
        self.nin, self.nout, self.nargs = entry["nin"], entry["nout"], entry["nin"] + entry["nout"]
        self.types = [loop.rstrip("!") for loop in entry["loops"]]
        self._loops = [_Loop(loop) for loop in entry["loops"]]
        self._by_dtype = self._loops if entry["by_dtype"] is None else [_Loop(loop) for loop in entry["by_dtype"]]
        self._casting, self._compute = entry["casting"], compute
        self._scatter, self._scatter_types = entry["at"], at
        self.loop_for = cache(self._loop_for)

    def __repr__(self) -> str:
        return f"<ufunc '{self.name}'>"

    def __call__(
        self, *args: Any, out: Any = None, dtype: Any = None, casting: str | None = None, **unknown: Any
    ) -> Any:
        if unknown:
            raise TypeError(f"Wrong arguments {unknown}")
        if not self.nin <= len(args) <= self.nargs:
            raise TypeError(f"Wrong number of arguments for {self.name!r}: {len(args)}")
        if len(args) > self.nin:
            args, out = args[: self.nin], args[self.nin] if self.nout == 1 else args[self.nin :]
        if self.nout > 1 and out is None:
            out = (None,) * self.nout
        kinds, weak = zip(*[_kind_of(x) for x in args])
        loop = self.loop_for(kinds, weak) if dtype is None else self._loop_to(np.dtype(dtype))
        loop.check(self.name, kinds)
        if dtype is None:
            precision.note(self.name, [x for x in args if is_device_array(x)], loop.outs)
        operands = [
            x._a.astype(kind, copy=False) if is_device_array(x) else _scalar(x, kind) for x, kind in zip(args, loop.ins)
        ]
        with np.errstate(all="ignore"):
            found = self._compute(*operands)
        if self.nout == 1:
            return _delivered(found, loop.outs[0], out, casting or self._casting)
        return tuple(_delivered(f, kind, o, casting or self._casting) for f, kind, o in zip(found, loop.outs, out))

    # --- which loop

    def _loop_for(self, kinds: tuple[np.dtype, ...], weak: tuple[Weak, ...]) -> _Loop:
        """The first loop that all operands may be cast to; a Python number gives way where an array has its category."""
        strong = [_SCORE[kind.kind] for kind, w in zip(kinds, weak) if w is False]
        given = [_WEAK_SCORE[w] for w in weak if w is not False]  # type: ignore[index]
        if not given or not strong or max(strong) < max(given):
            weak = (False,) * len(kinds)
        for loop in self._loops:
            if all(_fits(kind, w, into) for kind, w, into in zip(kinds, weak, loop.ins)):
                return loop
        raise TypeError(f"Wrong type ({kinds}) of arguments for {self.name}")

    def _loop_to(self, dtype: np.dtype) -> _Loop:
        for loop in self._by_dtype:
            if all(kind == dtype for kind in loop.outs):
                return loop
        raise TypeError(f"Wrong type ({dtype}) of arguments for {self.name}")

    # --- methods

    def outer(self, A: Any, B: Any, **kwargs: Any) -> Any:
        """All pairs."""
        return self(A.reshape(A.shape + (1,) * B.ndim), B.reshape((1,) * A.ndim + B.shape), **kwargs)

    def at(self, a: Any, indices: Any, b: Any = None) -> None:
        """a[indices] op= b, with duplicates, for the few operations and dtypes that CUDA has atomics for."""
        from .indexing import scatter

        if self._scatter is None:
            raise NotImplementedError(f"`{self.name}.at` is not supported yet")
        scatter(a, indices, b, self._compute, self._scatter, self._scatter_types)

    def reduce(self, array: Any, axis: Any = 0, dtype: Any = None, out: Any = None, keepdims: bool = False) -> Any:
        """Only of add and multiply."""
        if self.name == "cupy_add":
            return array.sum(axis, dtype, out, keepdims)
        if self.name == "cupy_multiply":
            return array.prod(axis, dtype, out, keepdims)
        raise NotImplementedError(f"`{self.name}.reduce` is not supported yet")

    def accumulate(self, array: Any, axis: int = 0, dtype: Any = None, out: Any = None) -> Any:
        """Only of add and multiply."""
        if self.name == "cupy_add":
            return array.cumsum(axis, dtype, out)
        if self.name == "cupy_multiply":
            return array.cumprod(axis, dtype, out)
        raise NotImplementedError(f"`{self.name}.accumulate` is not supported yet")

    def reduceat(self, array: Any, indices: Any, axis: int = 0, dtype: Any = None, out: Any = None) -> Any:
        raise NotImplementedError(f"`{self.name}.reduceat` is not modelled")


class _Loop:
    """The dtypes that one loop takes and gives; some exist only to raise."""

    def __init__(self, text: str) -> None:
        self.raises = text.endswith("!")
        ins, _, outs = text.rstrip("!").partition("->")
        self.ins, self.outs = [np.dtype(c) for c in ins], [np.dtype(c) for c in outs]

    def check(self, name: str, kinds: Any) -> None:
        if self.raises:
            raise TypeError(f"{name}: not supported for {[str(kind) for kind in kinds]}")


def _kind_of(x: Any) -> tuple[np.dtype, Weak]:
    if is_device_array(x):
        return x._a.dtype, False
    if isinstance(x, np.generic):
        return x.dtype, False
    if isinstance(x, NUMBERS):
        weak = bool if isinstance(x, bool) else type(x)
        return np.dtype(weak), weak
    raise TypeError(f"Unsupported type {type(x)}")


def _fits(kind: np.dtype, weak: Weak, into: np.dtype) -> bool:
    return np.can_cast(kind, into) or (weak is not False and np.result_type(weak(0), into) == into)  # type: ignore[operator]


def _scalar(x: Any, kind: np.dtype) -> np.ndarray:
    return np.asarray(x).astype(kind) if isinstance(x, np.generic) else np.asarray(x, kind)


def _delivered(found: Any, kind: np.dtype, out: Any, casting: str) -> Any:
    """The result in a new array (in C order, whatever the operands' order), or in `out`."""
    found = np.asarray(found).astype(kind, copy=False)
    if out is None:
        return fresh(found)
    if not is_device_array(out):
        raise TypeError("return arrays must be of ArrayType")
    if not np.can_cast(kind, out._a.dtype, casting):
        raise TypeError(
            f"output (typecode {kind.char!r}) could not be coerced to provided output parameter (typecode "
            f"{out._a.dtype.char!r}) according to the casting rule {casting!r}"
        )
    if np.broadcast_shapes(out._a.shape, found.shape) != out._a.shape:
        raise ValueError("Out shape is mismatched")
    check_written(out._a)
    out._a[...] = found.copy() if same_memory(found, out._a) else found
    return out


# --- what differs from NumPy's function of the same name


def integer_power(base: np.ndarray, exponent: np.ndarray) -> Any:
    """NumPy refuses negative exponents of integers; CuPy gives 0, 1 or -1."""
    if base.dtype.kind == "b":
        base, exponent = base.astype(np.int8), exponent.astype(np.int8)
    if base.dtype.kind != "i":
        return np.power(base, exponent)
    inverse = np.where(base == 1, 1, np.where(base == -1, 1 - 2 * (exponent & 1), 0)).astype(base.dtype)
    return np.where(exponent < 0, inverse, np.power(base, np.maximum(exponent, 0)))


OWN = {"power": integer_power, "pow": integer_power}


def compute_of(name: str) -> Callable[..., Any] | None:
    """NumPy's function of that name; None where there is none: then the ufunc is not modelled."""
    found = OWN.get(name) or getattr(np, name, None)
    return found if callable(found) else None
