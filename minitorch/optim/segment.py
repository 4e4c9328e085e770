"""The parts of a parameter group that take their step together, and the arrays that a formula then works on.

`Flat` gathers the values and gradients of its parameters into flat arrays, or works slice by slice on the memory of a
single one, so that what the formula writes on its way stays in the processor's cache. (`Fused`, for a GPU, is in fused.py.)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minitorch import blocks, dtypes
from minitorch.autograd.inplace import bump
from minitorch.device import Array, xp
from minitorch.tensor import Tensor

# How many elements one call of a formula sees on the CPU: its arrays (seven or so) then stay in the second-level cache.
CPU_SLICE = 1 << 17
SPARES = 3  # arrays for the formula to write to
Formula = Callable[..., None]


class Segment:
    """Parameters that take their step together.

    `states`, `numbers`: the parameters' dicts of state, and the keys of the 0-d numbers in them. A number becomes an array
    with one element per parameter, all equal unless they are on a GPU. `first`: this is their first step.
    """

    def __init__(
        self, params: list[Tensor], states: list[dict[str, Any]], numbers: tuple[str, ...], first: bool
    ) -> None:
        self.params, self.first = params, first
        self.numbers = {name: _joined_numbers([state[name] for state in states]) for name in numbers}

    def step(self, formula: Formula, options: Callable[[Segment], dict[str, Any]]) -> None:
        """Change the parameters and their state, and count the change. options(self): the other arguments of the formula."""
        self._gather()
        self._apply(formula, options(self))
        self._scatter()
        self.first = False
        for p in self.params:
            bump(p)

    def _gather(self) -> None:
        """Bring together what the formula works on."""

    def _apply(self, formula: Formula, options: dict[str, Any]) -> None:
        """formula(param, grad, *spares, **buffers, **options) for all elements of all parameters."""
        raise NotImplementedError

    def _scatter(self) -> None:
        """Put what has changed where it belongs."""

    def _states(self, states: list[dict[str, Any]], name: str) -> list[Tensor]:
        """What the parameters have of that name, which must be like them."""
        tensors = [state[name] for state in states]
        for t, p in zip(tensors, self.params, strict=True):
            if t.shape != p.shape or t.dtype != p.dtype or t.device != p.device:
                raise RuntimeError(
                    f"optimizer.state: {name} has shape {list(t.shape)} and is {t.dtype} on {t.device}, "
                    f"but its parameter has shape {list(p.shape)} and is {p.dtype} on {p.device}. Convert "
                    "the state with the parameter, or make the optimizer after converting."
                )
        return tensors

    def count_step(self) -> Any:
        """Add one to the step counts; the new count."""
        steps = self.numbers["step"]
        steps += 1
        return self.number("step")

    def number(self, name: str) -> Any:
        """A number of the state: a float, or on the GPU an array, which changes with it: 0-d, or of one for each parameter."""
        array = self.numbers[name]
        if isinstance(array, np.ndarray):
            return array.item(0)
        return array if len(array) > 1 else array[0]

    def hyperparameter(self, value: Any) -> Any:
        """A float; of a tensor on the GPU its 0-d array, for a parameter that is there too."""
        if isinstance(value, Tensor) and value.is_cuda and self.params[0].is_cuda:
            return value._data.reshape(())
        return float(value)

    def in_step(self) -> bool:
        """Whether the numbers are still equal, where they must be: they are exposed, so anyone may set one."""
        if len(self.params) == 1:
            return True
        rows = [array.tolist() for array in self.numbers.values() if isinstance(array, np.ndarray)]
        return all(row.count(row[0]) == len(row) for row in rows)


class Flat(Segment):
    """As flat arrays. `names`: the keys of the arrays in `states`; `spares`: what formulas may write to on their way, for
    all segments of a group."""

    def __init__(
        self,
        params: list[Tensor],
        states: list[dict[str, Any]],
        names: tuple[str, ...],
        numbers: tuple[str, ...],
        first: bool,
        spares: dict[Any, list[Array]],
    ) -> None:
        super().__init__(params, states, numbers, first)
        arrays = [p._data for p in params]
        like, size = arrays[0], sum(a.size for a in arrays)
        self.in_place = len(params) == 1 and like.flags.c_contiguous
        self.slots: list[tuple[Tensor, Array, Array]] = []  # (parameter, its part of `param`, its part of `grad`)
        if self.in_place:
            self.param = like.reshape(-1)
        else:
            self.param, param_slots = _flat_like(arrays)
            self.grad, grad_slots = _flat_like(arrays)
            self.slots = list(zip(params, param_slots, grad_slots, strict=True))
        self.buffers = {name: _joined(self._states(states, name)) for name in names}
        self.width = min(size, CPU_SLICE) if isinstance(like, np.ndarray) else size
        self.spares, self.place = spares, params[0].device

    def _gather(self) -> None:
        for p, param_slot, grad_slot in self.slots:
            param_slot[...] = p._data
            grad_slot[...] = p._grad._data  # type: ignore[union-attr]

    def _scatter(self) -> None:
        for p, param_slot, _ in self.slots:
            p._data[...] = param_slot

    def _apply(self, formula: Formula, options: dict[str, Any]) -> None:
        """Slice by slice, by several threads where there are many."""
        param, grad, buffers, size = self.param, self._gradient(), self.buffers, self.param.size
        if size == self.width:
            formula(param, grad, *self._room(0), **buffers, **options)
            return

        def work(thread: int, part: slice) -> None:
            spares = [spare[: part.stop - part.start] for spare in self._room(thread)]
            formula(param[part], grad[part], *spares, **{name: b[part] for name, b in buffers.items()}, **options)

        touched = (2 + len(buffers)) * param.nbytes if isinstance(param, np.ndarray) else 0
        blocks.each(work, blocks.slices(size, self.width), touched)

    def _gradient(self) -> Array:
        return self.params[0]._grad._data.reshape(-1) if self.in_place else self.grad  # type: ignore[union-attr]

    def _room(self, thread: int) -> list[Array]:
        """What a thread may write to on its way."""
        kind = thread, self.place, self.param.dtype, self.width
        if kind not in self.spares:
            self.spares[kind] = [xp(self.param).empty(self.width, self.param.dtype) for _ in range(SPARES)]
        return self.spares[kind]


def _joined(tensors: list[Tensor]) -> Array:
    """One flat array of the values of these tensors of state, which become views of it."""
    arrays = [t._data for t in tensors]
    if len(arrays) == 1 and arrays[0].flags.c_contiguous:
        return arrays[0].reshape(-1)
    flat, slots = _flat_like(arrays)
    for t, slot in zip(tensors, slots, strict=True):
        slot[...] = t._data
        t._data = slot
    return flat


def _flat_like(arrays: list[Array]) -> tuple[Array, list[Array]]:
    """A flat array with room for all of `arrays`, and its parts in their shapes (views)."""
    flat = xp(arrays[0]).empty(sum(a.size for a in arrays), arrays[0].dtype)
    ends = np.cumsum([a.size for a in arrays]).tolist()
    return flat, [flat[end - a.size : end].reshape(a.shape) for a, end in zip(arrays, ends, strict=True)]


def _joined_numbers(tensors: list[Tensor]) -> Array:
    """One array of these 0-d numbers of state, which become views of it."""
    arrays = [t._data.reshape(1) for t in tensors]
    joined = arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
    for i, t in enumerate(tensors):
        t._data = joined[i : i + 1].reshape(())
    return joined


def number_dtype() -> Any:
    """The dtype of the 0-d numbers of state: float32, or float64 if that is the default dtype."""
    return np.float64 if dtypes.get_default_dtype() is dtypes.float64 else np.float32
