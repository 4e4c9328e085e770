"""Learning rates as functions of the epoch.

Most schedules stand here in two forms. `get_lr` goes from one epoch to the next: it starts from the learning
rate that is there, so that several schedulers may work on one optimizer. `_get_closed_form_lr` computes the
rate of any epoch from the initial one; `step(epoch)` uses it. The two differ in rounding.

In the formulas t is the epoch (`last_epoch`), lr(t) the rate at t and lr0 the initial rate.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from math import cos, floor, log, pi
from typing import Any

from minitorch.optim.lr_base import LRScheduler, Rate, per_group, saved_callable
from minitorch.optim.optimizer import Optimizer

Lambda = Callable[[int], float]


class _WithLambdas(LRScheduler):
    """A scheduler given by one function for all groups, or by a list of one for each."""

    def __init__(self, optimizer: Optimizer, lr_lambda: Lambda | Sequence[Lambda], last_epoch: int = -1) -> None:
        self.lr_lambdas: list[Lambda] = per_group(
            lr_lambda, optimizer, "lr_lambda", "Expected {groups} lr_lambdas, but got {given}"
        )
        for f in self.lr_lambdas:
            if not callable(f):
                raise TypeError(f"lr_lambda should be a function, but got {type(f).__name__}")
        super().__init__(optimizer, last_epoch)

    def state_dict(self) -> dict[str, Any]:
        """As LRScheduler's. Of callable objects their attributes are saved, of functions nothing."""
        state = {key: value for key, value in self.__dict__.items() if key not in ("optimizer", "lr_lambdas")}
        state["lr_lambdas"] = [saved_callable(f) for f in self.lr_lambdas]
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` gave; functions stay, callable objects take the saved attributes."""
        saved = state_dict["lr_lambdas"]
        self.__dict__.update({key: value for key, value in state_dict.items() if key != "lr_lambdas"})
        for i, attributes in enumerate(saved):
            if attributes is not None:
                self.lr_lambdas[i].__dict__.update(attributes)


class LambdaLR(_WithLambdas):
    """lr(t) = lr0 * lr_lambda(t). `lr_lambda`: a function, or a list of one for each group."""

    def get_lr(self) -> list[Rate]:
        self._warn_if_not_stepping()
        return [base * f(self.last_epoch) for f, base in zip(self.lr_lambdas, self.base_lrs, strict=True)]


class MultiplicativeLR(_WithLambdas):
    """lr(t) = lr(t-1) * lr_lambda(t). `lr_lambda`: a function, or a list of one for each group."""

    def get_lr(self) -> list[Rate]:
        self._warn_if_not_stepping()
        if self._is_initial:
            return self._current()
        groups = self.optimizer.param_groups
        return [group["lr"] * f(self.last_epoch) for f, group in zip(self.lr_lambdas, groups, strict=True)]


class StepLR(LRScheduler):
    """lr(t) = gamma * lr(t-1) at every multiple of `step_size`: lr0 * gamma^floor(t / step_size)."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Rate]:
        self._warn_if_not_stepping()
        if self.last_epoch == 0 or self.last_epoch % self.step_size != 0:
            return self._current()
        return self._times(self.gamma)

    def _get_closed_form_lr(self) -> list[Rate]:
        return [base * self.gamma ** (self.last_epoch // self.step_size) for base in self.base_lrs]


class MultiStepLR(LRScheduler):
    """lr(t) = gamma * lr(t-1) at every milestone; at one that is listed n times gamma^n * lr(t-1)."""

    def __init__(
        self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.milestones = Counter(milestones)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Rate]:
        self._warn_if_not_stepping()
        if self.last_epoch not in self.milestones:
            return self._current()
        return self._times(self.gamma ** self.milestones[self.last_epoch])

    def _get_closed_form_lr(self) -> list[Rate]:
        passed = bisect_right(sorted(self.milestones.elements()), self.last_epoch)
        return [base * self.gamma**passed for base in self.base_lrs]


class ConstantLR(LRScheduler):
    """lr(t) = lr0 * factor for t < total_iters, then lr0. ValueError unless 0 <= factor <= 1."""

    def __init__(
        self, optimizer: Optimizer, factor: float = 1.0 / 3, total_iters: int = 5, last_epoch: int = -1
    ) -> None:
        if factor > 1.0 or factor < 0:
            raise ValueError(f"Constant multiplicative factor expected to be between 0 and 1, but got {factor}.")
        self.factor = factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Rate]:
        self._warn_if_not_stepping()
        if self.last_epoch == 0:
            return self._times(self.factor)
        if self.last_epoch != self.total_iters:
            return self._current()
        return self._times(1.0 / self.factor)

    def _get_closed_form_lr(self) -> list[Rate]:
        factor = self.factor + (self.last_epoch >= self.total_iters) * (1 - self.factor)
        return [base * factor for base in self.base_lrs]


class LinearLR(LRScheduler):
    """lr(t) = lr0 * (start_factor + (end_factor - start_factor) * min(t, total_iters) / total_iters).

    ValueError unless 0 < start_factor <= 1 and 0 <= end_factor <= 1.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if start_factor > 1.0 or start_factor <= 0:
            raise ValueError(
                "Starting multiplicative factor expected to be greater than 0 and less or equal to 1, "
                f"but got {start_factor}."
            )
        if end_factor > 1.0 or end_factor < 0:
            raise ValueError(f"Ending multiplicative factor expected to be between 0 and 1, but got {end_factor}.")
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Rate]:
        self._warn_if_not_stepping()
        start, total, rise = self.start_factor, self.total_iters, self.end_factor - self.start_factor
        if self.last_epoch == 0:
            return self._times(start)
        if self._is_initial or self.last_epoch > total:
            return self._current()
        return self._times(1.0 + rise / (total * start + (self.last_epoch - 1) * rise))

    def _get_closed_form_lr(self) -> list[Rate]:
        rise = self.end_factor - self.start_factor
        factor = self.start_factor + rise * min(self.total_iters, self.last_epoch) / self.total_iters
        return [base * factor for base in self.base_lrs]


class ExponentialLR(LRScheduler):
    """lr(t) = gamma * lr(t-1), that is lr0 * gamma^t."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Rate]:
        self._warn_if_not_stepping()
        return self._current() if self._is_initial else self._times(self.gamma)

    def _get_closed_form_lr(self) -> list[Rate]:
        return [base * self.gamma**self.last_epoch for base in self.base_lrs]


class CosineAnnealingLR(LRScheduler):
    """lr(t) = eta_min + (lr0 - eta_min) * (1 + cos(pi t / T_max)) / 2, beyond T_max too.

    Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts" (2017), without restarts.
    Step by step it is (1 + cos(pi t / T_max)) / (1 + cos(pi (t-1) / T_max)) times the rate above eta_min.
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Rate]:
        self._warn_if_not_stepping()
        t, T_max, low = self.last_epoch, self.T_max, self.eta_min
        current = self._current()
        if self._is_initial:
            return current
        if self._step_count == 1 and t > 0:
            return self._get_closed_form_lr()
        if (t - 1 - T_max) % (2 * T_max) == 0:  # from eta_min no factor leads up again
            heights = [base - low for base in self.base_lrs]
            rise = 1 - cos(pi / T_max)
            return [lr + height * rise / 2 for lr, height in zip(current, heights, strict=True)]
        factor = (1 + cos(pi * t / T_max)) / (1 + cos(pi * (t - 1) / T_max))
        return [factor * (lr - low) + low for lr in current]

    def _get_closed_form_lr(self) -> list[Rate]:
        low, height = self.eta_min, 1 + cos(pi * self.last_epoch / self.T_max)
        return [low + (base - low) * height / 2 for base in self.base_lrs]


class CosineAnnealingWarmRestarts(LRScheduler):
    """lr(t) = eta_min + (lr0 - eta_min) * (1 + cos(pi T_cur / T_i)) / 2, T_cur epochs after the last restart.

    The first restart comes after T_i = T_0 epochs, each next one after T_mult times as many as the one before.
    Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts" (2017), equation 5.
    """

    def __init__(
        self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        if T_0 <= 0 or not isinstance(T_0, int):
            raise ValueError(f"Expected positive integer T_0, but got {T_0}")
        if T_mult < 1 or not isinstance(T_mult, int):
            raise ValueError(f"Expected integer T_mult >= 1, but got {T_mult}")
        if not isinstance(eta_min, float | int):
            raise ValueError(f"Expected float or int eta_min, but got {eta_min} of type {type(eta_min)}")
        self.T_0 = T_0
        self.T_i = T_0
        self.T_mult = T_mult
        self.eta_min = eta_min
        self.T_cur: float = last_epoch
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Rate]:
        self._warn_if_not_stepping()
        low, height = self.eta_min, 1 + cos(pi * self.T_cur / self.T_i)
        return [low + (base - low) * height / 2 for base in self.base_lrs]

    def step(self, epoch: float | None = None) -> None:
        """Go to the next epoch or to `epoch`, which may be a fraction: epoch + batch / batches."""
        if epoch is None and self.last_epoch < 0:
            epoch = 0
        if epoch is None:
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur %= self.T_i
                self.T_i *= self.T_mult
            self.last_epoch += 1
        else:
            self._go_to(epoch)
            self.last_epoch = floor(epoch)
        self._set_rates(self.get_lr)

    def _go_to(self, epoch: float) -> None:
        """Set T_cur and T_i for `epoch`."""
        if epoch < 0:
            raise ValueError(f"Expected non-negative epoch, but got {epoch}")
        if epoch < self.T_0:
            self.T_i, self.T_cur = self.T_0, epoch
        elif self.T_mult == 1:
            self.T_cur = epoch % self.T_0
        else:  # T_0 (1 + T_mult + ... + T_mult^(n-1)) epochs lie before the n-th restart
            n = int(log(epoch / self.T_0 * (self.T_mult - 1) + 1, self.T_mult))
            self.T_cur = epoch - self.T_0 * (self.T_mult**n - 1) / (self.T_mult - 1)
            self.T_i = self.T_0 * self.T_mult**n


class PolynomialLR(LRScheduler):
    """lr(t) = lr0 * (1 - min(t, total_iters) / total_iters)^power."""

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1) -> None:
        self.total_iters = total_iters
        self.power = power
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Rate]:
        self._warn_if_not_stepping()
        t, total = self.last_epoch, self.total_iters
        if self._is_initial or t > total:
            return self._current()
        return self._times(((1.0 - t / total) / (1.0 - (t - 1) / total)) ** self.power)

    def _get_closed_form_lr(self) -> list[Rate]:
        factor = (1.0 - min(self.total_iters, self.last_epoch) / self.total_iters) ** self.power
        return [base * factor for base in self.base_lrs]
