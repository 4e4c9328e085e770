"""Averaged stochastic gradient descent."""

from __future__ import annotations

from numbers import Real
from typing import Any

from minitorch.autograd.tape import wrap
from minitorch.device import Array, xp
from minitorch.optim.arithmetic import add_, at_least, descent_direction
from minitorch.optim.flat import FlatOptimizer
from minitorch.optim.optimizer import Group, Params, check_lr, check_not_negative
from minitorch.optim.segment import Segment, number_dtype
from minitorch.tensor import Tensor


def asgd(
    param: Array,
    grad: Array,
    a: Array,
    b: Array,
    _: Array,
    *,
    ax: Array,
    eta: Any,
    mu: Any,
    lambd: float,
    weight_decay: float,
    maximize: bool,
) -> None:
    """One step on flat arrays; `a` and `b` are written to on the way."""
    grad = descent_direction(grad, param, weight_decay, maximize, a, b)
    param *= 1 - lambd * eta
    add_(param, grad, -eta, b)
    if isinstance(mu, Real) and mu == 1:
        ax[...] = param
    else:
        change = xp(param).subtract(param, ax, out=b)
        change *= mu
        ax += change


class ASGD(FlatOptimizer):
    """Polyak and Juditsky, "Acceleration of stochastic approximation by averaging" (1992).

    With g the gradient plus weight_decay * param (the gradient's opposite if `maximize`), at step t:

        param <- (1 - lambd * eta) * param - eta * g
        ax <- ax + mu * (param - ax)                      the average
        eta <- lr / (1 + lambd * lr * t)^alpha            for the next step; at first lr
        mu <- 1 / max(1, t - t0)                          for the next step; at first 1

    `lr` may be a tensor of one element. `foreach` is a hint about speed: every value gives the same
    numbers. `differentiable=True` raises NotImplementedError.
    """

    _formula = staticmethod(asgd)
    _numbers = ("step", "eta", "mu")

    def __init__(
        self,
        params: Params,
        lr: Any = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        check_lr(lr)
        check_not_negative(weight_decay=weight_decay)
        defaults = {
            "lr": lr,
            "lambd": lambd,
            "alpha": alpha,
            "t0": t0,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _buffers(self, group: Group) -> tuple[str, ...]:
        return ("ax",)

    def _initial(self, group: Group) -> dict[str, Any]:
        lr = group["lr"]
        return {"eta": wrap(lr._data.reshape(()).astype(number_dtype())) if isinstance(lr, Tensor) else lr, "mu": 1.0}

    def _options(self, group: Group, segment: Segment) -> dict[str, Any]:
        step, numbers = segment.count_step(), segment.numbers
        eta, mu = (x if isinstance(x, float) else x.copy() for x in map(segment.number, ("eta", "mu")))
        lr, lambd = group["lr"], float(group["lambd"])
        on_host = isinstance(eta, float)
        lr = float(lr) if on_host else segment.hyperparameter(lr)
        # For the next step. PyTorch rounds them to the default dtype, whatever they are kept in.
        rounded = number_dtype() if on_host else lambda x: x
        numbers["eta"][...] = rounded(lr / (1 + lambd * lr * step) ** float(group["alpha"]))
        numbers["mu"][...] = rounded(1 / at_least(step - float(group["t0"]), 1.0))
        return {
            "eta": eta,
            "mu": mu,
            "lambd": lambd,
            "weight_decay": float(group["weight_decay"]),
            "maximize": group["maximize"],
        }
