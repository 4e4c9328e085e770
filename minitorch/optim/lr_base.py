"""`LRScheduler`, the base of all that change learning rates, and what they share."""

from __future__ import annotations

import functools
import warnings
import weakref
from collections.abc import Callable
from types import FunctionType
from typing import Any

from minitorch.optim.optimizer import Group, Optimizer
from minitorch.tensor import Tensor

# A learning rate: a number, or a tensor of one element, which is then changed in place.
Rate = Any


class LRScheduler:
    """What all schedulers share: they change `lr` in the groups of `optimizer`, once at every `step()`.

    A subclass gives `get_lr()`, the new rates, one for each group. The rates that the first scheduler found
    are kept in the groups as `initial_lr`. `last_epoch`: -1 to start, or the epoch to go on from, which
    needs `initial_lr` in every group (KeyError otherwise).
    """

    _get_lr_called_within_step = False
    _is_initial = False

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self.optimizer = checked_optimizer(optimizer)
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", copied(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{i}] when resuming scheduler with "
                    f"last_epoch >= 0, here {last_epoch}. Load the optimizer's state first, or leave last_epoch at -1 "
                    "to start afresh."
                )
        self.base_lrs: list[Rate] = [copied(group["initial_lr"]) for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        _note_steps(optimizer)
        self._initial_step()

    def _initial_step(self) -> None:
        """Set the rates of the first epoch."""
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def state_dict(self) -> dict[str, Any]:
        """All that the scheduler keeps, except the optimizer; not copied."""
        return {key: value for key, value in self.__dict__.items() if key != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` gave; load the optimizer's state as well, the rates are there."""
        self.__dict__.update(state_dict)

    def get_last_lr(self) -> list[Rate]:
        """The rates that the last step set, one for each group."""
        return self._last_lr

    def get_lr(self) -> list[Rate]:
        """The rates for `last_epoch`, from those in the groups; meant to be called by `step`."""
        raise NotImplementedError(
            f"{type(self).__name__}.get_lr: this scheduler has none. A scheduler of your own must define it; "
            "SequentialLR takes a ChainedScheduler or a SequentialLR as its first scheduler only."
        )

    def step(self, epoch: int | None = None) -> None:
        """Go to the next epoch, or to `epoch` (deprecated: it warns), and set its rates."""
        if self._step_count == 1:
            self._warn_of_order()
        self._step_count += 1
        if epoch is not None:
            warn_of_epoch()
        self._update_lr(epoch)

    def _update_lr(self, epoch: int | None = None) -> None:
        if epoch is None:
            self.last_epoch += 1
            self._set_rates(self.get_lr)
        else:
            self.last_epoch = epoch
            self._set_rates(getattr(self, "_get_closed_form_lr", self.get_lr))

    def _set_rates(self, compute: Callable[[], list[Rate]]) -> None:
        """Write what `compute` gives to the groups; ValueError if their number has changed meanwhile."""
        self._get_lr_called_within_step = True
        try:
            values = compute()
        finally:
            self._get_lr_called_within_step = False
        for group, value in zip(self.optimizer.param_groups, values, strict=True):
            set_lr(group, value)
        self._last_lr = rates(self.optimizer)

    def _warn_of_order(self) -> None:
        if not hasattr(self.optimizer.step, "_wrapped_by_lr_sched"):
            warnings.warn(
                "Seems like `optimizer.step()` has been overridden after learning rate scheduler initialization, so its "
                "calls are not seen. Be sure to call `optimizer.step()` before `lr_scheduler.step()`.",
                stacklevel=3,
            )
        elif not getattr(self.optimizer, "_opt_called", False):
            warnings.warn(
                "Detected call of `lr_scheduler.step()` before `optimizer.step()`. Call them in the opposite order: "
                "otherwise the first value of the learning rate schedule is skipped.",
                stacklevel=3,
            )

    def _warn_if_not_stepping(self) -> None:
        if not self._get_lr_called_within_step:
            warnings.warn(
                "To get the last learning rate computed by the scheduler, please use `get_last_lr()`.", stacklevel=3
            )

    def _current(self) -> list[Rate]:
        """The rates as they are: what `get_lr` gives for an epoch without a change."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def _times(self, factor: float) -> list[Rate]:
        return [group["lr"] * factor for group in self.optimizer.param_groups]


class _LRScheduler(LRScheduler):
    """The former name of LRScheduler."""


# --- what schedulers need


def checked_optimizer(optimizer: Any) -> Optimizer:
    """TypeError unless it is an Optimizer."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")
    return optimizer


def per_group(value: Any, optimizer: Optimizer, name: str, wrong: str) -> list[Any]:
    """`value` for every group, or the values of a list or tuple, of which there must be one for each."""
    groups = len(optimizer.param_groups)
    if not isinstance(value, list | tuple):
        return [value] * groups
    if len(value) != groups:
        raise ValueError(wrong.format(name=name, groups=groups, given=len(value)))
    return list(value)


def saved_callable(f: Any) -> dict[str, Any] | None:
    """What to save of a callable: the attributes of an object, nothing of a function."""
    return None if isinstance(f, FunctionType) else f.__dict__.copy()


def copied(rate: Rate) -> Rate:
    """`rate`, a tensor copied: those in the groups are changed in place."""
    return rate.clone() if isinstance(rate, Tensor) else rate


def rates(optimizer: Optimizer) -> list[Rate]:
    """The learning rates of the groups."""
    return [copied(group["lr"]) for group in optimizer.param_groups]


def set_lr(group: Group, value: Rate) -> None:
    """Set the group's rate; a tensor stays the same object."""
    if isinstance(group["lr"], Tensor):
        group["lr"].fill_(float(value))
    else:
        group["lr"] = value


def warn_of_epoch() -> None:
    warnings.warn(
        "The epoch parameter in `scheduler.step()` was not necessary and is being deprecated where possible. Please "
        "use `scheduler.step()` to step the scheduler. Where there is a closed form of the schedule, it is used now "
        "instead of the chainable form.",
        stacklevel=3,
    )


def _note_steps(optimizer: Optimizer) -> None:
    """From now on `optimizer` remembers that its `step` was called."""
    if hasattr(optimizer.step, "_wrapped_by_lr_sched"):
        return
    step = optimizer.step.__func__  # type: ignore[attr-defined]  # it is a bound method
    reference = weakref.ref(optimizer)  # the optimizer holds `noted`, which must not hold it in turn

    @functools.wraps(step)
    def noted(*args: Any, **kwargs: Any) -> Any:
        self: Any = reference()
        self._opt_called = True
        return step(self, *args, **kwargs)

    noted._wrapped_by_lr_sched = True  # type: ignore[attr-defined]
    optimizer.step = noted  # type: ignore[method-assign]
