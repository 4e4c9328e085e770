"""Functions of each element. Integer tensors go in as the default dtype; each derivative stands above its function."""

from __future__ import annotations

import builtins
import math
from typing import Any

import numpy as np

from minitorch.autograd.inplace import zeros_like
from minitorch.autograd.mismatch import promoted_to_floats, refuse_bool
from minitorch.autograd.tape import differentiable
from minitorch.device import Array, xp
from minitorch.dtypes import scalar_name, to_floating
from minitorch.fusion import elementwise
from minitorch.ops.arithmetic import clamp, reciprocal, where
from minitorch.ops.compare import eq, le, logical_and, require_tensors

# --- powers, exponentials, logarithms


@differentiable(lambda g, out: g / (2 * out), elementwise=True, one_step=True)
def sqrt(input: Array) -> Array:
    """The square root; of negative numbers, NaN."""
    return xp(input).sqrt(to_floating(input))


@differentiable(lambda g, out: -0.5 * g * (out * out * out), elementwise=True)
def rsqrt(input: Array) -> Array:
    """1 / sqrt(input)."""
    return 1 / xp(input).sqrt(to_floating(input))


@differentiable(lambda g, out: g * out, one_step=True)
def exp(input: Array) -> Array:
    """e ** input."""
    return xp(input).exp(to_floating(input))


@differentiable(lambda g, out: g * out * math.log(2.0), elementwise=True)
def exp2(input: Array) -> Array:
    """2 ** input."""
    return xp(input).exp2(to_floating(input))


@differentiable(lambda g, out: g * (out + 1), elementwise=True)
def expm1(input: Array) -> Array:
    """e ** input - 1, exact near 0."""
    return xp(input).expm1(to_floating(input))


@differentiable(lambda g, input: g / input, one_step=True)
def log(input: Array) -> Array:
    """The natural logarithm; of 0, -inf; of negative numbers, NaN."""
    return xp(input).log(to_floating(input))


@differentiable(lambda g, input: g / (input * math.log(2.0)), elementwise=True)
def log2(input: Array) -> Array:
    """The logarithm to base 2."""
    return xp(input).log2(to_floating(input))


@differentiable(lambda g, input: g / (input * math.log(10.0)), elementwise=True)
def log10(input: Array) -> Array:
    """The logarithm to base 10."""
    return xp(input).log10(to_floating(input))


@differentiable(lambda g, input: g / (input + 1), elementwise=True)
def log1p(input: Array) -> Array:
    """log(1 + input), exact near 0."""
    return xp(input).log1p(to_floating(input))


@differentiable(
    lambda g, input, other: g / (1 + exp(other - input)),
    lambda g, input, other: g / (1 + exp(input - other)),
    promote=True,
    elementwise=True,
)
def logaddexp(input: Array, other: Array) -> Array:
    """log(exp(input) + exp(other)), without overflow."""
    _floating_tensors("logaddexp", input, other)
    return xp(input).logaddexp(input, other)


def _xlogy_slope(g: Any, input: Any, other: Any) -> Any:
    if hasattr(other, "dtype"):
        return where(logical_and(eq(input, 0), le(other, 0)), 0.0, g * log(other))
    slope = g * float(np.log(other))
    return slope if other > 0 else where(eq(input, 0), 0.0, slope)


@differentiable(
    _xlogy_slope,
    lambda g, input, other: g * input / other,
    promote=promoted_to_floats,
)
def _xlogy(input: Array, other: Array) -> Array:
    lib = xp(input if hasattr(input, "dtype") else other)
    if hasattr(input, "dtype"):
        input = to_floating(input)
        other = to_floating(other) if hasattr(other, "dtype") else input.dtype.type(other)
    else:
        other = to_floating(other)
    product = input * lib.log(other)
    zero = lib.equal(input, 0) & ~lib.isnan(other)
    return lib.where(zero, product.dtype.type(0), product)


def xlogy(input: Any, other: Any, **options: Any) -> Any:
    """input * log(other), and 0 where input is 0."""
    if other.__class__ is int:
        other = float(other)  # an integer dtype might not hold it
    return _xlogy(float(input) if input.__class__ is int else input, other, **options)


@differentiable(lambda g, out: g * (1 - out) * out, elementwise=True)
def sigmoid(input: Array) -> Array:
    """1 / (1 + exp(-input))."""
    x = to_floating(input)
    if x.dtype.char == "e":
        return sigmoid.array(x.astype(np.float32)).astype(x.dtype)
    if not x.ndim:
        return 1 / (1 + xp(x).exp(-x))
    return _sigmoid(x)


@elementwise
def _sigmoid(x: Array) -> Array:
    lib = xp(x)
    out = lib.negative(x)
    lib.exp(out, out=out)
    out += 1
    return lib.divide(1, out, out=out)  # reciprocal() takes twice as long


@differentiable(lambda g, input: g / (input * (1 - input)), elementwise=True)
def _logit(input: Array) -> Array:
    input = to_floating(input)
    return xp(input).log(input / (1 - input))


def logit(input: Any, eps: float | None = None) -> Any:
    """log(p / (1 - p)), the inverse of sigmoid; `eps` clamps p to [eps, 1 - eps] first."""
    return _logit(input if eps is None else clamp(input, eps, 1 - eps))


# --- trigonometry


@differentiable(lambda g, input: g * cos(input))
def sin(input: Array) -> Array:
    """The sine of radians."""
    return xp(input).sin(to_floating(input))


@differentiable(lambda g, input: g * -sin(input))
def cos(input: Array) -> Array:
    """The cosine of radians."""
    return xp(input).cos(to_floating(input))


