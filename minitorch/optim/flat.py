"""Flat updates: the formula of an optimizer runs on a few long arrays, not once for each small parameter.

The parameters of a group that have a gradient are put into *segments*. Small ones of the same dtype and step count
share one: their values and gradients are gathered into flat arrays, the formula changes these in place, and the values
are scattered back into each parameter's own memory. A large parameter is a segment of its own and is changed where it
lies, slice by slice, so that what the formula writes on its way stays in the processor's cache. So is every parameter
on a GPU, where the formula is one kernel, and copying costs three.

The arrays of the state (`exp_avg` and the like) are flat too: the tensors in `optimizer.state` are views of these. With
`capturable` the numbers of the state (`step`) are on the GPU as well, so that a CUDA graph can count its replays.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from operator import attrgetter, is_
from typing import Any

import numpy as np

from minitorch import blocks, dtypes, recording
from minitorch.autograd.inplace import bump
from minitorch.autograd.mode import enable_grad
from minitorch.autograd.tape import wrap
from minitorch.device import Array, cuda_device_count, extent, xp
from minitorch.fusion import in_one_kernel
from minitorch.optim.optimizer import Group, Optimizer
from minitorch.tensor import Tensor

# How many elements one call of a formula sees. On the CPU its arrays (seven or so) then stay in the
# second-level cache; on a GPU few long calls are best.
CPU_SLICE = 1 << 17
GPU_SLICE = 1 << 24
JOINED = 1 << 13  # elements of a parameter: of more the copies take longer than the calls that they save
_array = attrgetter("_data")
SPARES = 3  # arrays for the formula to write to


class FlatOptimizer(Optimizer):
    """An optimizer given by a formula on flat arrays.

    A subclass has `_formula(param, grad, *spares, **buffers, **options)`, which changes `param` and the
    buffers in place and must not write to `grad`; `_buffers`, the names of its arrays of state; and
    `_options`, the numbers that the formula needs, computed once per step.
    """

    _formula: Callable[..., None]
    _plans: dict[int, tuple[Any, list[Any], list[Any], list[Segment]]]  # per group: what segments were made from
    _warned = False  # that capturable is of no use
    _exposed: bool  # whether anyone else holds the state, and may replace its parts at any time

    @property
    def state(self) -> Any:
        """{parameter: its dict of state}."""
        self._exposed = True
        return self.__dict__["state"]

    @state.setter
    def state(self, value: Any) -> None:
        self._exposed = True
        self.__dict__["state"] = value

    def _buffers(self, group: Group) -> tuple[str, ...]:
        """Names of the arrays of state that `group` needs."""
        raise NotImplementedError

    def _options(self, group: Group, segment: Segment) -> dict[str, Any]:
        """The other arguments of the formula, from the group and the numbers of the segment."""
        raise NotImplementedError

    def _initial(self, group: Group) -> dict[str, Any]:
        """What the state of a parameter starts from, where that is not zero."""
        return {}

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change every parameter that has a gradient; returns what `closure` did, which computes the loss."""
        if recording.here.recording is not None or self.param_groups[0].get("capturable"):
            self._check_capture()
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        for index, group in enumerate(self.param_groups):
            params = [p for p in group["params"] if p._grad is not None]
            for segment in self._segments(index, group, params):
                if recording.here.recording is not None:
                    recording.here.recording.kept.append(segment)  # whose arrays each replay works on
                options = self._options(group, segment)
                segment.gather()
                segment.update(self._formula, options)
                segment.scatter()
        return loss

    def add_param_group(self, param_group: Group) -> None:
        if isinstance(param_group, dict):
            self._refuse(self.defaults | param_group)
        super().add_param_group(param_group)

    def __setstate__(self, state: dict[str, Any]) -> None:
        for group in state.get("param_groups", []):
            self._refuse(group)
        super().__setstate__(state)
        self._plans = {}
        self._exposed = "state" in state

    def _refuse(self, group: Group) -> None:
        if group.get("differentiable"):
            raise NotImplementedError(f"{type(self).__name__}: differentiable=True is not offered, leave it False")

    def _check_capture(self) -> None:
        """What PyTorch says where `capturable` and a capture do not come together."""
        flags = [group["capturable"] for group in self.param_groups if "capturable" in group]
        if recording.here.recording is not None and not all(flags):
            raise RuntimeError(
                f"Attempting CUDA graph capture of step() for an instance of {type(self).__name__} but param_groups' "
                "capturable is False."
            )
        if recording.here.recording is None and all(flags) and not self._warned and cuda_device_count():
            self._warned = True
            warnings.warn(
                "This instance was constructed with capturable=True or some of all the param_groups came with "
                "capturable=True, but step() is running without CUDA graph capture. If you never intend to graph-capture "
                "this instance, capturable=True can impair performance, and you should set capturable=False.",
                stacklevel=4,  # the caller of step(), which has its hooks around it
            )

    # --- segments: those of the step before, unless something they were made from has changed

    def _segments(self, index: int, group: Group, params: list[Tensor]) -> list[Segment]:
        names = self._buffers(group)
        kind = names, group.get("capturable")
        known, of_params, of_state, segments = self._plans.get(index, (None, [], [], []))
        if (
            known != kind
            or not _same(of_params, _of_params(params))
            or (
                self._exposed
                and not (_same(of_state, self._of_state(params, names)) and all(s.in_step() for s in segments))
            )
        ):
            segments = self._make_segments(group, params, names)
            self._plans[index] = kind, _of_params(params), self._of_state(params, names), segments
        return segments

    def _of_state(self, params: list[Tensor], names: tuple[str, ...]) -> list[Any]:
        """The arrays of the state of these parameters, as far as there are any."""
        states = [self.__dict__["state"].get(p, {}) for p in params]
        return [getattr(state.get(key), "_data", None) for key in (*names, *self._numbers) for state in states]

    def _make_segments(self, group: Group, params: list[Tensor], names: tuple[str, ...]) -> list[Segment]:
        """Sort the parameters into segments, and move their state there."""
        overlapping = _overlapping(params)
        sets: list[tuple[list[Tensor], bool]] = []
        joinable: dict[Any, tuple[list[Tensor], int]] = {}
        new: dict[int, bool] = {}
        for p in params:
            if id(p) not in new:  # one listed twice is new both times
                new[id(p)] = self._make_state(p, group, names)
        for p in params:
            size, first = p._data.size, new[id(p)]
            if size > JOINED or id(p) in overlapping or not isinstance(p._data, np.ndarray):
                sets.append(([p], first))  # large, or it must see what the ones before it changed, or on a GPU
                continue
            numbers = [self.__dict__["state"][p][key]._data for key in self._numbers]
            kind = (p._data.dtype, first, *[(n.dtype, n.item()) for n in numbers])
            members, used = joinable.get(kind, ([], 0))
            if not members or used + size > CPU_SLICE:
                members, used = [], 0
                sets.append((members, first))
            members.append(p)
            joinable[kind] = members, used + size
        states = {id(p): self.__dict__["state"][p] if names else {} for p in params}
        spares: dict[Any, list[Array]] = {}
        return [
            Segment(members, [states[id(p)] for p in members], names, self._numbers, first, spares)
            for members, first in sets
        ]

    def _counts_on_gpu(self, p: Tensor, group: Group) -> bool:
        """Whether the numbers of the state of `p` are on the GPU."""
        if not group.get("capturable"):
            return False
        if not (p.is_cuda or group.get("fused")):
            raise AssertionError(
                f"If capturable=True, params and state_steps must be on supported devices: ['cuda']. "
                f"{type(self).__name__} has a parameter on {p.device}."
            )
        return p.is_cuda

    def _make_state(self, p: Tensor, group: Group, names: tuple[str, ...]) -> bool:
        """Make the arrays and numbers of state of `p`, if it has no arrays yet; whether it had none."""
        if not names:
            return False
        state, initial = self.__dict__["state"][p], self._initial(group)
        missing = all(state.get(name) is None for name in names)
        on_gpu = self._counts_on_gpu(p, group)
        known = [state.get(name) for name in (*names, *(self._numbers if on_gpu else ()))]
        if recording.here.recording is not None and not all(
            isinstance(t, Tensor) and t.is_cuda and t.is_contiguous() for t in known
        ):
            recording.refuse(
                f"{type(self).__name__}'s state, made anew by every replay,", "Take a step before the capture."
            )
        for name in self._numbers:
            if missing:
                state.setdefault(name, initial.get(name, 0.0))
            if not isinstance(state[name], Tensor):  # as in PyTorch's older files
                lib = xp(p._data) if on_gpu else np
                state[name] = wrap(lib.full((), state[name], number_dtype()))
            elif on_gpu != state[name].is_cuda:
                state[name] = self._number_beside(state[name], p, group)
        if missing:
            for name in names:
                state[name] = wrap(xp(p._data).zeros(p._data.shape, p._data.dtype))
                if name in initial:
                    state[name]._data[...] = initial[name]
        return missing


