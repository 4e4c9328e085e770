"""CUDA graphs on the double: during a capture nothing is computed, at a launch everything is, in the same memory.

Every call of CuPy's is made, for the shape and dtype of its result; then the result is poisoned, what it wrote to gets
its values back, and the call is noted. A launch makes the calls again. What the graph uses of everybody's memory must
still be there then.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from unittest import mock

import numpy as np

from . import kernels
from .array import ndarray
from .recorder import wrapped
from .registry import EVERYBODY, capturing, poisoned

NOTHING = {"cupy.empty", "cupy.empty_like"}  # no kernel: a launch leaves everybody's memory as it is


class Capture:
    """What a stream has been asked to do since `begin_capture`."""

    def __init__(self, stream: Any) -> None:
        self.stream, self.invalid, self._inside = stream, False, False
        self.streams, self.marks = [stream], []  # the streams and events that are part of it
        self.calls: list[Call] = []
        self.pointers: dict[int, ndarray] = {}  # arrays whose address somebody wanted
        self._patches: ExitStack = wrapped(self._noting)
        for kernel, method in (kernels.ElementwiseKernel, "__call__"), (kernels.RawKernel, "launch"):
            launch = self._noting(lambda args: args[0].name, getattr(kernel, method))
            self._patches.enter_context(mock.patch.object(kernel, method, launch))

    def close(self) -> None:
        self._patches.close()

    def graph(self) -> Graph:
        return Graph(self.calls)

    def note(self, name: str, function: Callable[..., Any], *args: Any, uses: tuple[Any, ...] = ()) -> None:
        """Note a call of something else. uses: the arrays whose memory it works on."""
        self.calls.append(Call(name, function, args, {}, {}, uses))

    def _noting(self, path: Callable[[tuple[Any, ...]], str], function: Any) -> Any:
        @functools.wraps(function)
        def noted(*args: Any, **kwargs: Any) -> Any:
            if self._inside:
                return function(*args, **kwargs)
            owners = {id(x): x for x in map(owner_of, arrays_in((args, kwargs)))}.values()
            before = [(x._a, x._a.copy("K")) for x in owners]
            self._inside = True
            try:
                result = function(*args, **kwargs)
            finally:
                self._inside = False
                for memory, values in before:
                    memory[...] = values
            made = {i: x for i, x in enumerate(arrays_in(result)) if all(owner_of(x) is not owner for owner in owners)}
            for x in made.values():
                x._a[...] = poisoned((), x._a.dtype)
            # Memory of the graph's own: at a launch, whatever an earlier step had there.
            if (name := path(args)) not in NOTHING or any(map(is_private, map(owner_of, made.values()))):
                self.calls.append(Call(name, function, args, kwargs, made))
            return result

        return noted


class Call:
    """One call of a graph. Arrays in everybody's memory are not kept alive by it."""

    def __init__(
        self, name: str, function: Any, args: Any, kwargs: Any, made: dict[int, ndarray], uses: tuple[Any, ...] = ()
    ) -> None:
        self.name, self.function, self.made = name, function, made
        self.needed = [weakref.ref(x) for x in map(owner_of, arrays_in((args, kwargs, uses))) if not is_private(x)]
        self.args, self.kwargs, self.uses = held(args), held(kwargs), held(uses)

    def again(self) -> None:
        if any(array() is None for array in self.needed):
            raise AssertionError(f"a replayed graph uses memory that is no longer its own, in {self.name}")
        found = arrays_in(self.function(*self.args, **self.kwargs))
        for i, x in self.made.items():
            x._a[...] = found[i]._a


class Graph:
    """cupy.cuda.Graph."""

    def __init__(self, calls: list[Call]) -> None:
        self.calls = calls

    graphExec = property(lambda self: id(self))

    def launch(self, stream: Any = None) -> None:
        assert not capturing, "the double has no graphs in graphs"
        for call in self.calls:
            call.again()

    def upload(self, stream: Any = None) -> None: ...

    def debug_dot_str(self, flags: int = 0) -> str:
        return (
            "digraph dot {\n" + "".join(f'"{i}" [label="{call.name}"];\n' for i, call in enumerate(self.calls)) + "}\n"
        )


def arrays_in(x: Any) -> list[ndarray]:
    if x.__class__ is ndarray:
        return [x]
    if isinstance(x, dict):
        x = tuple(x.values())
    if isinstance(x, kernels.Struct):
        x = tuple([array for _, array, _ in x.found])
    return [array for part in x for array in arrays_in(part)] if isinstance(x, tuple | list) else []


def owner_of(x: ndarray) -> ndarray:
    return x if x.base is None else x.base


def is_private(owner: ndarray) -> bool:
    """Whether the memory comes from a pool of a graph's own."""
    block = getattr(owner, "_block", None)
    block = getattr(block, "mem", block)
    return block is not None and getattr(block, "pool", None) is not EVERYBODY


def held(x: Any) -> Any:
    """The argument, its arrays replaced by such as do not keep everybody's memory from being freed."""
    if x.__class__ is ndarray:
        if is_private(owner_of(x)):
            return x
        other, owner = object.__new__(ndarray), owner_of(x)
        other._a, other.base = x._a, None
        if owner is not x:
            other.base = held(owner)
        return other
    if isinstance(x, dict):
        return {key: held(value) for key, value in x.items()}
    if isinstance(x, np.ndarray):
        return x.copy()  # a number in the kernel
    if isinstance(x, kernels.Struct):
        return x.of(held)
    return type(x)(map(held, x)) if type(x) in (tuple, list) else x
