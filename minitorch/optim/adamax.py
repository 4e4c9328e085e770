"""Adamax: Adam with the greatest gradient, in place of the root of the mean square."""

from __future__ import annotations

from typing import Any

from minitorch.device import Array, xp
from minitorch.optim.arithmetic import addcdiv_, descent_direction, lerp_
from minitorch.optim.flat import FlatOptimizer
from minitorch.optim.optimizer import Group, Params, check_betas, check_lr, check_not_negative
from minitorch.optim.segment import Segment


def adamax(
    param: Array,
    grad: Array,
    a: Array,
    b: Array,
    _: Array,
    *,
    exp_avg: Array,
    exp_inf: Array,
    step: Any,
    lr: Any,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    maximize: bool,
) -> None:
    """One step on flat arrays; `a` and `b` are written to on the way."""
    grad = descent_direction(grad, param, weight_decay, maximize, a, b)
    lerp_(exp_avg, grad, 1 - beta1, b)
    exp_inf *= beta2
    size = xp(param).absolute(grad, out=b)
    size += eps
    xp(param).maximum(exp_inf, size, out=exp_inf)
    addcdiv_(param, exp_avg, exp_inf, -lr / (1 - beta1**step), b)


class Adamax(FlatOptimizer):
    """Kingma and Ba, "Adam: A Method for Stochastic Optimization" (2014), section 7.1.

    With g the gradient plus weight_decay * param (the gradient's opposite if `maximize`), at step t:

        m <- beta1 * m + (1 - beta1) * g                  exp_avg
        u <- max(beta2 * u, |g| + eps)                    exp_inf
        param <- param - lr / (1 - beta1^t) * m / u

    `lr` may be a tensor of one element. `foreach` is a hint about speed: every value gives the same
    numbers. `differentiable=True` raises NotImplementedError.
    """

    _formula = staticmethod(adamax)

    def __init__(
        self,
        params: Params,
        lr: Any = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        check_lr(lr)
        check_not_negative(epsilon=eps)
        check_betas(betas)
        check_not_negative(weight_decay=weight_decay)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _buffers(self, group: Group) -> tuple[str, ...]:
        return ("exp_avg", "exp_inf")

    def _options(self, group: Group, segment: Segment) -> dict[str, Any]:
        beta1, beta2 = group["betas"]
        return {
            "step": segment.count_step(),
            "lr": segment.hyperparameter(group["lr"]),
            "beta1": float(beta1),
            "beta2": float(beta2),
            "eps": float(group["eps"]),
            "weight_decay": float(group["weight_decay"]),
            "maximize": group["maximize"],
        }