class Segment:
    """Parameters that take their step together, and the flat arrays it works on.

    `states`, `names`, `numbers`: the parameters' dicts of state, and the keys of the arrays and of the 0-d
    numbers in them. A number becomes an array with one element per parameter, all equal. `first`: this is
    their first step. `spares`: what formulas may write to on their way, for all segments of a group.
    """

    def __init__(
        self,
        params: list[Tensor],
        states: list[dict[str, Any]],
        names: tuple[str, ...],
        numbers: tuple[str, ...],
        first: bool,
        spares: dict[Any, list[Array]],
    ) -> None:
        self.params, self.first = params, first
        arrays = [p._data for p in params]
        like, size = arrays[0], sum(a.size for a in arrays)
        self.in_place = len(params) == 1 and like.flags.c_contiguous
        self.slots: list[tuple[Tensor, Array, Array]] = []  # (parameter, its part of `param`, its part of `grad`)
        if self.in_place:
            self.param = like.reshape(-1)
        else:
            self.param, param_slots = flat_like(arrays)
            self.grad, grad_slots = flat_like(arrays)
            self.slots = list(zip(params, param_slots, grad_slots, strict=True))
        self.buffers = {name: self._joined([state[name] for state in states], name) for name in names}
        self.numbers = {name: _joined_numbers([state[name] for state in states]) for name in numbers}
        self.width = min(size, slice_size(like))
        self.fused = not isinstance(like, np.ndarray) and like.dtype.char in "fd"
        self.spares, self.place = spares, params[0].device

    def _joined(self, tensors: list[Tensor], name: str) -> Array:
        """One flat array of the values of these tensors of state, which become views of it."""
        for t, p in zip(tensors, self.params, strict=True):
            if t.shape != p.shape or t.dtype != p.dtype or t.device != p.device:
                raise RuntimeError(
                    f"optimizer.state: {name} has shape {list(t.shape)} and is {t.dtype} on {t.device}, "
                    f"but its parameter has shape {list(p.shape)} and is {p.dtype} on {p.device}. Convert "
                    "the state with the parameter, or make the optimizer after converting."
                )
        arrays = [t._data for t in tensors]
        if len(arrays) == 1 and arrays[0].flags.c_contiguous:
            return arrays[0].reshape(-1)
        flat, slots = flat_like(arrays)
        for t, slot in zip(tensors, slots, strict=True):
            slot[...] = t._data
            t._data = slot
        return flat

    def gather(self) -> None:
        """Copy the values and the gradients of the parameters into the flat arrays."""
        for p, param_slot, grad_slot in self.slots:
            param_slot[...] = p._data
            grad_slot[...] = p._grad._data  # type: ignore[union-attr]

    def update(self, formula: Callable[..., None], options: dict[str, Any]) -> None:
        """Apply the formula: slice by slice, by several threads where there are many; on a GPU in one kernel."""
        param, grad, buffers, size = self.param, self._gradient(), self.buffers, self.param.size
        if self.fused:
            in_one_kernel(formula, (param, grad), buffers | options, SPARES, changing=True)
            return
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

    def scatter(self) -> None:
        """Copy the new values into the memory of the parameters, and count the change."""
        self.first = False
        for p, param_slot, _ in self.slots:
            p._data[...] = param_slot
        for p in self.params:
            bump(p)

    def count_step(self) -> Any:
        """Add one to the step counts; the new count."""
        steps = self.numbers["step"]
        steps += 1
        return self.number("step")

    def number(self, name: str) -> Any:
        """A number of the state: a float, or on the GPU a 0-d array, which changes with it."""
        array = self.numbers[name]
        return array.item(0) if isinstance(array, np.ndarray) else array[0]

    def hyperparameter(self, value: Any) -> Any:
        """A float; of a tensor on the GPU its 0-d array, for a parameter that is there too."""
        if isinstance(value, Tensor) and value.is_cuda and not isinstance(self.param, np.ndarray):
            return value._data.reshape(())
        return float(value)

    def in_step(self) -> bool:
        """Whether the numbers of all parameters are still equal: they are exposed, so anyone may set one."""
        if len(self.params) == 1:
            return True
        rows = [array.tolist() for array in self.numbers.values()]
        return all(row.count(row[0]) == len(row) for row in rows)


