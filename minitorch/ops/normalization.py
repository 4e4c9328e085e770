"""Layer normalization. J. L. Ba, J. R. Kiros, G. E. Hinton, "Layer Normalization" (2016), equations 3 and 4."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from minitorch.autograd import tape
from minitorch.autograd.tape import differentiable
from minitorch.device import Array, xp
from minitorch.dtypes import float16, scalar_name
from minitorch.fusion import elementwise
from minitorch.ops import rows
from minitorch.ops.compare import real_number
from minitorch.ops.dims import Shape
from minitorch.ops.elementwise import rsqrt
from minitorch.ops.reduce import mean as average
from minitorch.ops.reduce import sum
from minitorch.ops.shape import reshape
from minitorch.summation import total

# y = (x - mean) * scale over the last `dims` dimensions, scale = 1 / sqrt(variance + eps). The forward pass finds both
# numbers of each line, writes them down, and the rules read them: to these they are constants, since what a rule says of
# the input takes into account that they depend on it.


@differentiable(
    lambda g, input, weight, mean, scale, dims, eps: normalized_backward(
        mean, scale, _times(g, weight), input, dims=dims, eps=eps
    ),
    lambda g, input, mean, scale, shape, dims, eps: _down(
        g * normalized(input, mean, scale, dims=dims, eps=eps), shape
    ),
    lambda g, shape: _down(g, shape),
    None,
    None,
    name="NativeLayerNormBackward0",
)
def _layer_norm(
    input: Array, weight: Array | None, bias: Array | None, mean: Array, scale: Array, *, dims: int, eps: float
) -> Array:
    """normalized(input) * weight + bias; fills `mean` and `scale`, which a second op would have to find in another pass."""
    if isinstance(input, np.ndarray):
        flat = [x if x is None else x.reshape(-1) for x in (weight, bias)]
        formula = partial(_to_layer_norm, *flat)
        return _over_last("normalized", formula, (mean, scale, input), dims, (eps,))
    out = _over_last("normalized", _to_normalized, (mean, scale, input), dims, (eps,))
    if weight is not None or bias is not None:
        _affine(out, weight, bias)
    return out


def _to_layer_norm(weight: np.ndarray | None, bias: np.ndarray | None, *args: Any) -> None:
    _to_normalized(*args)
    _affine(args[-2], weight, bias)


def _to_normalized(mean: Array, scale: Array, x: Array, dim: int, out: Array, eps: float) -> None:
    lib, n = xp(x), x.shape[dim]
    lib.divide(total(x, dim, keepdims=True), n, out=mean)
    lib.subtract(x, mean, out=out)
    # The variance from the differences: mean(x * x) - mean(x)**2 would cancel.
    lib.divide(total(out * out, dim, keepdims=True), n, out=scale)
    scale += eps
    scale += scale * 0  # where the squares overflow, NaN: a scale of 0 would give numbers that look right
    lib.divide(1, lib.sqrt(scale, out=scale), out=scale)
    out *= scale


@elementwise
def _affine(y: Array, weight: Array | None, bias: Array | None) -> None:
    if weight is not None:
        y *= weight
    if bias is not None:
        y += bias


@differentiable(
    lambda g, input, mean, scale, dims, eps: normalized_backward(mean, scale, g, input, dims=dims, eps=eps), None, None
)
def normalized(input: Array, mean: Array, scale: Array, *, dims: int, eps: float) -> Array:
    """(input - mean) * scale, which the input's gradient goes through: it knows that both depend on the input."""
    return _normalized(input, mean, scale)


@elementwise
def _normalized(x: Array, mean: Array, scale: Array) -> Array:
    y = x - mean
    y *= scale
    return y


def _curvature(g: Any, grad: Any, input: Any, mean: Any, scale: Any, dims: int, eps: float) -> Any:
    """The gradient of g . J grad for the input, where J = (1 - 11'/n - yy'/n) scale is what normalized_backward
    multiplies with:

        -(y (g . J grad) + (grad . y) J g + (g . y) J grad) scale / n
    """
    y = normalized(input, mean, scale, dims=dims, eps=eps)
    jg, jgrad = [normalized_backward(mean, scale, x, input, dims=dims, eps=eps) for x in (g, grad)]
    line = lambda x: average(x, tuple(range(-dims, 0)), True)
    off = input - line(input)  # not `scale`, a constant: the third derivative must see the input in it
    return -(y * line(g * jgrad) + line(grad * y) * jg + line(g * y) * jgrad) * rsqrt(line(off * off) + eps)


