"""NAdam: Adam with Nesterov momentum."""

from __future__ import annotations

from typing import Any

from minitorch.device import Array, xp
from minitorch.optim.arithmetic import addcdiv_, addcmul_, descent_direction, lerp_
from minitorch.optim.flat import FlatOptimizer
from minitorch.optim.optimizer import Group, Params, check_betas, check_lr, check_not_negative
from minitorch.optim.segment import Segment


def nadam(
    param: Array,
    grad: Array,
    a: Array,
    b: Array,
    c: Array,
    *,
    exp_avg: Array,
    exp_avg_sq: Array,
    step: Any,
    mu: Any,
    mu_next: Any,
    mu_product: Any,
    lr: Any,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    decoupled: bool,
    maximize: bool,
) -> None:
    """One step on flat arrays; `a`, `b` and `c` are written to on the way."""
    if decoupled and weight_decay:
        param *= 1 - lr * weight_decay
    grad = descent_direction(grad, param, 0.0 if decoupled else weight_decay, maximize, a, b)
    lerp_(exp_avg, grad, 1 - beta1, b)
    exp_avg_sq *= beta2
    addcmul_(exp_avg_sq, grad, grad, 1 - beta2, b)
    denom = xp(param).divide(exp_avg_sq, 1 - beta2**step, out=b)
    xp(param).sqrt(denom, out=denom)
    denom += eps
    addcdiv_(param, grad, denom, -lr * (1 - mu) / (1 - mu_product), c)
    addcdiv_(param, exp_avg, denom, -lr * mu_next / (1 - mu_product * mu_next), c)


class NAdam(FlatOptimizer):
    """Dozat, "Incorporating Nesterov Momentum into Adam" (2016).

    With g the gradient plus weight_decay * param (the gradient's opposite if `maximize`), at step t:

        mu_t = beta1 * (1 - 0.96^(t * momentum_decay) / 2)
        P_t = mu_1 * ... * mu_t                           mu_product
        m <- beta1 * m + (1 - beta1) * g                  exp_avg
        v <- beta2 * v + (1 - beta2) * g^2                exp_avg_sq
        d = (1 - mu_t) / (1 - P_t) * g + mu_(t+1) / (1 - P_(t+1)) * m
        param <- param - lr * d / (sqrt(v / (1 - beta2^t)) + eps)

    `decoupled_weight_decay` multiplies param by 1 - lr * weight_decay instead of adding to g. `lr` may be a
    tensor of one element. `foreach` is a hint about speed: every value gives the same numbers.
    `differentiable=True` raises NotImplementedError.
    """

    _formula = staticmethod(nadam)
    _numbers = ("step", "mu_product")

    def __init__(
        self,
        params: Params,
        lr: Any = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
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
        check_not_negative(weight_decay=weight_decay, momentum_decay=momentum_decay)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _buffers(self, group: Group) -> tuple[str, ...]:
        return ("exp_avg", "exp_avg_sq")

    def _initial(self, group: Group) -> dict[str, Any]:
        return {"mu_product": 1.0}

    def _options(self, group: Group, segment: Segment) -> dict[str, Any]:
        step = segment.count_step()
        beta1, beta2 = map(float, group["betas"])
        decay = float(group["momentum_decay"])
        mu = beta1 * (1 - 0.5 * 0.96 ** (step * decay))
        product = segment.numbers["mu_product"]
        product *= mu
        return {
            "step": step,
            "mu": mu,
            "mu_next": beta1 * (1 - 0.5 * 0.96 ** ((step + 1) * decay)),
            "mu_product": segment.number("mu_product"),
            "lr": segment.hyperparameter(group["lr"]),
            "beta1": beta1,
            "beta2": beta2,
            "eps": float(group["eps"]),
            "weight_decay": float(group["weight_decay"]),
            "decoupled": group["decoupled_weight_decay"],
            "maximize": group["maximize"],
        }
