"""Losses, each one op from input and target to its mean, and their derivatives.

`reduction`: "mean", "sum" or "none". float16 is computed in float32 and rounded once.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minitorch import dtypes
from minitorch.autograd.broadcast import broadcast_to
from minitorch.autograd.tape import differentiable
from minitorch.choosing import limited, select
from minitorch.device import Array, xp
from minitorch.faults import require_between
from minitorch.fusion import elementwise
from minitorch.ops.activation import hardtanh, logsigmoid
from minitorch.ops.arithmetic import clamp, sign
from minitorch.ops.elementwise import exp, log, sigmoid
from minitorch.summation import average, total


def reduced(loss: Array, reduction: str, kind: Any) -> Array:
    """The elementwise `loss` (not float16, whose sum would be) reduced, in the dtype `kind`."""
    if reduction == "none":
        return loss if loss.dtype is kind else loss.astype(kind)
    result = average(loss, loss.size) if reduction == "mean" else total(loss)
    return result if result.dtype is kind else result.astype(kind)


def _per_element(g: Any, reduction: str, like: Any) -> Any:
    """The gradient of each element of the loss, which has the shape of `like`, from that of the reduced."""
    return g / math.prod(like.shape) if reduction == "mean" else g


def _spread(g: Any, reduction: str, like: Any) -> Any:
    """The same, also where nothing it is multiplied by has the loss's whole shape."""
    return broadcast_to(_per_element(g, reduction, like), tuple(like.shape))


def _last_step(reduction: str, elementwise: str) -> str:
    """The name of the node where PyTorch composes the loss of several ops."""
    return {"mean": "Mean", "sum": "Sum"}.get(reduction, elementwise) + "Backward0"


def single(x: Array) -> Array:
    """float16 as float32, anything else as it is."""
    return x.astype(np.float32) if x.dtype.char == "e" else x


def _common(a: Array, b: Array) -> tuple[Array, Array, Any]:
    """Both in the dtype they promote to (for float16: in float32), and that dtype."""
    kind = dtypes.promote_numpy(a.dtype, b.dtype)
    return single(a.astype(kind, copy=False)), single(b.astype(kind, copy=False)), kind


def need_floating(name: str, *arrays: Array) -> None:
    for x in arrays:
        if x.dtype.kind != "f":
            raise NotImplementedError(
                f"\"{name}\" not implemented for '{dtypes.scalar_name(x)}': convert it with .float()"
            )


def _same_shape_as(target: Array, loss: Array) -> None:
    """A weight may be broadcast to the target, not the other way round."""
    if loss.shape != target.shape:
        raise RuntimeError(
            f"output with shape {list(target.shape)} doesn't match the broadcast shape {list(loss.shape)}"
        )


def _name(kind: Any) -> str:
    return dtypes.SCALAR_NAMES[dtypes.from_numpy(kind)]


# --- binary cross entropy


def _bce_logits_input(g: Any, input: Any, target: Any, weight: Any, pos_weight: Any, reduction: str) -> Any:
    slope = sigmoid(input)
    if pos_weight is None:
        slope = slope - target
    else:
        positive = pos_weight * target
        slope = (positive + 1 - target) * slope - positive
    if weight is not None:
        slope = slope * weight
    return slope * _per_element(g, reduction, input)


def _bce_logits_target(g: Any, input: Any, weight: Any, pos_weight: Any, reduction: str) -> Any:
    slope = -input
    if pos_weight is not None:
        slope = logsigmoid(slope) - pos_weight * logsigmoid(input)
    if weight is not None:
        slope = slope * weight
    return slope * _per_element(g, reduction, input)


@differentiable(_bce_logits_input, _bce_logits_target, None, None, elementwise=True)
def binary_cross_entropy_with_logits(
    input: Array, target: Array, weight: Array = None, pos_weight: Array = None, *, reduction: str = "mean"
) -> Array:
    """-(pos_weight * t * log(sigmoid(x)) + (1 - t) * log(1 - sigmoid(x))), computed as
    (1 - t) * x + (1 + (pos_weight - 1) * t) * (log(1 + exp(-|x|)) - min(x, 0)). In the target's dtype."""
    kind = target.dtype
    if input.dtype is not kind or kind.char not in "fd":
        need_floating("binary_cross_entropy_with_logits", input)
        if kind.kind != "f":
            raise RuntimeError(
                f"binary_cross_entropy_with_logits(): result type Float can't be cast to the target's type "
                f"{dtypes.scalar_name(target)}; convert the target with .float()"
            )
        input, target = single(input), single(target)
    loss = _bce_logits(input, target, weight, pos_weight)
    if loss.shape != target.shape:
        _same_shape_as(target, loss)
    return reduced(loss, reduction, kind)


