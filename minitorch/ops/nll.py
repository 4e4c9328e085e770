"""The negative log likelihood of class numbers, and its derivative. On a GPU by kernels of its own (labels.py)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minitorch import dtypes
from minitorch.autograd.tape import differentiable
from minitorch.device import Array, is_on_gpu, xp
from minitorch.faults import require_between
from minitorch.ops import labels
from minitorch.ops.loss import need_floating, reduced, single

_NO_CLASS = "Target {value} is out of bounds. Class indices must lie in [0, {size}) or equal ignore_index."


def _nll_input(g: Any, target: Any, weight: Any, shape: Any, ignore_index: int, reduction: str) -> Any:
    return nll_loss_backward(g, target, weight, size=shape, ignore_index=ignore_index, reduction=reduction)


@differentiable(_nll_input, None, None)
def nll_loss(
    input: Array, target: Array, weight: Array = None, *, ignore_index: int = -100, reduction: str = "mean"
) -> Array:
    """-weight[t] * input[t] for log probabilities (N, C, ...) and class numbers t (N, ...), or (C) and ().

    "mean" divides by the sum of the weights that were used. Targets equal to ignore_index count nothing.
    """
    _check_nll(input.shape, target)
    need_floating("nll_loss", input)
    classes = input.shape[0 if input.ndim == 1 else 1]
    _check_class_weight(weight, classes, input)
    if is_on_gpu(input) and input.dtype.char != "e":
        return _nll_on_gpu(input, target, weight, ignore_index, reduction)
    number, used = _class_numbers(target, classes, ignore_index)
    if number.__class__ is not np.ndarray:
        require_between(number, 0, classes - 1, _NO_CLASS)
    picked = -single(input.reshape(-1).take(_positions(number, input.shape)))
    weights = None if weight is None else weight.take(number)
    if weights is not None:
        picked = picked * weights
    if used is not None:
        picked = xp(input).where(used, picked, picked.dtype.type(0))
    if input.ndim == 1:
        picked = picked.reshape(())
    if reduction == "mean":
        return (picked.sum() / _total(number, weights, used)).astype(input.dtype, copy=False)
    return reduced(picked, reduction, input.dtype)


def _nll_on_gpu(input: Array, target: Array, weight: Array | None, ignore_index: int, reduction: str) -> Array:
    target = target.astype(np.int64, copy=False)
    if reduction != "none":
        return labels.reduced(input, target, weight, ignore_index, reduction == "mean", _NO_CLASS)
    picked, _ = labels.pick(input, target, weight, ignore_index, _NO_CLASS)
    return picked.reshape(()) if input.ndim == 1 else picked


@differentiable(
    lambda g, target, weight, ignore_index, reduction: nll_loss(
        g, target, weight, ignore_index=ignore_index, reduction=reduction
    ),
    None,
    None,
)
def nll_loss_backward(
    g: Array, target: Array, weight: Array = None, *, size: Any, ignore_index: int, reduction: str
) -> Array:
    """The gradient of nll_loss for its input of shape `size`; as maps of input and g the two are adjoint."""
    lib = xp(target)
    if is_on_gpu(g) and g.dtype.char != "e":
        target = target.astype(np.int64, copy=False)
        divisor = None
        if reduction == "mean":
            divisor = labels.total_weight(target, weight, g.dtype, size[0 if len(size) == 1 else 1], ignore_index)
        return labels.spread(g, target, weight, size, ignore_index, divisor)
    number, used = _class_numbers(target, size[0 if len(size) == 1 else 1], ignore_index)
    weights = None if weight is None else weight.take(number)
    values = -g
    if reduction == "mean":
        values = values / _total(number, weights, used)
    if weights is not None:
        values = values * weights
    if used is not None:
        values = lib.where(used, values, g.dtype.type(0))
    out = lib.zeros(size, g.dtype)
    out.reshape(-1)[_positions(number, size)] = values
    return out


def _check_nll(shape: tuple[int, ...], target: Array) -> None:
    """PyTorch's errors for shapes that do not fit."""
    ndim = len(shape)
    if ndim == 0:
        raise ValueError("Expected 1 or more dimensions (got 0)")
    if ndim == 1:
        if target.size != 1 or target.ndim > 1:
            raise ValueError(f"For 1D input, 1D target must have size 1, but got target size: {target.size}")
    elif shape[:1] != target.shape[:1]:
        found = target.shape[0] if target.ndim else 0
        raise ValueError(f"Expected input batch_size ({shape[0]}) to match target batch_size ({found}).")
    elif ndim == 2:
        if target.ndim > 1:
            raise RuntimeError(
                "0D or 1D target tensor expected, multi-target not supported: for an input of shape "
                f"{list(shape)} "
                f"the target has shape {list(target.shape)}"
            )
    elif target.shape != shape[:1] + shape[2:]:
        if ndim == 4 and target.ndim != 3:
            raise RuntimeError(
                f"only batches of spatial targets supported (3D tensors) but got targets of dimension: {target.ndim}"
            )
        wanted = [shape[0], *shape[2:]]
        raise RuntimeError(f"Expected target size {wanted}, got {list(target.shape)}")
    if target.dtype not in (np.int64, np.uint8):
        raise RuntimeError(
            f"expected target dtype to be Long or Byte, but got {dtypes.scalar_name(target)}: "
            "class indices must be integers, convert them with .long()"
        )


