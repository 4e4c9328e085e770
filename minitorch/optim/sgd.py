"""Stochastic gradient descent, with momentum and Nesterov's variant of it."""

from __future__ import annotations

from typing import Any

from minitorch.device import Array, xp
from minitorch.optim.arithmetic import add_, descent_direction
from minitorch.optim.flat import FlatOptimizer
from minitorch.optim.optimizer import Group, Params, check_hints, check_lr, check_not_negative
from minitorch.optim.segment import Segment


def sgd(
    param: Array,
    grad: Array,
    a: Array,
    b: Array,
    _: Array,
    *,
    momentum_buffer: Array | None = None,
    first: bool,
    lr: Any,
    momentum: float,
    dampening: float,
    weight_decay: float,
    nesterov: bool,
    maximize: bool,
) -> None:
    """One step on flat arrays; `a` and `b` are written to on the way."""
    grad = descent_direction(grad, param, weight_decay, maximize, a, b)
    if momentum_buffer is not None:
        if first:
            momentum_buffer[...] = grad
        else:
            momentum_buffer *= momentum
            add_(momentum_buffer, grad, 1 - dampening, b)
        if nesterov:
            xp(param).multiply(momentum_buffer, momentum, out=b)
            grad = xp(param).add(grad, b, out=a)
        else:
            grad = momentum_buffer
    add_(param, grad, -lr, b)


class SGD(FlatOptimizer):
    """Stochastic gradient descent: param <- param - lr * d.

    With g the gradient plus weight_decay * param (the gradient's opposite if `maximize`):

        d = g                                             without momentum
        d = buf <- momentum * buf + (1 - dampening) * g   with momentum (at first buf = g)
        d = g + momentum * buf                            with `nesterov`

    Sutskever et al., "On the importance of initialization and momentum in deep learning" (2013); the
    learning rate multiplies the buffer, it is not kept in it. State: `momentum_buffer`, with momentum.

    `lr` and `weight_decay` may be tensors of one element. `foreach` and `fused` are hints about speed:
    every value gives the same numbers. `differentiable=True` raises NotImplementedError.
    """

    _formula = staticmethod(sgd)
    _numbers = ()

    def __init__(
        self,
        params: Params,
        lr: Any = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: Any = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_lr(lr)
        check_not_negative(momentum=momentum, weight_decay=weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        check_hints(foreach, fused, differentiable)
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)

    def _buffers(self, group: Group) -> tuple[str, ...]:
        return ("momentum_buffer",) if group["momentum"] != 0 else ()

    def _options(self, group: Group, segment: Segment) -> dict[str, Any]:
        return {
            "first": segment.first,
            "lr": segment.hyperparameter(group["lr"]),
            "momentum": float(group["momentum"]),
            "dampening": float(group["dampening"]),
            "weight_decay": float(group["weight_decay"]),
            "nesterov": group["nesterov"],
            "maximize": group["maximize"],
        }