@elementwise
def _bce_logits(input: Array, target: Array, weight: Array | None, pos_weight: Array | None) -> Array:
    lib = xp(input)
    softplus = lib.log1p(lib.exp(-lib.absolute(input)))
    softplus -= limited(input, None, 0)
    if pos_weight is not None:
        softplus = softplus * ((pos_weight - 1) * target + 1)
    loss = (1 - target) * input + softplus
    return loss if weight is None else loss * weight


_RAW_SCORES = ", but one is {value}. For raw scores use binary_cross_entropy_with_logits."
_BCE_EPS = 9.999999960041972e-13  # PyTorch's 1e-12, a float32 also for float64 inputs


def _bce_input(g: Any, input: Any, target: Any, weight: Any, reduction: str) -> Any:
    slope = (input - target) / clamp((1 - input) * input, _BCE_EPS)
    if weight is not None:
        slope = slope * weight
    return slope * _per_element(g, reduction, input)


def _bce_target(g: Any, input: Any, weight: Any, reduction: str) -> Any:
    slope = log(1 - input) - log(input)
    if weight is not None:
        slope = slope * weight
    return slope * _per_element(g, reduction, input)


@differentiable(_bce_input, _bce_target, None, elementwise=True)
def binary_cross_entropy(input: Array, target: Array, weight: Array = None, *, reduction: str = "mean") -> Array:
    """-(t * log(x) + (1 - t) * log(1 - x)) for probabilities x; the logarithms are cut at -100."""
    if target.dtype != input.dtype:
        raise RuntimeError(
            f"Found dtype {dtypes.scalar_name(target)} but expected {dtypes.scalar_name(input)}: "
            "convert the target with .to(input.dtype)"
        )
    need_floating("binary_cross_entropy", input)
    kind = input.dtype
    input, target = single(input), single(target)
    for name, x in ("input", input), ("target", target):
        require_between(x, 0, 1, f"all elements of {name} should be between 0 and 1{_RAW_SCORES}", RuntimeError)
    loss = _bce(input, target)
    if weight is not None:
        loss = loss * weight
        _same_shape_as(target, loss)
    return reduced(loss, reduction, kind)


@elementwise
def _bce(input: Array, target: Array) -> Array:
    lib = xp(input)
    return (target - 1) * limited(lib.log1p(-input), -100) - target * limited(lib.log(input), -100)


# --- distances


@differentiable(
    lambda g, input, target, reduction: _mse_gradient(g, input - target, reduction),
    lambda g, input, target, reduction: _mse_gradient(g, target - input, reduction),
    promote=True,
    elementwise=True,
)
def mse_loss(input: Array, target: Array, *, reduction: str = "mean") -> Array:
    """(input - target) ** 2."""
    need_floating("mse_loss", input)
    kind = input.dtype
    return reduced(_squared(single(input), single(target)), reduction, kind)


@elementwise
def _squared(input: Array, target: Array) -> Array:
    d = input - target
    return d * d


def _mse_gradient(g: Any, d: Any, reduction: str) -> Any:
    return d * (2 * _per_element(g, reduction, d))


@differentiable(
    lambda g, input, target, reduction: _l1_gradient(g, input - target, reduction),
    lambda g, input, target, reduction: _l1_gradient(g, target - input, reduction),
    name=lambda reduction: _last_step(reduction, "Abs"),
    elementwise=True,
)
def l1_loss(input: Array, target: Array, *, reduction: str = "mean") -> Array:
    """|input - target|; the derivative at 0 is 0."""
    if "b" in (input.dtype.kind, target.dtype.kind):
        raise RuntimeError(
            "Subtraction, the `-` operator, with a bool tensor is not supported, and l1_loss subtracts: "
            "convert it with .float()"
        )
    input, target, kind = _common(input, target)
    if kind.kind != "f":
        if reduction == "mean":
            raise RuntimeError(
                "mean(): could not infer output dtype. Input dtype must be either a floating point or complex "
                f"dtype. Got: {_name(kind)}"
            )
        kind = np.dtype(np.int64) if reduction == "sum" else kind
    return reduced(_distance(input, target), reduction, kind)


