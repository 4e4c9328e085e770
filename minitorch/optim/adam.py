"""Adam: steps scaled by running averages of the gradient and of its square."""

from __future__ import annotations

from typing import Any

from minitorch.device import Array, xp
from minitorch.optim.arithmetic import addcdiv_, addcmul_, descent_direction, lerp_
from minitorch.optim.flat import FlatOptimizer
from minitorch.optim.optimizer import Group, Params, check_betas, check_hints, check_lr, check_not_negative
from minitorch.optim.segment import Segment
from minitorch.tensor import Tensor


def adam(
    param: Array,
    grad: Array,
    a: Array,
    b: Array,
    _: Array,
    *,
    exp_avg: Array,
    exp_avg_sq: Array,
    max_exp_avg_sq: Array | None = None,
    step: Any,
    lr: Any,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    decoupled: bool,
    maximize: bool,
) -> None:
    """One step on flat arrays; `a` and `b` are written to on the way."""
    if decoupled and weight_decay:
        param *= 1 - lr * weight_decay
    grad = descent_direction(grad, param, 0.0 if decoupled else weight_decay, maximize, a, b)
    lerp_(exp_avg, grad, 1 - beta1, b)
    exp_avg_sq *= beta2
    addcmul_(exp_avg_sq, grad, grad, 1 - beta2, b)
    second = exp_avg_sq
    if max_exp_avg_sq is not None:
        second = xp(param).maximum(max_exp_avg_sq, exp_avg_sq, out=max_exp_avg_sq)
    denom = xp(param).sqrt(second, out=b)
    denom /= (1 - beta2**step) ** 0.5
    denom += eps
    addcdiv_(param, exp_avg, denom, -lr / (1 - beta1**step), a)


class Adam(FlatOptimizer):
    """Kingma and Ba, "Adam: A Method for Stochastic Optimization" (2014).

    With g the gradient plus weight_decay * param (the gradient's opposite if `maximize`), at step t:

        m <- beta1 * m + (1 - beta1) * g                  exp_avg
        v <- beta2 * v + (1 - beta2) * g^2                exp_avg_sq
        param <- param - lr / (1 - beta1^t) * m / (sqrt(v / (1 - beta2^t)) + eps)

    `amsgrad` uses the greatest v so far (max_exp_avg_sq; Reddi et al. 2018). `decoupled_weight_decay`
    multiplies param by 1 - lr * weight_decay instead of adding to g, as AdamW does.

    `lr` and both `betas` may be tensors of one element. `foreach` and `fused` are hints about speed: every
    value gives the same numbers. `differentiable=True` raises NotImplementedError.
    """

    _formula = staticmethod(adam)

    def __init__(
        self,
        params: Params,
        lr: Any = 1e-3,
        betas: tuple[Any, Any] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        if isinstance(lr, Tensor) and foreach and not capturable:
            raise ValueError("lr as a Tensor is not supported for capturable=False and foreach=True")
        check_lr(lr)
        check_not_negative(epsilon=eps)
        check_betas(betas)
        check_not_negative(weight_decay=weight_decay)
        for i in 0, 1:
            if isinstance(betas[i], Tensor) and foreach and not capturable:
                raise ValueError(f"betas[{i}] as a Tensor is not supported for capturable=False and foreach=True")
        if isinstance(betas[0], Tensor) != isinstance(betas[1], Tensor):
            raise ValueError("betas must be either both floats or both Tensors")
        check_hints(foreach, fused, differentiable)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        super().__init__(params, defaults)

    def _buffers(self, group: Group) -> tuple[str, ...]:
        return ("exp_avg", "exp_avg_sq", "max_exp_avg_sq") if group["amsgrad"] else ("exp_avg", "exp_avg_sq")

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
