"""Layer normalization. J. L. Ba, J. R. Kiros, G. E. Hinton, "Layer Normalization" (2016), equations 3 and 4."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from minitorch.autograd.tape import differentiable
from minitorch.device import Array, xp
from minitorch.dtypes import scalar_name
from minitorch.fusion import elementwise
from minitorch.ops import rows
from minitorch.ops.compare import require_tensors
from minitorch.ops.dims import Shape
from minitorch.ops.elementwise import rsqrt
from minitorch.ops.reduce import mean, sum
from minitorch.ops.shape import reshape
from minitorch.summation import average

# --- without weight and bias: y = (x - mean) / sqrt(var + eps), over the last `dims` dimensions


@differentiable(lambda g, input, dims, eps: normalized_backward(g, input, dims=dims, eps=eps))
def normalized(input: Array, *, dims: int, eps: float) -> Array:
    """(input - mean) / sqrt(variance + eps) over the last `dims` dimensions."""
    return _by_rows("normalized", _to_normalized, (input,), dims, eps)


def _to_normalized(x: Array, dim: int, out: Array, eps: float) -> None:
    xp(x).subtract(x, average(x, x.shape[dim], dim, keepdims=True), out=out)
    out *= _scale(out, dim, eps)


def _scale(off: Array, dim: int, eps: float) -> Array:
    """1 / sqrt(variance + eps), from the differences to the mean."""
    return 1 / xp(off).sqrt(average(off * off, off.shape[dim], dim, keepdims=True) + eps)


def _curvature(g: Any, grad: Any, input: Any, dims: int, eps: float) -> Any:
    """The gradient of g . J grad for the input, where J = (1 - 11'/n - yy'/n) / s, s = sqrt(var + eps), is what
    normalized_backward multiplies with:

        -(y (g . J grad) + (grad . y) J g + (g . y) J grad) / (n s)
    """
    over: Any = tuple(range(-dims, 0))
    y = normalized(input, dims=dims, eps=eps)
    jg, jgrad = normalized_backward(g, input, dims=dims, eps=eps), normalized_backward(grad, input, dims=dims, eps=eps)
    whole = y * mean(g * jgrad, over, True) + mean(grad * y, over, True) * jg + mean(g * y, over, True) * jgrad
    off = input - mean(input, over, True)
    return -whole * rsqrt(mean(off * off, over, True) + eps)


@differentiable(lambda g, input, dims, eps: normalized_backward(g, input, dims=dims, eps=eps), _curvature)
def normalized_backward(grad: Array, input: Array, *, dims: int, eps: float) -> Array:
    """(grad - mean(grad) - y mean(grad y)) / sqrt(variance + eps): the gradient of normalized, a symmetric map of grad."""
    return _by_rows("normalized_backward", _to_gradient, (grad, input), dims, eps)


def _to_gradient(grad: Array, x: Array, dim: int, out: Array, eps: float) -> None:
    lib, n = xp(x), x.shape[dim]
    y = x - average(x, n, dim, keepdims=True)
    scale = _scale(y, dim, eps)
    y *= scale
    lib.multiply(grad, y, out=out)
    y *= average(out, n, dim, keepdims=True)
    lib.subtract(grad, average(grad, n, dim, keepdims=True), out=out)
    out -= y
    out *= scale


def _by_rows(name: str, formula: Any, args: tuple[Array, ...], dims: int, eps: float) -> Array:
    if dims == 1:
        return rows.along(name, formula, args, -1, (eps,))
    shape = args[-1].shape
    lines = shape[:-dims] + (math.prod(shape[-dims:]),)
    return rows.along(name, formula, tuple([x.reshape(lines) for x in args]), -1, (eps,)).reshape(shape)


# --- with them


@differentiable(
    lambda g, input, weight, dims, eps: normalized_backward(_times(g, weight), input, dims=dims, eps=eps),
    lambda g, input, shape, dims, eps: _down(g * normalized(input, dims=dims, eps=eps), shape),
    lambda g, shape: _down(g, shape),
    name="NativeLayerNormBackward0",
)
def _layer_norm(input: Array, weight: Array | None, bias: Array | None, *, dims: int, eps: float) -> Array:
    if not isinstance(input, np.ndarray):
        out = normalized.array(input, dims=dims, eps=eps)
        if weight is not None or bias is not None:
            _affine(out, weight, bias)
        return out
    weight, bias = [x if x is None else x.reshape(-1) for x in (weight, bias)]
    return _by_rows("normalized", partial(_to_layer_norm, weight, bias), (input,), dims, eps)


def _to_layer_norm(
    weight: np.ndarray | None, bias: np.ndarray | None, x: np.ndarray, dim: int, out: np.ndarray, eps: float
) -> None:
    _to_normalized(x, dim, out, eps)
    _affine(out, weight, bias)


@elementwise
def _affine(y: Array, weight: Array | None, bias: Array | None) -> None:
    if weight is not None:
        y *= weight
    if bias is not None:
        y += bias


def _times(g: Any, weight: Any) -> Any:
    return g if weight is None else g * weight


def _down(g: Any, shape: Shape) -> Any:
    """The sum over all dimensions before the last ones, which are `shape`."""
    lead = math.prod(g.shape[: len(g.shape) - len(shape)])
    return reshape(sum(reshape(g, (lead, math.prod(shape))), 0), shape)


def layer_norm(
    input: Any,
    normalized_shape: Any,
    weight: Any = None,
    bias: Any = None,
    eps: float = 1e-5,
    cudnn_enable: bool = True,
) -> Any:
    """(input - mean) / sqrt(variance + eps) * weight + bias.

    Mean and variance (not corrected: divided by n) are those over the last dimensions, whose sizes `normalized_shape`
    names; weight and bias have that shape. float16 is computed in float32. `cudnn_enable` has no effect.
    """
    shape = _shape_of(normalized_shape)
    require_tensors("layer_norm", input=input)
    for position, (name, x) in enumerate({"weight": weight, "bias": bias}.items(), 3):
        if x is not None and not hasattr(x, "_data"):
            kind = x.__class__.__name__
            raise TypeError(f"layer_norm(): argument '{name}' (position {position}) must be Tensor, not {kind}")
    if isinstance(eps, bool) or not isinstance(eps, int | float):
        if not hasattr(eps, "item"):
            raise TypeError(f"layer_norm(): argument 'eps' (position 5) must be float, not {eps.__class__.__name__}")
        eps = eps.item()
    _check_shapes(input, shape, weight, bias)
    kind = _dtype(input, weight, bias)
    if kind == "e":
        wide = [x if x is None else x.float() for x in (input, weight, bias)]
        return _layer_norm(*wide, dims=len(shape), eps=float(eps)).to(input.dtype)
    return _layer_norm(input, weight, bias, dims=len(shape), eps=float(eps))


def _shape_of(normalized_shape: Any) -> Shape:
    says = "layer_norm(): argument 'normalized_shape' (position 2) must be tuple of ints, "
    if not isinstance(normalized_shape, tuple | list):
        raise TypeError(f"{says}not {normalized_shape.__class__.__name__}")
    for i, n in enumerate(normalized_shape):
        if isinstance(n, bool) or not hasattr(n, "__index__"):
            raise TypeError(f"{says}but found element of type {n.__class__.__name__} at pos {i}")
    return tuple([n.__index__() for n in normalized_shape])


def _check_shapes(input: Any, shape: Shape, weight: Any, bias: Any) -> None:
    wanted = list(shape)
    if not shape:
        raise RuntimeError(
            "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, but got "
            f"normalized_shape = {wanted}"
        )
    for name, x in ("weight", weight), ("bias", bias):
        if x is not None and x.shape != shape:
            raise RuntimeError(
                f"Expected {name} to be of same shape as normalized_shape, but got {name} of shape {list(x.shape)} and "
                f"normalized_shape = {wanted}"
            )
    if tuple(input.shape[-len(shape) :]) != shape:
        raise RuntimeError(
            f"Given normalized_shape={wanted}, expected input with shape [*, {', '.join(map(str, shape))}], but got input "
            f"of size{list(input.shape)}"
        )


def _dtype(input: Any, weight: Any, bias: Any) -> str:
    """The input's; weight and bias have the same, or beside a float16 input float32."""
    code, *others = [x._data.dtype.char for x in (input, weight, bias) if x is not None]
    if others and others[0] != code:
        if any(other != "f" for other in others):
            raise RuntimeError("mixed dtype (CPU): expect parameter to have scalar type of Float")
        if code != "e":
            raise RuntimeError("mixed dtype (CPU): all inputs must share same datatype.")
    elif len(others) == 2 and others[1] != code:
        raise RuntimeError(f"expected scalar type {scalar_name(input._data)} but found {scalar_name(bias._data)}")
    if code not in "efd":
        name = scalar_name(input._data)
        raise NotImplementedError(
            f"\"LayerNormKernelImpl\" not implemented for '{name}': convert the input with .float()"
        )
    return code
