"""Activation functions and their derivatives. At kinks, NaN and infinity they give what PyTorch gives.

Floating-point tensors only, but for relu and hardtanh; float16 is computed in float32 and rounded once.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minitorch import dtypes
from minitorch.autograd.inplace import as_element
from minitorch.autograd.tape import differentiable
from minitorch.choosing import limited, positive_part, select
from minitorch.device import Array, xp
from minitorch.fusion import elementwise
from minitorch.ops import rows
from minitorch.ops.arithmetic import masked, where
from minitorch.ops.elementwise import exp, sigmoid, tanh
from minitorch.ops.extremes import extreme_along
from minitorch.ops.reduce import sum as sum_over
from minitorch.ops.shape import reshape
from minitorch.ops.special import erf
from minitorch.summation import total


def floating(function: Callable[..., Array]) -> Callable[..., Array]:
    """Make an array function take floating-point arrays only, float16 by way of float32."""

    @functools.wraps(function)
    def checked(input: Array, *args: Any, **options: Any) -> Array:
        code = input.dtype.char
        if code in "fd":
            return function(input, *args, **options)
        if code == "e":
            return function(*dtypes.halves_in_single((input, *args)), **options).astype(np.float16)
        raise NotImplementedError(
            f"\"{function.__name__}\" not implemented for '{dtypes.scalar_name(input)}': "
            "convert the input with .float()"
        )

    return checked


# --- pieces of straight lines


@differentiable(lambda g, out: masked(g, out), one_step=True)
def relu(input: Array) -> Array:
    """max(input, 0). The derivative at 0 is 0; at NaN it is 1, as in PyTorch (NaN != 0)."""
    if input.dtype.kind == "b":
        raise RuntimeError("Boolean inputs not supported for relu")
    return positive_part(input)


@differentiable(
    lambda g, input, negative_slope: where(input > 0, g, g * negative_slope), elementwise=True, in_single=True
)
@floating
@elementwise
def leaky_relu(input: Array, negative_slope: float = 0.01) -> Array:
    """input where it is positive, else negative_slope * input."""
    if 0 < negative_slope <= 1:
        return xp(input).maximum(input, input * negative_slope)
    return select(input > 0, input, input * negative_slope)


@differentiable(
    lambda g, input, weight: where(input > 0, g, g * weight),
    lambda g, input, weight: masked(g * input, input <= 0),
    name="PreluKernelBackward0",
    elementwise=True,
    in_single=True,
)
def prelu(input: Array, weight: Array) -> Array:
    """leaky_relu whose slope is the tensor `weight`, broadcast against input."""
    return select(input > 0, input, input * weight)


@differentiable(
    lambda g, input, min_val, max_val: masked(g, (input > min_val) & (input < max_val)),
    elementwise=True,
    in_single=True,
)
def hardtanh(input: Array, min_val: float = -1.0, max_val: float = 1.0) -> Array:
    """input limited to [min_val, max_val]; the derivative is 0 at both ends."""
    if input.dtype.kind == "b":
        raise RuntimeError("Bool inputs not supported for hardtanh")
    if min_val > max_val:
        raise ValueError("min_val cannot be greater than max_val")
    if input.dtype.kind == "u" and min_val < 0:
        raise RuntimeError("cannot do hardtanh on an unsigned type with negative limits")
    if input.dtype.kind != "f":
        min_val, max_val = int(min_val), int(max_val)
    for limit in min_val, max_val:
        as_element(limit, input.dtype)  # the error if it does not fit
    return limited(input, min_val, max_val)


_SIXTH = 0.1666666716337204  # 1/6 in float32: what PyTorch's derivative takes for float64 too


@differentiable(lambda g, input: masked(g * _SIXTH, (input > -3) & (input < 3)), elementwise=True, in_single=True)
@floating
@elementwise
def hardsigmoid(input: Array) -> Array:
    """relu6(input + 3) / 6. Howard et al. 2019."""
    return limited(input + 3, 0, 6) / 6


@differentiable(
    lambda g, input: where(input >= 3, g, masked(g * (input / 3 + 0.5), ~(input <= -3))),
    elementwise=True,
    in_single=True,
)
@floating
@elementwise
def hardswish(input: Array) -> Array:
    """input * hardsigmoid(input). Howard et al. 2019, equation 3."""
    return input * limited(input + 3, 0, 6) / 6


@differentiable(lambda g, input, lambd: masked(g, (input > lambd) | (input < -lambd)), elementwise=True, in_single=True)
@floating
@elementwise
def softshrink(input: Array, lambd: float = 0.5) -> Array:
    """input moved towards 0 by lambd; 0 where |input| <= lambd."""
    if not lambd >= 0:
        raise RuntimeError(f"softshrink: lambda must not be negative, but found {lambd}")
    return positive_part(input - lambd) + limited(input + lambd, None, 0)


@differentiable(lambda g, input, lambd: masked(g, (input > lambd) | (input < -lambd)), elementwise=True, in_single=True)
@floating
@elementwise
def hardshrink(input: Array, lambd: float = 0.5) -> Array:
    """input where |input| > lambd, else 0."""
    inside = (input >= -lambd) & (input <= lambd)
    return masked.array(input, ~inside)


@differentiable(lambda g, input, threshold: masked(g, ~(input <= threshold)), elementwise=True, in_single=True)
def threshold(input: Array, threshold: float, value: float) -> Array:
    """input where it exceeds `threshold`, else `value`."""
    if input.dtype.kind == "b":
        raise NotImplementedError("\"threshold\" not implemented for 'Bool': convert the input with .float()")
    return select(input <= threshold, value, input)


# --- exponential pieces


def _elu_gradient(g: Any, input: Any, alpha: float, scale: float, input_scale: float) -> Any:
    # Positive inputs are masked out of exp: an overflow there would become NaN in the second derivative.
    below = masked(input, ~(input >= 0))
    if input_scale != 1.0:
        input_scale = 1.0 / float(np.float32(alpha))  # celu's, to single precision in PyTorch for float64 too
    slope = exp(below * input_scale) * (input_scale * alpha * scale)
    return where(input > 0, g * scale, g * slope)


@differentiable(
    _elu_gradient,
    name=lambda alpha, scale, input_scale: "EluBackward0" if input_scale == 1.0 else "CeluBackward0",
    elementwise=True,
    in_single=True,
)
@floating
@elementwise
def elu(input: Array, alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> Array:
    """scale * (input if input > 0 else alpha * (exp(input_scale * input) - 1)). Clevert et al. 2015."""
    below = xp(input).expm1(limited(input, None, 0) * input_scale)
    return positive_part(input) * scale + below * (alpha * scale)


SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946


def selu(input: Any) -> Any:
    """elu with the alpha and scale that keep mean 0 and variance 1. Klambauer et al. 2017."""
    return elu(input, alpha=SELU_ALPHA, scale=SELU_SCALE)


def celu(input: Any, alpha: float = 1.0) -> Any:
    """max(0, x) + min(0, alpha * (exp(x / alpha) - 1)). Barron 2017."""
    return elu(input, alpha=alpha, input_scale=celu_scale(alpha))


def celu_scale(alpha: float) -> float:
    """By what celu multiplies its input inside exp."""
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    return 1 / alpha


def _softplus(lib: Any, x: Array) -> Array:
    """log(1 + exp(x)) without overflow."""
    return lib.log1p(lib.exp(-lib.absolute(x))) + positive_part(x)


@differentiable(
    lambda g, input, beta, threshold: where(input * beta > threshold, g, g * sigmoid(input * beta)),
    elementwise=True,
    in_single=True,
)
@floating
@elementwise
def softplus(input: Array, beta: float = 1.0, threshold: float = 20.0) -> Array:
    """log(1 + exp(beta * input)) / beta; where beta * input > threshold, input itself."""
    lib = xp(input)
    scaled = input * beta
    return select(scaled > threshold, input, _softplus(lib, scaled) / beta)


@differentiable(lambda g, input: g * sigmoid(-input), name="LogSigmoidBackward0", elementwise=True, in_single=True)
@floating
@elementwise
def logsigmoid(input: Array) -> Array:
    """log(sigmoid(input)) = min(input, 0) - log(1 + exp(-|input|))."""
    lib = xp(input)
    return limited(input, None, 0) - lib.log1p(lib.exp(-lib.absolute(input)))


def _silu_gradient(g: Any, input: Any) -> Any:
    s = sigmoid(input)
    return g * (s * (1 + input * (1 - s)))


@differentiable(_silu_gradient, elementwise=True, in_single=True)
@floating
@elementwise
def silu(input: Array) -> Array:
    """input * sigmoid(input), also called swish."""
    return input / (1 + xp(input).exp(-input))


def _mish_gradient(g: Any, input: Any) -> Any:
    t = tanh(softplus(input))
    return g * (t + input * sigmoid(input) * (1 - t * t))


@differentiable(_mish_gradient, elementwise=True, in_single=True)
@floating
@elementwise
def mish(input: Array) -> Array:
    """input * tanh(softplus(input)). Misra 2019."""
    lib = xp(input)
    return input * lib.tanh(_softplus(lib, input))


def _gelu_gradient(g: Any, input: Any, approximate: str) -> Any:
    if approximate == "tanh":
        t = tanh(_gelu_inner(input))
        slope = _SQRT_2_OVER_PI * (1 + 3 * _GELU_CUBIC * (input * input))
        return g * (0.5 * (1 + t) + 0.5 * input * (1 - t * t) * slope)
    density = exp(-0.5 * (input * input)) * (1 / math.sqrt(2 * math.pi))
    return g * (0.5 * (1 + erf(input * math.sqrt(0.5))) + input * density)


@elementwise
def _gelu(x: Array) -> Array:
    out = erf.array(x * math.sqrt(0.5))
    out += 1
    out *= x
    out *= 0.5
    return out


_SQRT_2_OVER_PI = math.sqrt(2 / math.pi)
_GELU_CUBIC = 0.044715


@elementwise
def _gelu_tanh(x: Array) -> Array:
    return 0.5 * x * (1 + xp(x).tanh(_gelu_inner(x)))


def _gelu_inner(x: Any) -> Any:
    return _SQRT_2_OVER_PI * (x + _GELU_CUBIC * (x * x * x))


@differentiable(_gelu_gradient, elementwise=True, in_single=True)
@floating
def gelu(input: Array, *, approximate: str = "none") -> Array:
    """input * Phi(input), Phi the normal distribution function; or the tanh form. Hendrycks, Gimpel 2016."""
    if approximate == "none":
        return _gelu(input) if input.ndim else 0.5 * input * (1 + erf.array(input * math.sqrt(0.5)))
    if approximate == "tanh":
        return _gelu_tanh(input)
    raise RuntimeError("approximate argument must be either none or tanh.")


def glu(input: Any, dim: int = -1) -> Any:
    """a * sigmoid(b), where a and b are the halves of input along dim. Dauphin et al. 2016."""
    if input.dim() == 0:
        raise RuntimeError("glu does not support scalars because halving size must be even")
    size = input.shape[dim]
    if size % 2:
        place = dim % input.dim()
        raise RuntimeError(f"Halving dimension must be even, but dimension {place} is size {size}")
    if not input.is_floating_point():
        raise NotImplementedError(
            f"\"glu\" not implemented for '{dtypes.scalar_name(input._data)}': convert the input with .float()"
        )
    a, b = input.chunk(2, dim)
    return a * sigmoid(b)


# --- along a dimension


def _line(x: Any, dim: int) -> Any:
    return sum_over(x, dim=dim, keepdim=True)


@differentiable(
    lambda g, out_, dim: softmax_backward(g, out_, dim=dim),
    lambda g, grad, out_, dim: grad * g - _line(out_ * grad, dim) * g - grad * _line(out_ * g, dim),
    name="SoftmaxBackwardDataBackward0",
)
@floating
def softmax_backward(grad: Array, out_: Array, dim: int) -> Array:
    """(grad - sum(grad * out)) * out: the gradient of softmax, whose output was `out_`."""
    return rows.along("softmax_backward", _to_softmax_gradient, (grad, out_), dim)


def _to_softmax_gradient(grad: Array, y: Array, dim: int, out: Array) -> None:
    xp(y).multiply(grad, y, out=out)
    _less_and_times(grad, total(out, dim, keepdims=True), y, out)


@elementwise
def _less_and_times(grad: Array, sums: Array, y: Array, out: Array) -> None:
    xp(y).subtract(grad, sums, out=out)
    out *= y


@differentiable(
    lambda g, out_, dim: g - _line(g * exp(out_), dim),
    lambda g, grad, out_, dim: -g * exp(out_) * _line(grad, dim),
    name="LogSoftmaxBackwardDataBackward0",
)
@floating
def log_softmax_backward(grad: Array, out_: Array, dim: int) -> Array:
    """grad - exp(out) * sum(grad): the gradient of log_softmax, whose output was `out_`."""
    return rows.along("log_softmax_backward", _to_log_softmax_gradient, (grad, out_), dim)


def _to_log_softmax_gradient(grad: Array, y: Array, dim: int, out: Array) -> None:
    _less_expected(grad, y, total(grad, dim, keepdims=True), out)


@elementwise
def _less_expected(grad: Array, y: Array, sums: Array, out: Array) -> None:
    lib = xp(y)
    lib.exp(y, out=out)
    out *= sums
    lib.subtract(grad, out, out=out)


@differentiable(lambda g, out, dim: softmax_backward(g, out, dim=dim))
@floating
def _softmax(input: Array, dim: int) -> Array:
    return rows.along("softmax", _to_softmax, (input,), dim)


def _to_softmax(x: Array, dim: int, out: Array) -> None:
    sums = _sums_of_exp(x, dim, out) if isinstance(x, np.ndarray) and x.size >= _MANY else None
    if sums is None:
        _exp_of_difference(x, extreme_along(x, "max", dim, True), out)  # which cannot overflow
        sums = total(out, dim, keepdims=True)
    out /= sums


_MANY = 4096  # elements: of fewer, the look at the sums takes longer than the maximum


def _sums_of_exp(x: np.ndarray, dim: int, out: np.ndarray) -> np.ndarray | None:
    """The sums of out = exp(x) along dim; None unless all are 1 or more, and finite.

    For then nothing has overflowed, and what has underflowed does so in the quotient too.
    """
    with np.errstate(over="ignore"):
        np.exp(x, out=out)
        sums = total(out, dim, keepdims=True)
    return sums if sums.min() >= 1 and sums.max() < math.inf else None


@elementwise
def _exp_of_difference(x: Array, most: Array, out: Array) -> None:
    lib = xp(x)
    lib.subtract(x, most, out=out)
    lib.exp(out, out=out)


@differentiable(lambda g, out, dim: log_softmax_backward(g, out, dim=dim))
@floating
def _log_softmax(input: Array, dim: int) -> Array:
    return rows.along("log_softmax", _to_log_softmax, (input,), dim)


def _to_log_softmax(x: Array, dim: int, out: Array) -> None:
    xp(x).subtract(x, extreme_along(x, "max", dim, True), out=out)
    _less_log(out, total(xp(x).exp(out), dim, keepdims=True))


@elementwise
def _less_log(x: Array, sums: Array) -> None:
    x -= xp(x).log(sums)


def softmax(input: Any, dim: int | None = None, dtype: Any = None, *, axis: int | None = None) -> Any:
    """exp(input) / sum(exp(input)) along dim (or axis); `dtype`: convert the input to it first."""
    dim = _along("softmax", input, axis if dim is None else dim)
    x = input if dtype is None else input.to(dtype)
    return _softmax(x, dim=dim) if x._data.ndim else reshape(_softmax(reshape(x, (1,)), dim=0), ())


def log_softmax(input: Any, dim: int | None = None, dtype: Any = None, *, axis: int | None = None) -> Any:
    """log(softmax(input)) along dim (or axis); `dtype`: convert the input to it first."""
    dim = _along("log_softmax", input, axis if dim is None else dim)
    x = input if dtype is None else input.to(dtype)
    return _log_softmax(x, dim=dim) if x._data.ndim else reshape(_log_softmax(reshape(x, (1,)), dim=0), ())


def _along(name: str, input: Any, dim: int | None) -> int:
    if dim is None:
        raise TypeError(f"{name}() received an invalid combination of arguments: it needs the argument dim")
    ndim = input.dim() or 1
    if not -ndim <= dim < ndim:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-ndim}, {ndim - 1}], but got {dim})")
    return dim
