"""The losses of nn.functional: they check their arguments as PyTorch does and call the ops.

`size_average` and `reduce` are the old way to say `reduction`; where given they win, with a warning.
"""

from __future__ import annotations

import warnings
from typing import Any

from minitorch.autograd.mode import is_grad_enabled
from minitorch.dtypes import scalar_name
from minitorch.ops import loss as _ops
from minitorch.ops import nll
from minitorch.ops.activation import log_softmax
from minitorch.ops.arithmetic import where
from minitorch.tensor import Tensor


def legacy_reduction(size_average: bool | None, reduce: bool | None, stacklevel: int) -> str:
    """The `reduction` that the two old arguments mean."""
    if reduce is not None and not reduce:
        reduction = "none"
    else:
        reduction = "mean" if size_average is None or size_average else "sum"
    warnings.warn(
        f"size_average and reduce args will be deprecated, please use reduction='{reduction}' instead.",
        stacklevel=stacklevel,
    )
    return reduction


def _checked(reduction: str, size_average: bool | None = None, reduce: bool | None = None) -> str:
    if size_average is not None or reduce is not None:
        return legacy_reduction(size_average, reduce, stacklevel=4)
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    return reduction


def _shapes_differ(name: str, input: Tensor, target: Tensor) -> bool:
    try:
        return input._data.shape != target._data.shape
    except AttributeError:
        kind = type(input if not isinstance(input, Tensor) else target).__name__
        raise AttributeError(f"{name}(): input and target must be Tensors, but one is of type {kind}") from None


def _warn_if_shapes_differ(name: str, input: Tensor, target: Tensor) -> None:
    if _shapes_differ(name, input, target):
        warnings.warn(
            f"Using a target size ({target.shape}) that is different to the input size ({input.shape}). "
            "This will likely lead to incorrect results due to broadcasting. "
            "Please ensure they have the same size.",
            stacklevel=3,
        )


def _refuse_gradient(name: str, argument: str, tensor: Tensor | None) -> None:
    if tensor is not None and tensor.requires_grad and is_grad_enabled():
        raise RuntimeError(
            f"The function '{name}' is not differentiable with respect to argument '{argument}'. "
            "This input cannot have requires_grad True: detach() it."
        )


# --- of classes


def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """-(t log x + (1 - t) log(1 - x)) for probabilities; `weight` is broadcast to the target's shape."""
    reduction = _checked(reduction, size_average, reduce)
    if _shapes_differ("binary_cross_entropy", input, target):
        raise ValueError(
            f"Using a target size ({target.shape}) that is different to the input size ({input.shape}) is "
            "deprecated. Please ensure they have the same size."
        )
    _refuse_gradient("binary_cross_entropy", "weight", weight)
    return _ops.binary_cross_entropy(input, target, weight, reduction=reduction)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """binary_cross_entropy of sigmoid(input), stable; `pos_weight` weighs the positive examples."""
    reduction = _checked(reduction, size_average, reduce)
    if _shapes_differ("binary_cross_entropy_with_logits", input, target):
        raise ValueError(f"Target size ({target.shape}) must be the same as input size ({input.shape})")
    if weight is not None or pos_weight is not None:
        _refuse_gradient("binary_cross_entropy_with_logits", "weight", weight)
        _refuse_gradient("binary_cross_entropy_with_logits", "pos_weight", pos_weight)
    return _ops.binary_cross_entropy_with_logits(input, target, weight, pos_weight, reduction=reduction)


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """-input[t] for log probabilities (N, C, ...) and class numbers t (N, ...), weighted by `weight` (C)."""
    reduction = _checked(reduction, size_average, reduce)
    _check_class_arguments("nll_loss_nd", target, ignore_index)
    return _nll(input, target, weight, ignore_index, reduction)


def _nll(input: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, reduction: str) -> Tensor:
    _refuse_gradient("nll_loss_forward", "weight", weight)
    return nll.nll_loss(input, target, weight, ignore_index=ignore_index, reduction=reduction)


def _check_class_arguments(name: str, target: Any, ignore_index: Any) -> None:
    if not isinstance(target, Tensor):
        raise TypeError(f"{name}(): argument 'target' (position 2) must be Tensor, not {type(target).__name__}")
    if not isinstance(ignore_index, int):
        raise TypeError(
            f"{name}(): argument 'ignore_index' (position 5) must be int, not {type(ignore_index).__name__}"
        )


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """-log softmax(input) at the target: class numbers (N, ...), or probabilities (N, C, ...).

    label_smoothing s: the target is mixed with the uniform distribution, (1 - s) * target + s / C.
    """
    reduction = _checked(reduction, size_average, reduce)
    _check_class_arguments("cross_entropy_loss", target, ignore_index)
    if label_smoothing > 1.0:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    dim = 0 if input.dim() == 1 else 1
    if not _shapes_differ("cross_entropy", input, target):
        return _of_probabilities(input, target, weight, ignore_index, reduction, label_smoothing, dim)
    log_p = log_softmax(input, dim)
    loss = _nll(log_p, target, weight, ignore_index, reduction)
    if label_smoothing <= 0.0:
        return loss
    uniform = _of_uniform(log_p, target, weight, ignore_index, reduction, dim)
    return loss * (1 - label_smoothing) + uniform * (label_smoothing / log_p.shape[dim])


