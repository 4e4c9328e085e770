"""Adadelta: steps in the unit of the parameter, without a learning rate to choose."""

from __future__ import annotations

from typing import Any

from minitorch.device import Array, xp
from minitorch.optim.arithmetic import add_, addcmul_, descent_direction
from minitorch.optim.flat import FlatOptimizer
from minitorch.optim.optimizer import Group, Params, check_lr, check_not_negative
from minitorch.optim.segment import Segment


def adadelta(
    param: Array,
    grad: Array,
    a: Array,
    b: Array,
    c: Array,
    *,
    square_avg: Array,
    acc_delta: Array,
    lr: Any,
    rho: float,
    eps: float,
    weight_decay: float,
    maximize: bool,
) -> None:
    """One step on flat arrays; `a`, `b` and `c` are written to on the way."""
    lib = xp(param)
    grad = descent_direction(grad, param, weight_decay, maximize, a, b)
    square_avg *= rho
    addcmul_(square_avg, grad, grad, 1 - rho, b)
    std = lib.sqrt(lib.add(square_avg, eps, out=b), out=b)
    delta = lib.sqrt(lib.add(acc_delta, eps, out=c), out=c)
    delta /= std
    delta *= grad
    acc_delta *= rho
    addcmul_(acc_delta, delta, delta, 1 - rho, b)
    add_(param, delta, -lr, b)


class Adadelta(FlatOptimizer):
    """Zeiler, "ADADELTA: An Adaptive Learning Rate Method" (2012).

    With g the gradient plus weight_decay * param (the gradient's opposite if `maximize`):

        v <- rho * v + (1 - rho) * g^2                    square_avg
        d <- sqrt(u + eps) / sqrt(v + eps) * g
        u <- rho * u + (1 - rho) * d^2                    acc_delta
        param <- param - lr * d

    `lr` may be a tensor of one element. `foreach` is a hint about speed: every value gives the same
    numbers. `differentiable=True` raises NotImplementedError.
    """

    _formula = staticmethod(adadelta)

    def __init__(
        self,
        params: Params,
        lr: Any = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_lr(lr)
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho}")
        check_not_negative(epsilon=eps, weight_decay=weight_decay)
        defaults = {
            "lr": lr,
            "rho": rho,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "capturable": capturable,
            "foreach": foreach,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _buffers(self, group: Group) -> tuple[str, ...]:
        return ("square_avg", "acc_delta")

    def _options(self, group: Group, segment: Segment) -> dict[str, Any]:
        segment.count_step()  # kept in the state, though the formula does not use it
        return {
            "lr": segment.hyperparameter(group["lr"]),
            "rho": float(group["rho"]),
            "eps": float(group["eps"]),
            "weight_decay": float(group["weight_decay"]),
            "maximize": group["maximize"],
        }
