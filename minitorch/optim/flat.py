"""Flat updates: the formula of an optimizer runs on a few long arrays, not once for each small parameter.

The parameters of a group that have a gradient are put into *segments*. Small ones of the same dtype and step count
share one: their values and gradients are gathered into flat arrays, the formula changes these in place, and the values
are scattered back into each parameter's own memory. A large parameter is a segment of its own and is changed where it
lies, slice by slice, so that what the formula writes on its way stays in the processor's cache. On a GPU the formula is
one kernel for all parameters of a segment, small or large, where they lie (fused.py).

The arrays of the state (`exp_avg` and the like) are flat too: the tensors in `optimizer.state` are views of these. With
`capturable` the numbers of the state (`step`) are on the GPU as well, so that a CUDA graph can count its replays.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable
from functools import partial
from operator import attrgetter, is_
from typing import Any

import numpy as np

from minitorch import recording
from minitorch.autograd.mode import enable_grad
from minitorch.autograd.tape import wrap
from minitorch.device import Array, cuda_device_count, extent, is_on_gpu, xp
from minitorch.optim.fused import Fused, may_be_fused
from minitorch.optim.optimizer import Group, Optimizer
from minitorch.optim.segment import CPU_SLICE, Flat, Segment, number_dtype
from minitorch.tensor import Tensor

JOINED = 1 << 13  # elements of a parameter: of more the copies take longer than the calls that they save
_array = attrgetter("_data")


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
                segment.step(self._formula, partial(self._options, group))
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
        for p in params:
            if p._grad._data.shape != p._data.shape:  # type: ignore[union-attr]  # it was set before the data
                raise RuntimeError(
                    f"{type(self).__name__}.step(): a parameter of shape {list(p.shape)} has a gradient of shape "
                    f"{list(p._grad.shape)}: set its grad to None when you change its data"  # type: ignore[union-attr]
                )
        overlapping = _overlapping(params)
        sets: list[tuple[list[Tensor], bool]] = []
        joinable: dict[Any, tuple[list[Tensor], int]] = {}
        new: dict[int, bool] = {}
        for p in params:
            if id(p) not in new:  # one listed twice is new both times
                new[id(p)] = self._make_state(p, group, names)
        for p in params:
            array, first = p._data, new[id(p)]
            on_cpu = isinstance(array, np.ndarray)
            numbers = [self.__dict__["state"][p][key]._data for key in self._numbers]
            may_join = array.size <= JOINED if on_cpu else may_be_fused(array, *[n for n in numbers if is_on_gpu(n)])
            if id(p) in overlapping or not may_join:
                sets.append(([p], first))  # large, or it must see what the ones before it changed
                continue
            equal = [(n.dtype, n.item() if isinstance(n, np.ndarray) else None) for n in numbers]
            kind = (p.device, array.dtype, first, *equal)
            members, used = joinable.get(kind, ([], 0))
            if not members or (on_cpu and used + array.size > CPU_SLICE):
                members, used = [], 0
                sets.append((members, first))
            members.append(p)
            joinable[kind] = members, used + array.size
        spares: dict[Any, list[Array]] = {}
        return [self._make_segment(members, names, first, spares) for members, first in sets]

    def _make_segment(
        self, params: list[Tensor], names: tuple[str, ...], first: bool, spares: dict[Any, list[Array]]
    ) -> Segment:
        states = [self.__dict__["state"][p] if names else {} for p in params]
        if may_be_fused(params[0]._data):
            return Fused(params, states, names, self._numbers, first)
        return Flat(params, states, names, self._numbers, first, spares)

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


def _of_params(params: list[Tensor]) -> list[Any]:
    return [*params, *map(_array, params)]


def _same(memory: list[Any], now: list[Any]) -> bool:
    """Whether these are the very same objects."""
    return len(memory) == len(now) and all(map(is_, memory, now))


def _overlapping(params: list[Tensor]) -> set[int]:
    """The ids of parameters that are listed twice or share memory: they must step one after the other."""
    extents = sorted((*extent(p._data), id(p)) for p in params if p._data.size)
    found = {key for key, times in Counter(map(id, params)).items() if times > 1}
    end, owner = 0, 0
    for low, high, key in extents:
        if low < end:
            found |= {owner, key}
        if high > end:
            end, owner = high, key
    return found