@differentiable(lambda g, out: g * (1 + out * out), elementwise=True)
def tan(input: Array) -> Array:
    """The tangent of radians."""
    return xp(input).tan(to_floating(input))


@differentiable(lambda g, input: g * rsqrt(1 - input * input), elementwise=True)
def asin(input: Array) -> Array:
    """The angle in radians whose sine is `input`."""
    return xp(input).arcsin(to_floating(input))


@differentiable(lambda g, input: g * -rsqrt(1 - input * input), elementwise=True)
def acos(input: Array) -> Array:
    """The angle in radians whose cosine is `input`."""
    return xp(input).arccos(to_floating(input))


@differentiable(lambda g, input: g / (input * input + 1), elementwise=True)
def atan(input: Array) -> Array:
    """The angle in radians whose tangent is `input`."""
    return xp(input).arctan(to_floating(input))


def _per_square(x: Any, input: Any, other: Any) -> Any:
    """x / (input**2 + other**2), and 0 at the origin, as in PyTorch."""
    square = input * input + other * other
    return x * where(eq(square, 0), 0.0, reciprocal(square))


@differentiable(
    lambda g, input, other: g * _per_square(other, input, other),
    lambda g, input, other: g * _per_square(-input, input, other),
    promote=promoted_to_floats,
    elementwise=True,
)
def atan2(input: Array, other: Array) -> Array:
    """The angle in radians of the point (other, input)."""
    require_tensors("atan2", input=input, other=other)
    return xp(input).arctan2(to_floating(input), to_floating(other))


@differentiable(lambda g, input: g * cosh(input))
def sinh(input: Array) -> Array:
    """The hyperbolic sine."""
    return xp(input).sinh(to_floating(input))


@differentiable(lambda g, input: g * sinh(input))
def cosh(input: Array) -> Array:
    """The hyperbolic cosine."""
    return xp(input).cosh(to_floating(input))


@differentiable(lambda g, out: g * (1 - out * out), elementwise=True, one_step=True)
def tanh(input: Array) -> Array:
    """The hyperbolic tangent."""
    return xp(input).tanh(to_floating(input))


@differentiable(lambda g, input: g * rsqrt(input * input + 1), elementwise=True)
def asinh(input: Array) -> Array:
    """The inverse of sinh."""
    return xp(input).arcsinh(to_floating(input))


@differentiable(lambda g, input: g * rsqrt(input * input - 1), elementwise=True)
def acosh(input: Array) -> Array:
    """The inverse of cosh; below 1, NaN."""
    return xp(input).arccosh(to_floating(input))


@differentiable(lambda g, input: g / (1 - input * input), elementwise=True)
def atanh(input: Array) -> Array:
    """The inverse of tanh; outside [-1, 1], NaN."""
    return xp(input).arctanh(to_floating(input))


@differentiable(lambda g, input, out: g * (input / out), lambda g, other, out: g * (other / out), promote=True)
def hypot(input: Array, other: Array) -> Array:
    """sqrt(input**2 + other**2), without overflow."""
    _floating_tensors("hypot", input, other)
    return xp(input).hypot(input, other)


def _floating_tensors(name: str, input: Array, other: Array) -> None:
    require_tensors(name, input=input, other=other)
    if input.dtype.kind != "f":
        raise NotImplementedError(f"\"{name}_cpu\" not implemented for '{scalar_name(input)}': convert with .float()")


@differentiable(lambda g: g * (math.pi / 180))
def deg2rad(input: Array) -> Array:
    """Degrees to radians."""
    return to_floating(input) * (math.pi / 180)


@differentiable(lambda g: g * (180 / math.pi))
def rad2deg(input: Array) -> Array:
    """Radians to degrees."""
    return to_floating(input) * (180 / math.pi)


# --- rounding: constant almost everywhere


@differentiable(lambda g: zeros_like(g))
def floor(input: Array) -> Array:
    """The largest integer not above `input`, in its dtype."""
    refuse_bool("floor", input)
    return xp(input).floor(input) if input.dtype.kind == "f" else input.copy()


@differentiable(lambda g: zeros_like(g))
def ceil(input: Array) -> Array:
    """The smallest integer not below `input`, in its dtype."""
    refuse_bool("ceil", input)
    return xp(input).ceil(input) if input.dtype.kind == "f" else input.copy()


@differentiable(lambda g: zeros_like(g))
def trunc(input: Array) -> Array:
    """`input` rounded towards zero, in its dtype."""
    refuse_bool("trunc", input)
    return xp(input).trunc(input) if input.dtype.kind == "f" else input.copy()


@differentiable(lambda g: zeros_like(g))
def round(input: Array, *, decimals: int = 0) -> Array:
    """The nearest number with that many decimals; ties go to the even one."""
    refuse_bool("round", input)
    if input.dtype.kind != "f":
        if decimals:
            raise NotImplementedError(
                f"\"round_cpu\" not implemented for '{scalar_name(input)}' with decimals={decimals}"
            )
        return input.copy()
    if decimals == 0:
        return xp(input).rint(input)
    scale = 10.0 ** builtins.abs(decimals)
    return xp(input).rint(input * scale) / scale if decimals > 0 else xp(input).rint(input / scale) * scale


@differentiable(lambda g: g)
def frac(input: Array) -> Array:
    """input - trunc(input); floating types alone."""
    if input.dtype.kind != "f":
        raise NotImplementedError(f"\"frac_cpu\" not implemented for '{scalar_name(input)}': convert with .float()")
    return input - xp(input).trunc(input)