def _check_class_weight(weight: Array | None, classes: int, input: Array) -> None:
    if weight is None:
        return
    if weight.shape != (classes,):
        raise RuntimeError(
            f"weight tensor should be defined either for all {classes} classes or no classes but got weight "
            f"tensor of shape: {list(weight.shape)}"
        )
    if weight.dtype != input.dtype:
        raise RuntimeError(
            f"expected scalar type {dtypes.scalar_name(input)} but found {dtypes.scalar_name(weight)}: "
            "convert the weight with .to(input.dtype)"
        )


def _class_numbers(target: Array, classes: int, ignore_index: int) -> tuple[Array, Array | None]:
    """The target as int64 with 0 where it is ignored, and where it is not (None: nothing is ignored)."""
    if target.dtype.itemsize != 8:
        target = target.astype(np.int64)
    if not isinstance(target, np.ndarray):  # to look at the numbers would stall the GPU
        used = target != ignore_index
        return xp(target).where(used, target, 0), used
    # As unsigned numbers the negative ones are huge: one comparison finds all that is out of range.
    in_range = not target.size or bool(target.view(np.uint64).max() < classes)
    if in_range and not 0 <= ignore_index < classes:
        return target, None
    lib = xp(target)
    used = target != ignore_index
    if not in_range:
        bad = target[used & ((target < 0) | (target >= classes))]
        if bad.size:
            raise IndexError(
                f"Target {int(bad[0])} is out of bounds. Class indices must lie in [0, {classes}) or equal "
                f"ignore_index ({ignore_index})."
            )
    return lib.where(used, target, 0), used


def _positions(number: Array, shape: tuple[int, ...]) -> Array:
    """Where in the flat input of this shape the entries of the classes `number` lie."""
    lib = xp(number)
    if len(shape) == 1:
        return number
    rows, classes, each = shape[0], shape[1], math.prod(shape[2:])
    start = lib.arange(rows) * (classes * each)
    if each == 1:
        return number + start.reshape(number.shape)
    return (number.reshape(rows, each) * each + start[:, None] + lib.arange(each)).reshape(number.shape)


def _total(number: Array, weights: Array | None, used: Array | None) -> Any:
    """The sum of the weights of the targets that are used."""
    if weights is None:
        kind = None if isinstance(number, np.ndarray) else np.float32  # an int64 array would make float64 of the loss
        return number.size if used is None else used.sum(dtype=kind)
    return single(weights).sum() if used is None else (single(weights) * used).sum()