def _of_params(params: list[Tensor]) -> list[Any]:
    return [*params, *map(_array, params)]


def _same(memory: list[Any], now: list[Any]) -> bool:
    """Whether these are the very same objects."""
    return len(memory) == len(now) and all(map(is_, memory, now))


def slice_size(array: Array) -> int:
    """The most elements of `array`'s kind that one call of a formula should see."""
    return CPU_SLICE if isinstance(array, np.ndarray) else GPU_SLICE


def flat_like(arrays: list[Array]) -> tuple[Array, list[Array]]:
    """A flat array with room for all of `arrays`, and its parts in their shapes (views)."""
    flat = xp(arrays[0]).empty(sum(a.size for a in arrays), arrays[0].dtype)
    ends = np.cumsum([a.size for a in arrays]).tolist()
    return flat, [flat[end - a.size : end].reshape(a.shape) for a, end in zip(arrays, ends, strict=True)]


def _joined_numbers(tensors: list[Tensor]) -> Array:
    """One array of these 0-d numbers of state, which become views of it."""
    arrays = [t._data for t in tensors]
    joined = arrays[0].reshape(1) if len(arrays) == 1 else np.array(arrays)
    for i, t in enumerate(tensors):
        t._data = joined[i : i + 1].reshape(())
    return joined


def _overlapping(params: list[Tensor]) -> set[int]:
    """The ids of parameters that are listed twice or share memory: they must step one after the other."""
    extents = sorted((*extent(p._data), id(p)) for p in params if p._data.size)
    found: set[int] = set()
    end, owner = 0, 0
    for low, high, key in extents:
        if low < end:
            found |= {owner, key}
        if high > end:
            end, owner = high, key
    return found


def number_dtype() -> Any:
    """The dtype of the 0-d numbers of state: float32, or float64 if that is the default dtype."""
    return np.float64 if dtypes.get_default_dtype() is dtypes.float64 else np.float32
