"""RMSprop: steps scaled by a running average of the squared gradient."""

from __future__ import annotations

from typing import Any

from minitorch.device import Array, xp
from minitorch.optim.arithmetic import add_, addcdiv_, addcmul_, descent_direction, lerp_
from minitorch.optim.flat import FlatOptimizer
from minitorch.optim.optimizer import Group, Optimizer, Params, check_lr, check_not_negative
from minitorch.optim.segment import Segment


def rmsprop(
    param: Array,
    grad: Array,
    a: Array,
    b: Array,
    c: Array,
    *,
    square_avg: Array,
    grad_avg: Array | None = None,
    momentum_buffer: Array | None = None,
    lr: Any,
    alpha: float,
    eps: float,
    weight_decay: float,
    momentum: float,
    maximize: bool,
) -> None:
    """One step on flat arrays; `a`, `b` and `c` are written to on the way."""
    grad = descent_direction(grad, param, weight_decay, maximize, a, b)
    square_avg *= alpha
    addcmul_(square_avg, grad, grad, 1 - alpha, b)
    variance = square_avg
    if grad_avg is not None:
        lerp_(grad_avg, grad, 1 - alpha, b)
        b[...] = square_avg
        addcmul_(b, grad_avg, grad_avg, -1, c)
        variance = b
    denom = xp(param).sqrt(variance, out=b)
    denom += eps
    if momentum_buffer is None:
        addcdiv_(param, grad, denom, -lr, c)
    else:
        momentum_buffer *= momentum
        addcdiv_(momentum_buffer, grad, denom, 1, c)
        add_(param, momentum_buffer, -lr, c)


class RMSprop(FlatOptimizer):
    """Tieleman and Hinton, "Neural Networks for Machine Learning", lecture 6.5 (2012).

    With g the gradient plus weight_decay * param (the gradient's opposite if `maximize`):

        v <- alpha * v + (1 - alpha) * g^2                         square_avg
        r <- alpha * r + (1 - alpha) * g, and v - r^2 below for v  grad_avg, if `centered` (Graves 2013)
        param <- param - lr * g / (sqrt(v) + eps)                  without momentum
        buf <- momentum * buf + g / (sqrt(v) + eps)                momentum_buffer
        param <- param - lr * buf                                  with momentum

    `lr` may be a tensor of one element. `foreach` is a hint about speed: every value gives the same
    numbers. `differentiable=True` raises NotImplementedError.
    """

    _formula = staticmethod(rmsprop)
    _added_later = Optimizer._added_later | {"momentum": 0, "centered": False}

    def __init__(
        self,
        params: Params,
        lr: Any = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_lr(lr)
        check_not_negative(epsilon=eps, momentum=momentum, weight_decay=weight_decay, alpha=alpha)
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "alpha": alpha,
            "eps": eps,
            "centered": centered,
            "weight_decay": weight_decay,
            "capturable": capturable,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _buffers(self, group: Group) -> tuple[str, ...]:
        names: tuple[str, ...] = ("square_avg",)
        if group["momentum"] > 0:
            names += ("momentum_buffer",)
        return (*names, "grad_avg") if group["centered"] else names

    def _options(self, group: Group, segment: Segment) -> dict[str, Any]:
        segment.count_step()  # kept in the state, though the formula does not use it
        return {
            "lr": segment.hyperparameter(group["lr"]),
            "alpha": float(group["alpha"]),
            "eps": float(group["eps"]),
            "weight_decay": float(group["weight_decay"]),
            "momentum": float(group["momentum"]),
            "maximize": group["maximize"],
        }
