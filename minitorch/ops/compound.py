"""Several operations of arithmetic in one: what optimizers and moving averages are written with."""

from __future__ import annotations

import operator

from minitorch.autograd.mismatch import check_integer, refuse_bool
from minitorch.autograd.tape import differentiable
from minitorch.device import Array, xp
from minitorch.dtypes import scalar_name
from minitorch.ops.compare import require_tensors


@differentiable(
    lambda g, weight: g * (1 - weight), lambda g, weight: g * weight, lambda g, input, end: g * (end - input)
)
def lerp(input: Array, end: Array, weight: Array) -> Array:
    """input + weight * (end - input)."""
    require_tensors("lerp", input=input, end=end)
    check_integer(weight)
    if input.dtype is not end.dtype:
        raise RuntimeError(f"expected dtype {input.dtype} for `end` but got dtype {end.dtype}")
    if input.dtype.kind != "f":
        raise NotImplementedError(f"\"lerp\" not implemented for '{scalar_name(input)}': convert with .float()")
    # From the nearer end, so that weight 1 gives exactly `end`.
    near = operator.abs(weight) < 0.5
    if hasattr(weight, "dtype"):
        step = end - input
        return xp(input).where(near, input + weight * step, end - step * (1 - weight))
    return input + weight * (end - input) if near else end - (end - input) * (1 - weight)


@differentiable(
    lambda g: g,
    lambda g, tensor2, value: g * (tensor2 * value),
    lambda g, tensor1, value: g * (tensor1 * value),
    promote=True,
)
def addcmul(input: Array, tensor1: Array, tensor2: Array, *, value: float = 1) -> Array:
    """input + value * tensor1 * tensor2."""
    require_tensors("addcmul", input=input, tensor1=tensor1, tensor2=tensor2)
    refuse_bool("addcmul", input, tensor1, tensor2)
    check_integer(value)
    return input + value * tensor1 * tensor2


@differentiable(
    lambda g: g,
    lambda g, tensor2, value: g * (value / tensor2),
    lambda g, tensor1, tensor2, value: -g * ((value * (tensor1 / tensor2)) / tensor2),
    promote=True,
)
def addcdiv(input: Array, tensor1: Array, tensor2: Array, *, value: float = 1) -> Array:
    """input + value * tensor1 / tensor2."""
    require_tensors("addcdiv", input=input, tensor1=tensor1, tensor2=tensor2)
    if input.dtype.kind != "f":
        raise RuntimeError("Integer division with addcdiv is no longer supported: convert the tensors with .float()")
    check_integer(value)
    return input + value * (tensor1 / tensor2)
