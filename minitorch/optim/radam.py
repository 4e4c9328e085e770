"""RAdam: Adam that waits until the variance of its second average is bounded."""

from __future__ import annotations

from typing import Any

from minitorch.device import Array, xp
from minitorch.optim.arithmetic import addcmul_, descent_direction, lerp_
from minitorch.optim.flat import FlatOptimizer
from minitorch.optim.optimizer import Group, Params, check_betas, check_lr, check_not_negative
from minitorch.optim.segment import Segment


def radam(
    param: Array,
    grad: Array,
    a: Array,
    b: Array,
    c: Array,
    *,
    exp_avg: Array,
    exp_avg_sq: Array,
    step: Any,
    lr: Any,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    decoupled: bool,
    maximize: bool,
) -> None:
    """One step on flat arrays; `a`, `b` and `c` are written to on the way."""
    lib = xp(param)
    if decoupled and weight_decay:
        param *= 1 - lr * weight_decay
    grad = descent_direction(grad, param, 0.0 if decoupled else weight_decay, maximize, a, b)
    lerp_(exp_avg, grad, 1 - beta1, b)
    exp_avg_sq *= beta2
    addcmul_(exp_avg_sq, grad, grad, 1 - beta2, b)
    move = lib.divide(exp_avg, 1 - beta1**step, out=b)
    move *= lr
    rho_inf = 2 / (1 - beta2) - 1
    rho = rho_inf - 2 * step * beta2**step / (1 - beta2**step)
    rectify = rho > 5.0
    if rectify is not False:  # on the GPU it is known only there
        rectified = ((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho)) ** 0.5
        denom = lib.sqrt(exp_avg_sq, out=c)
        denom += eps
        rate = lib.reciprocal(denom, out=c)
        rate *= (1 - beta2**step) ** 0.5
        if rectify is True:
            move *= rate
            move *= rectified
        else:
            rate *= rectified
            move *= xp(rectify).where(rectify, rate, 1.0)
    param -= move


class RAdam(FlatOptimizer):
    """Liu et al., "On the Variance of the Adaptive Learning Rate and Beyond" (2019).

    With g the gradient plus weight_decay * param (the gradient's opposite if `maximize`), at step t:

        m <- beta1 * m + (1 - beta1) * g                  exp_avg
        v <- beta2 * v + (1 - beta2) * g^2                exp_avg_sq
        rho_inf = 2 / (1 - beta2) - 1
        rho = rho_inf - 2 * t * beta2^t / (1 - beta2^t)
        r = sqrt((rho - 4) (rho - 2) rho_inf / ((rho_inf - 4) (rho_inf - 2) rho))
        d = lr * m / (1 - beta1^t)
        param <- param - d * r * sqrt(1 - beta2^t) / (sqrt(v) + eps)      if rho > 5
        param <- param - d                                                else

    `decoupled_weight_decay` multiplies param by 1 - lr * weight_decay instead of adding to g. `lr` may be a
    tensor of one element. `foreach` is a hint about speed: every value gives the same numbers.
    `differentiable=True` raises NotImplementedError.
    """

    _formula = staticmethod(radam)

    def __init__(
        self,
        params: Params,
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
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
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "decoupled_weight_decay": decoupled_weight_decay,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _buffers(self, group: Group) -> tuple[str, ...]:
        return ("exp_avg", "exp_avg_sq")

    def _options(self, group: Group, segment: Segment) -> dict[str, Any]:
        beta1, beta2 = group["betas"]
        return {
            "step": segment.count_step(),
            "lr": segment.hyperparameter(group["lr"]),
            "beta1": float(beta1),
            "beta2": float(beta2),
            "eps": float(group["eps"]),
            "weight_decay": float(group["weight_decay"]),
            "decoupled": group["decoupled_weight_decay"],
            "maximize": group["maximize"],
        }