def _per_class(weight: Tensor, ndim: int) -> Tensor:
    """The class weights with the shape that broadcasts against (N, C, ...)."""
    return weight.reshape((-1,) + (1,) * max(ndim - 2, 0))


def _of_probabilities(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
    dim: int,
) -> Tensor:
    """Cross entropy with a distribution as target. The mean is over the examples, whatever the weights."""
    if not target.is_floating_point():
        raise RuntimeError(
            "Expected floating point type for target with class probabilities, got "
            f"{scalar_name(target._data)}. A target of the input's shape holds probabilities; class "
            "indices have "
            "one dimension less."
        )
    if ignore_index >= 0:
        raise RuntimeError("ignore_index is not supported for floating point target")
    classes = input.shape[dim]
    if weight is not None and weight.shape != (classes,):
        raise RuntimeError(
            f"cross_entropy: weight tensor should be defined either for all {classes} classes or no "
            "classes but got "
            f"weight tensor of shape: {list(weight.shape)}"
        )
    log_p = log_softmax(input, dim)
    if label_smoothing > 0.0:
        target = target * (1 - label_smoothing) + label_smoothing / classes
    product = log_p * target
    if weight is not None:
        product = product * _per_class(weight, input.dim())
    if reduction == "none":
        return -product.sum(dim)
    total = -product.sum()
    return total if reduction == "sum" else total / (input.numel() / classes if classes else 0)


def _of_uniform(
    log_p: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, reduction: str, dim: int
) -> Tensor:
    """C times the cross entropy with the uniform distribution, reduced as nll_loss reduces."""
    loss = -(log_p if weight is None else log_p * _per_class(weight, log_p.dim())).sum(dim)
    used = (target != ignore_index).reshape(loss.shape)
    loss = where(used, loss, 0.0)
    if reduction == "none":
        return loss
    if reduction == "sum":
        return loss.sum()
    if weight is None:
        return loss.sum() / used.sum()
    return loss.sum() / (weight[where(target != ignore_index, target, 0).long()] * (target != ignore_index)).sum()


# --- of numbers


def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """(input - target) ** 2. With `weight` (of input's shape) the mean divides by the sum of the weights."""
    _warn_if_shapes_differ("mse_loss", input, target)
    reduction = _checked(reduction, size_average, reduce)
    if weight is None:
        return _ops.mse_loss(input, target, reduction=reduction)
    return _weighted(_ops.mse_loss(input, target, reduction="none"), input, weight, reduction, by_weight=True)


def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """|input - target|. With `weight` (of input's shape) the mean divides by the sum of the weights."""
    _warn_if_shapes_differ("l1_loss", input, target)
    reduction = _checked(reduction, size_average, reduce)
    if weight is None:
        return _ops.l1_loss(input, target, reduction=reduction)
    return _weighted(_ops.l1_loss(input, target, reduction="none"), input, weight, reduction, by_weight=True)


def huber_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0, weight: Tensor | None = None
) -> Tensor:
    """d ** 2 / 2 where d = |input - target| <= delta, else delta * (d - delta / 2)."""
    _warn_if_shapes_differ("huber_loss", input, target)
    reduction = _checked(reduction)
    if weight is None:
        return _ops.huber_loss(input, target, delta=delta, reduction=reduction)
    loss = _ops.huber_loss(input, target, delta=delta, reduction="none")
    return _weighted(loss, input, weight, reduction, by_weight=False)


def _weighted(loss: Tensor, input: Tensor, weight: Tensor, reduction: str, by_weight: bool) -> Tensor:
    if weight.shape != input.shape:
        raise ValueError(f"Weights and input must have the same size, not {weight.shape} and {input.shape}.")
    loss = loss * weight
    if reduction == "none":
        return loss
    if reduction == "sum":
        return loss.sum()
    return loss.sum() / weight.sum() if by_weight else loss.mean()


def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """d ** 2 / (2 * beta) where d = |input - target| < beta, else d - beta / 2."""
    _warn_if_shapes_differ("smooth_l1_loss", input, target)
    reduction = _checked(reduction, size_average, reduce)
    return _ops.smooth_l1_loss(input, target, beta=beta, reduction=reduction)


def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """target * (log target - input) for log probabilities; "batchmean" divides the sum by input.size(0)."""
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce, stacklevel=3)
    elif reduction == "batchmean":
        total = _ops.kl_div(input, target, log_target=log_target, reduction="sum")
        return total / input.shape[0] if input.dim() else total
    else:
        if reduction == "mean":
            warnings.warn(
                "reduction: 'mean' divides the total loss by both the batch size and the support size."
                "'batchmean' divides only by the batch size, and aligns with the KL div math definition."
                "'mean' will be changed to behave the same as 'batchmean' in the next major release.",
                stacklevel=2,
            )
        _checked(reduction)
    return _ops.kl_div(input, target, log_target=log_target, reduction=reduction)
