"""Which calls of CuPy a program makes, noted by the double, to be made again with the real CuPy."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import numpy as np

from .array import ndarray
from .methods import Methods
from .namespace import cupy, special
from .registry import UFUNCS
from .ufunc import ufunc

Call = tuple[str, Any, Any]  # (what is called, arguments, keywords), the arrays in them by dtype and shape
_DUNDERS = {"__getitem__", "__setitem__", "__matmul__", "__invert__", "__neg__", "__abs__", "__len__"}


class _Recorder:
    """Notes outermost calls: what CuPy does inside is its own affair."""

    def __init__(self) -> None:
        self.calls: set[Call] = set()
        self.inside = False

    def noting(self, path: Callable[[tuple[Any, ...]], str], function: Any) -> Any:
        @functools.wraps(function)
        def noted(*args: Any, **kwargs: Any) -> Any:
            if self.inside:
                return function(*args, **kwargs)
            self.inside = True
            try:
                result = function(*args, **kwargs)
            finally:
                self.inside = False
            form = described(args), tuple((name, described(value)) for name, value in kwargs.items())
            self.calls.add((path(args), *form))
            return result

        return noted


def described(x: Any) -> Any:
    """An argument as something that can be hashed and built again."""
    if isinstance(x, ndarray):
        return "array", x.dtype.char, x.shape, x.strides
    if isinstance(x, tuple | list):
        return "list" if isinstance(x, list) else "tuple", *map(described, x)
    if isinstance(x, slice):
        return "slice", x.start, x.stop, x.step
    if isinstance(x, np.dtype) or (isinstance(x, type) and x in (bool, int, float)):
        return "dtype", np.dtype(x).char
    if isinstance(x, type) and issubclass(x, np.generic):
        return "dtype", np.dtype(x).char
    if isinstance(x, np.ndarray):
        return "host array", x.dtype.char, x.shape
    return "value", repr(type(x)) if callable(x) else x


def built(form: Any, array: Callable[[np.ndarray], Any]) -> Any:
    """The argument again; `array` makes device arrays."""
    kind, *rest = form
    if kind == "array":
        dtype, shape, _ = rest
        return array(np.ones(shape, dtype))
    if kind in ("tuple", "list"):
        return {"tuple": tuple, "list": list}[kind](built(part, array) for part in rest)
    if kind == "slice":
        return slice(*rest)
    if kind == "dtype":
        return np.dtype(rest[0])
    return np.ones(rest[1], rest[0]) if kind == "host array" else rest[0]


@contextmanager
def recorded() -> Iterator[set[Call]]:
    """The calls made inside that did not raise."""
    recorder = _Recorder()
    with wrapped(recorder.noting):
        yield recorder.calls


def wrapped(wrapper: Callable[[Callable[[tuple[Any, ...]], str], Any], Any]) -> ExitStack:
    """Put `wrapper(path, function)` in the place of every function of CuPy's, until the stack is closed; path(args) is
    what is called."""
    names = {id(u): f"cupy.{name}" for name, u in UFUNCS.items()}
    names |= {id(u): f"cupyx.scipy.special.{name}" for name, u in vars(special).items() if isinstance(u, ufunc)}
    stack = ExitStack()
    put = lambda owner, name, value: stack.enter_context(mock.patch.object(owner, name, value))
    for name in ("__call__", "at", "reduce", "outer", "accumulate"):
        path = lambda args, name=name: names[id(args[0])] + ("" if name == "__call__" else f".{name}")
        put(ufunc, name, wrapper(path, getattr(ufunc, name)))
    for name, function in list(vars(cupy).items()):
        if inspect.isfunction(function) and not name.startswith("_"):
            put(cupy, name, wrapper(lambda args, name=name: f"cupy.{name}", function))
    put(special, "polygamma", wrapper(lambda args: "cupyx.scipy.special.polygamma", special.polygamma))
    for cls in (Methods, ndarray):
        for name, function in list(vars(cls).items()):
            if inspect.isfunction(function) and (not name.startswith("_") or name in _DUNDERS):
                put(cls, name, wrapper(lambda args, name=name: f"cupy.ndarray.{name}", function))
    return stack
