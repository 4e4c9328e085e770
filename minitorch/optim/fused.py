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
from minitorch.optim.segment import SPARES, Formula, Segment
from minitorch.tensor import Tensor


def may_be_fused(array: Array) -> bool:
    """Whether a parameter with this array can be part of such a kernel."""
    return is_on_gpu(array) and array.dtype.char in "fd" and array.flags.c_contiguous


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
        super().__init__(params, states, numbers, first)
        self._names = names
        for name in names:
            for t in self._states(states, name):
                t._data = _contiguous(t._data)
        self._buffers = [[state[name]._data for state in states] for name in names]
        self._sets: dict[int, Sets] = {}  # by the number of arrays in a set

    def _apply(self, formula: Formula, options: dict[str, Any]) -> None:
        like, values = self.params[0]._data, list(options.values())
        on_gpu = [x for x in values if is_on_gpu(x)]
        grads = [_contiguous(p._grad._data) for p in self.params]  # type: ignore[union-attr]
        fixed = 2 + len(self._buffers)
        sets = self._sets_of(fixed + len(on_gpu))
        sets.at[1] = [g.data.ptr for g in grads]
        for row, x in enumerate(on_gpu, fixed):
            sets.at[row] = x.data.ptr + (np.arange(x.size) * x.itemsize if x.ndim else 0)
        numbers = [float if x.__class__ is float else Given(x.dtype, (), True) if is_on_gpu(x) else x for x in values]
        known = (*[Given(like.dtype, _SOME, True)] * fixed, *numbers)
        traces = _traces(xp(like), formula, (*self._names, *options), known)
        trace, constants = traces.serving([x for x in values if x.__class__ is float])
        trace.launch(sets, constants)

    def _sets_of(self, rows: int) -> Sets:
        """Of `rows` arrays each: parameter, gradient, those of the state, and the numbers on the GPU."""
        if rows not in self._sets:
            params = [p._data for p in self.params]
            sets = self._sets[rows] = Sets([x.size for x in params], rows)
            for row, arrays in enumerate([params, params, *self._buffers]):  # the second become gradients at each step
                sets.at[row] = [x.data.ptr for x in arrays]
        return self._sets[rows]


def _contiguous(array: Array) -> Array:
    return array if array.flags.c_contiguous else array.copy()


_SOME = (1,)  # a shape that nobody asks for


class _Traces:
    """The traces of a formula for arguments of one kind."""

    def __init__(self, make: Callable[[Sequence[float]], Trace]) -> None:
        self._make = make
        self._found: list[Trace] = []

    def serving(self, given: list[float]) -> tuple[Trace, list[float]]:
        """The trace for these numbers, and what its kernel wants of them."""
        trace = next((trace for trace in self._found if trace.serves(given)), None)
        if trace is None:
            trace = self._make(given)
            self._found = [trace, *self._found[:_MOST]]
        return trace, [x.again(given) if isinstance(x, Number) else x for x in trace.numbers]


_MOST = 7  # other ways that a formula takes by turns


@lru_cache(4096)
def _traces(lib: Any, formula: Callable[..., None], names: tuple[str, ...], known: tuple[Any, ...]) -> _Traces:
    arrays = tuple([f"x{i}" for i, x in enumerate(known) if isinstance(x, Given)])

    def launch(operation: Operation, dense: bool) -> Callable[[Sets, Sequence[float]], None]:
        return for_sets(lib, operation, arrays)

    def make(given: Sequence[float]) -> Trace:
        seen: list[tuple[Again, Any]] = []
        changing = iter(changing_numbers(given, seen))
        arguments = tuple([next(changing) if x is float else x for x in known])
        return traced(formula, names, SPARES, arguments, lib, launch, seen)

    return _Traces(make)