@elementwise
def _distance(input: Array, target: Array) -> Array:
    return xp(input).absolute(input - target)


def _l1_gradient(g: Any, d: Any, reduction: str) -> Any:
    return sign(d) * _per_element(g, reduction, d)


@differentiable(
    lambda g, input, target, beta, reduction: _smooth_l1_gradient(g, input - target, beta, reduction),
    lambda g, input, target, beta, reduction: _smooth_l1_gradient(g, target - input, beta, reduction),
    promote=True,
    elementwise=True,
)
def smooth_l1_loss(input: Array, target: Array, *, beta: float = 1.0, reduction: str = "mean") -> Array:
    """d ** 2 / (2 * beta) where d = |input - target| < beta, else d - beta / 2. Girshick 2015."""
    if beta < 0:
        raise RuntimeError(f"smooth_l1_loss does not support negative values for beta, but got {beta}.")
    need_floating("smooth_l1_loss", input)
    kind = input.dtype
    input, target = single(input), single(target)
    return reduced(_smooth(input, target, beta) if beta else _distance(input, target), reduction, kind)


@elementwise
def _smooth(input: Array, target: Array, beta: float) -> Array:
    d = xp(input).absolute(input - target)
    return select(d < beta, 0.5 * d * d / beta, d - 0.5 * beta)


def _smooth_l1_gradient(g: Any, d: Any, beta: float, reduction: str) -> Any:
    slope = hardtanh(d / beta, min_val=-1.0, max_val=1.0) if beta else sign(d)
    return slope * _per_element(g, reduction, d)


@differentiable(
    lambda g, input, target, delta, reduction: _huber_gradient(g, input - target, delta, reduction),
    lambda g, input, target, delta, reduction: _huber_gradient(g, target - input, delta, reduction),
    elementwise=True,
)
def huber_loss(input: Array, target: Array, *, delta: float = 1.0, reduction: str = "mean") -> Array:
    """d**2 / 2 where d = |input - target| <= delta, else delta * (d - delta / 2); in input's dtype."""
    if delta <= 0:
        raise RuntimeError(f"huber_loss does not support non-positive values for delta, but got {delta}.")
    kind = input.dtype
    common = dtypes.promote_numpy(kind, target.dtype)
    if dtypes.CATEGORY[common.kind] > dtypes.CATEGORY[kind.kind]:
        raise RuntimeError(f"result type {_name(common)} can't be cast to the desired output type {_name(kind)}")
    need_floating("huber_loss", input)
    input, target, _ = _common(input, target)
    return reduced(_huber(input, target, delta), reduction, kind)


@elementwise
def _huber(input: Array, target: Array, delta: float) -> Array:
    d = xp(input).absolute(input - target)
    return select(d <= delta, 0.5 * d * d, delta * (d - 0.5 * delta))


def _huber_gradient(g: Any, d: Any, delta: float, reduction: str) -> Any:
    return hardtanh(d, min_val=-delta, max_val=delta) * _per_element(g, reduction, d)


@differentiable(
    lambda g, input, target, log_target, reduction: (
        (-exp(target) if log_target else -target) * _spread(g, reduction, input - target)
    ),
    lambda g, input, target, log_target, reduction: (
        (exp(target) * (target - input + 1) if log_target else log(target) + target / target - input)
        * _spread(g, reduction, input - target)
    ),
    name=lambda reduction, log_target: _last_step(reduction, "Mul" if log_target else "Sub"),
)
def kl_div(input: Array, target: Array, *, log_target: bool = False, reduction: str = "mean") -> Array:
    """target * (log(target) - input) for log probabilities `input`, 0 where target is 0.

    With log_target the target is given as log probabilities too: exp(target) * (target - input).
    """
    for x in (input, target):
        if x.dtype.kind != "f":
            raise RuntimeError("kl_div: Integral inputs not supported. Convert them with .float().")
    input, target, kind = _common(input, target)
    lib = xp(input)
    if log_target:
        loss = lib.exp(target) * (target - input)
    else:
        loss = lib.where(target == 0, target, target * lib.log(target)) - target * input
    return reduced(loss, reduction, kind)