@differentiable(
    None,
    None,
    lambda g, mean, scale, input, dims, eps: normalized_backward(mean, scale, g, input, dims=dims, eps=eps),
    lambda g, mean, scale, grad, input, dims, eps: _curvature(g, grad, input, mean, scale, dims, eps),
)
def normalized_backward(mean: Array, scale: Array, grad: Array, input: Array, *, dims: int, eps: float) -> Array:
    """(grad - mean(grad) - y mean(grad y)) scale: the gradient of y for the input, a symmetric map of grad."""
    return _over_last("normalized_backward", _to_gradient, (mean, scale, grad, input), dims)


def _to_gradient(mean: Array, scale: Array, grad: Array, x: Array, dim: int, out: Array) -> None:
    lib, n = xp(x), x.shape[dim]
    y = _normalized(x, mean, scale)
    lib.multiply(grad, y, out=out)
    y *= total(out, dim, keepdims=True) / n
    lib.subtract(grad, total(grad, dim, keepdims=True) / n, out=out)
    out -= y
    out *= scale


def _over_last(name: str, formula: Any, args: tuple[Array, ...], dims: int, numbers: tuple[float, ...] = ()) -> Array:
    """rows.along the last `dims` dimensions as one."""
    if dims == 1:
        return rows.along(name, formula, args, -1, numbers)
    shape = args[-1].shape
    lines = [x.reshape(x.shape[:-dims] + (math.prod(x.shape[-dims:]),)) for x in args]
    return rows.along(name, formula, tuple(lines), -1, numbers).reshape(shape)


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
    """(input - mean) / sqrt(variance + eps) * weight + bias, of the shape of the input, (*, *normalized_shape).

    Mean and variance (not corrected: divided by n) are those over the last dimensions, whose sizes `normalized_shape`
    names; weight and bias have that shape. float16 is computed in float32, and takes weight and bias of either.
    RuntimeError for shapes or dtypes that do not fit, NotImplementedError for integers. `cudnn_enable` has no effect.
    """
    shape = _shape_of(normalized_shape)
    for name, position, x in ("input", 1, input), ("weight", 3, weight), ("bias", 4, bias):
        if not isinstance(x, tape.Tensor) and (x is not None or x is input):
            kind = x.__class__.__name__
            raise TypeError(f"layer_norm(): argument '{name}' (position {position}) must be Tensor, not {kind}")
    if not isinstance(cudnn_enable, bool):
        kind = cudnn_enable.__class__.__name__
        raise TypeError(f"layer_norm(): argument 'cudnn_enable' (position 6) must be bool, not {kind}")
    eps = real_number(eps, "layer_norm", "eps")
    _check_shapes(input, shape, weight, bias)
    kind = _dtype(input, weight, bias)
    if kind == "e":
        input, weight, bias = [x if x is None else x.float() for x in (input, weight, bias)]
    array, dims = input._data, len(shape)
    ones = (*array.shape[:-dims], *[1] * dims)
    mean, scale = [xp(array).empty(ones, array.dtype) for _ in range(2)]
    out = _layer_norm(input, weight, bias, mean, scale, dims=dims, eps=eps)
    return out.to(float16) if kind == "e" else out


def _shape_of(normalized_shape: Any) -> Shape:
    says = "layer_norm(): argument 'normalized_shape' (position 2) must be tuple of ints, "
    if not isinstance(normalized_shape, tuple | list):
        raise TypeError(f"{says}not {normalized_shape.__class__.__name__}")
    for i, n in enumerate(normalized_shape):
        if n.__class__ is not int and (isinstance(n, bool) or not hasattr(n, "__index__")):
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
        if x is not None and x._data.shape != shape:
            raise RuntimeError(
                f"Expected {name} to be of same shape as normalized_shape, but got {name} of shape {list(x.shape)} and "
                f"normalized_shape = {wanted}"
            )
    if input._data.shape[-len(shape) :] != shape:
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
