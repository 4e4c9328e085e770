"""Adagrad: steps scaled by the sum of all squared gradients so far."""

from __future__ import annotations

from typing import Any

from minitorch import recording
from minitorch.device import Array, xp
from minitorch.optim.arithmetic import addcdiv_, addcmul_, descent_direction
from minitorch.optim.flat import FlatOptimizer
from minitorch.optim.optimizer import Group, Params, check_hints, check_lr, check_not_negative
from minitorch.optim.segment import Segment


def adagrad(
    param: Array,
    grad: Array,
    a: Array,
    b: Array,
    c: Array,
    *,
    sum: Array,
    lr: Any,
    eps: float,
    weight_decay: float,
    maximize: bool,
) -> None:
    """One step on flat arrays; `a`, `b` and `c` are written to on the way."""
    grad = descent_direction(grad, param, weight_decay, maximize, a, b)
    addcmul_(sum, grad, grad, 1, b)
    denom = xp(param).sqrt(sum, out=b)
    denom += eps
    addcdiv_(param, grad, denom, -lr, c)


class Adagrad(FlatOptimizer):
    """Duchi, Hazan and Singer, "Adaptive Subgradient Methods for Online Learning" (2011).

    With g the gradient plus weight_decay * param (the gradient's opposite if `maximize`), at step t:

        sum <- sum + g^2                                  from initial_accumulator_value on
        param <- param - lr / (1 + (t - 1) * lr_decay) * g / (sqrt(sum) + eps)

    The state is made with the optimizer, not at the first step. `lr` may be a tensor of one element.
    `foreach` and `fused` are hints about speed: every value gives the same numbers. `differentiable=True`
    raises NotImplementedError.
    """

    _formula = staticmethod(adagrad)

    def __init__(
        self,
        params: Params,
        lr: Any = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_lr(lr)
        check_not_negative(
            lr_decay=lr_decay,
            weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value,
            epsilon=eps,
        )
        check_hints(foreach, fused, differentiable)
        defaults = {
            "lr": lr,
            "lr_decay": lr_decay,
            "eps": eps,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)
        for group in self.param_groups:  # the state of groups added later is made at their first step
            for p in group["params"]:
                self._make_state(p, group, ("sum",))

    def _buffers(self, group: Group) -> tuple[str, ...]:
        return ("sum",)

    def _initial(self, group: Group) -> dict[str, Any]:
        return {"sum": group["initial_accumulator_value"]}

    def _options(self, group: Group, segment: Segment) -> dict[str, Any]:
        step = segment.count_step()
        if recording.here.recording is not None and group["lr_decay"]:
            raise NotImplementedError("Adagrad: in a CUDA graph the count of steps stands still; leave lr_decay 0")
        return {
            "lr": segment.hyperparameter(group["lr"]) / (1 + (step - 1) * float(group["lr_decay"])),
            "eps": float(group["eps"]),
            "weight_decay": float(group["weight_decay"]),
            "maximize": group["maximize"],
        }
