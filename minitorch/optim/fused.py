"""The formula of an optimizer as one kernel for many parameters, on a GPU: each step is one launch.

The formula is traced (minitorch/fusion.py) for one parameter of any size; the kernel finds the parameters' arrays by their
addresses (`Sets` in minitorch/kernels.py), where they lie.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from minitorch.changing import Again, Number
from minitorch.changing import numbers as changing_numbers
from minitorch.device import Array, is_on_gpu, xp
from minitorch.fusion import Given, Trace, traced
from minitorch.kernels import Operation, Sets, for_sets
from minitorch.optim.segment import SPARES, Formula, Segment, number_dtype
from minitorch.tensor import Tensor


def may_be_fused(*arrays: Array) -> bool:
    """Whether these arrays of a parameter can be part of such a kernel."""
    return all(is_on_gpu(x) and x.dtype.char in "fd" and x.flags.c_contiguous for x in arrays)


class Fused(Segment):
    """Parameters of one dtype on one GPU, for all of which `may_be_fused`. `names`: the keys of the arrays in `states`.

    Of the formula's options, a vector on the GPU has an element for each parameter, a 0-d array is for all of them.
    """

    def __init__(
        self,
        params: list[Tensor],
        states: list[dict[str, Any]],
        names: tuple[str, ...],
        numbers: tuple[str, ...],
        first: bool,
    ) -> None:
        apart = [name for name in numbers if len(params) > 1 and states[0][name].is_cuda]
        super().__init__(params, states, tuple(name for name in numbers if name not in apart), first)
        self._apart = {name: _Numbers([state[name]._data for state in states]) for name in apart}
        self.numbers |= {name: found.vector for name, found in self._apart.items()}
        for name in names:
            for t in self._states(states, name):
                t._data = t._data if t._data.flags.c_contiguous else t._data.copy()
        self._names = names
        self._arrays = [p._data for p in params]
        self._buffers = [[state[name]._data for state in states] for name in names]
        self._written = {x.data.mem.ptr for arrays in (self._arrays, *self._buffers) for x in arrays}
        self._sets = self._sets_of(2 + len(names))
        self._grads: list[Array] = []

    def _gather(self) -> None:
        self._grads = [self._gradient(p) for p in self.params]
        for numbers in self._apart.values():
            numbers.read()

    def _scatter(self) -> None:
        self._grads = []
        for numbers in self._apart.values():
            numbers.write()

    def _apply(self, formula: Formula, options: dict[str, Any]) -> None:
        like, fixed = self._arrays[0], 2 + len(self._buffers)
        values = [
            x.astype(number_dtype()) if is_on_gpu(x) and x.dtype.char not in "fd" else x for x in options.values()
        ]
        on_gpu = [x for x in values if is_on_gpu(x)]
        if fixed + len(on_gpu) != len(self._sets.at):
            self._sets = self._sets_of(fixed + len(on_gpu))
        self._sets.at[1] = [g.data.ptr for g in self._grads]
        for row, x in enumerate(on_gpu, fixed):
            self._sets.at[row] = _each(x) if x.ndim else x.data.ptr
        kinds = [float if x.__class__ is float else Given(x.dtype, (), True) if is_on_gpu(x) else x for x in values]
        known = (*[Given(like.dtype, _SOME, True)] * fixed, *kinds)
        traces = _traces(xp(like), formula, (*self._names, *options), known)
        launch, constants = traces.serving([x for x in values if x.__class__ is float])
        launch(self._sets, constants)

    def _sets_of(self, rows: int) -> Sets:
        """Of `rows` arrays each: parameter, gradient, those of the state, and the numbers on the GPU."""
        sets = Sets([x.size for x in self._arrays], rows)
        sets.at[0] = [x.data.ptr for x in self._arrays]
        for row, arrays in enumerate(self._buffers, 2):
            sets.at[row] = [x.data.ptr for x in arrays]
        return sets

    def _gradient(self, p: Tensor) -> Array:
        """That of `p` as the kernel reads it: in the dtype and order of the parameter, and nothing that the kernel writes."""
        x, g = p._data, p._grad._data  # type: ignore[union-attr]
        if g.dtype != x.dtype:
            return g.astype(x.dtype)
        return g if g.flags.c_contiguous and g.data.mem.ptr not in self._written else g.copy()


class _Numbers:
    """0-d numbers of the state, one of each parameter, in `vector` for the time of a step. They stay where they are: a graph
    may count on there."""

    def __init__(self, arrays: list[Array]) -> None:
        lib, kind, n = xp(arrays[0]), arrays[0].dtype, len(arrays)
        self.vector = lib.empty(n, kind)
        copy = Operation("minitorch_copy", "x0 = x1;", kind.name, (("x1", kind.name),), ("x0",), 0)
        self._copy = for_sets(lib, copy, ("x0", "x1"))
        self._read, self._write = Sets([1] * n, 2), Sets([1] * n, 2)
        self._read.at[0] = self._write.at[1] = _each(self.vector)
        self._read.at[1] = self._write.at[0] = [x.data.ptr for x in arrays]

    def read(self) -> None:
        self._copy(self._read, ())

    def write(self) -> None:
        self._copy(self._write, ())


def _each(vector: Array) -> Any:
    """The addresses of its elements."""
    return vector.data.ptr + np.arange(vector.size) * vector.itemsize


_SOME = (1,)  # a shape that nobody asks for


class _Traces:
    """The traces of a formula for arguments of one kind, each with what launches it."""

    def __init__(self, make: Callable[[Sequence[float]], tuple[Trace, Any]]) -> None:
        self._make = make
        self._found: list[tuple[Trace, Any]] = []

    def serving(self, given: list[float]) -> tuple[Any, list[float]]:
        """What launches the one for these numbers, and what its kernel wants of them."""
        found = next((found for found in self._found if found[0].serves(given)), None)
        if found is None:
            found = self._make(given)
            self._found = [found, *self._found[:_MOST]]
        trace, launch = found
        return launch, [x.again(given) if isinstance(x, Number) else x for x in trace.numbers]


_MOST = 7  # other ways that a formula takes by turns


@lru_cache(4096)
def _traces(lib: Any, formula: Callable[..., None], names: tuple[str, ...], known: tuple[Any, ...]) -> _Traces:
    arrays = tuple([f"x{i}" for i, x in enumerate(known) if isinstance(x, Given)])

    def make(given: Sequence[float]) -> tuple[Trace, Any]:
        seen: list[tuple[Again, Any]] = []
        changing = iter(changing_numbers(given, seen))
        arguments = tuple([next(changing) if x is float else x for x in known])
        trace = traced(formula, names, SPARES, arguments, seen)
        return trace, for_sets(lib, trace.operation, arrays)

    return _Traces(make)
