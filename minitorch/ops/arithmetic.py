"""Arithmetic and choosing between values. Shapes broadcast, dtypes promote, each derivative stands above its function."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minitorch.autograd import tape
from minitorch.autograd.inplace import as_element, zeros_like
from minitorch.autograd.mismatch import check_integer, promoted, promoted_to_floats, refuse_bool
from minitorch.autograd.tape import differentiable
from minitorch.choosing import limited, select, zero_unless
from minitorch.device import Array, xp
from minitorch.dtypes import default_numpy, to_floating
from minitorch.fusion import elementwise
from minitorch.ops.compare import eq, ge, gt, isfinite, le, logical_and, logical_or, lt, require_tensors

# --- arithmetic


@differentiable(lambda g: g, lambda g, alpha: g if alpha == 1 else g * alpha, promote=True, one_step=True)
def add(input: Array, other: Array, *, alpha: float = 1) -> Array:
    """input + alpha * other."""
    return input + (other if alpha == 1 and alpha is not True else _scaled("add", input, other, alpha))


@differentiable(lambda g: g, lambda g, alpha: -g if alpha == 1 else g * -alpha, one_step=True)
def sub(input: Array, other: Array, *, alpha: float = 1) -> Array:
    """input - alpha * other; not of bool tensors."""
    if other.__class__ is float and input.__class__ is np.ndarray and input.dtype.kind == "f":
        pass  # nothing to convert, nothing to refuse
    elif getattr(input, "dtype", None) is not getattr(other, "dtype", None) or input.dtype.kind == "b":
        input, other = _without_bool(input, other)
    return input - (other if alpha == 1 and alpha is not True else _scaled("sub", input, other, alpha))


@differentiable(lambda g, alpha: g * -alpha, lambda g: g, name="RsubBackward1", one_step=True)
def rsub(input: Array, other: Array, *, alpha: float = 1) -> Array:
    """other - alpha * input; not of bool tensors."""
    return sub.array(other, input, alpha=alpha)


def _without_bool(*operands: Any) -> list[Any]:
    """The operands in their common dtype; RuntimeError for a bool among them, before that hides it."""
    if any(x.dtype.kind == "b" if hasattr(x, "dtype") else isinstance(x, bool) for x in operands):
        raise RuntimeError(
            "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to invert a mask, use "
            "the `~` or `logical_not()` operator instead."
        )
    return promoted(list(operands))


def _scaled(name: str, input: Any, x: Any, alpha: float) -> Any:
    """alpha * x, as something to be added to `input`."""
    check_integer(alpha)
    array = input if hasattr(input, "dtype") else x
    kind = array.dtype.kind
    if isinstance(alpha, bool) and kind != "b":
        raise RuntimeError(f"{name}(): Boolean alpha only supported for Boolean results, not {array.dtype.name}.")
    if isinstance(alpha, float) and kind != "f":
        raise RuntimeError(
            f"{name}(): For integral input tensors, argument alpha must not be a floating point number, but got {alpha}."
        )
    if kind == "b":
        return x & bool(alpha)
    return x * alpha if hasattr(x, "dtype") else promoted([array, x * alpha])[1]


@differentiable(lambda g, other: g * other, lambda g, input: g * input, promote=True, one_step=True)
def mul(input: Array, other: Array) -> Array:
    """input * other."""
    return input * other


@differentiable(
    lambda g, other: g / other,
    lambda g, input, other: -g * ((input / other) / other),
    promote=promoted_to_floats,
    one_step=True,
)
def _div(input: Array, other: Array) -> Array:
    if not hasattr(input, "dtype"):
        return input / to_floating(other)
    return to_floating(input) / (to_floating(other) if hasattr(other, "dtype") else other)


@differentiable(lambda g: g * 0, lambda g: g * 0, promote=True, name="DivBackward0")
def _rounded_div(input: Array, other: Array, *, rounding_mode: str) -> Array:
    if rounding_mode == "floor":
        return _floor_divide(input, other)
    if rounding_mode == "trunc":
        if _integral(input, other):
            quotient = _floor_divide(input, other)
            inexact = (quotient * other != input) & ((input < 0) != (other < 0))
            return quotient + inexact.astype(quotient.dtype)
        return xp(input if hasattr(input, "dtype") else other).trunc(input / other)
    raise RuntimeError(f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{rounding_mode}'")


def div(input: Any, other: Any, *, rounding_mode: str | None = None, **options: Any) -> Any:
    """input / other; of integers, in the default dtype. rounding_mode: None, "trunc" (to zero) or "floor"."""
    if rounding_mode is not None:
        return _rounded_div(input, other, rounding_mode=rounding_mode, **options)
    if other.__class__ is int and not options:
        check_integer(other)
        other = float(other)  # an integer dtype might not hold it, and the quotient is floating anyway
    return _div(input, other, **options)


def _integral(*operands: Any) -> bool:
    return all(x.dtype.kind != "f" if hasattr(x, "dtype") else isinstance(x, int) for x in operands)


def _no_zero(input: Any, x: Any) -> None:
    """Integer division by zero: an error, as in PyTorch on the CPU (on CUDA looking would stall the GPU)."""
    if getattr(input, "size", 1) == 0:  # nothing is divided
        return
    if not hasattr(x, "dtype"):
        zero = x == 0
    else:
        zero = xp(x).__name__ == "numpy" and not x.all()
    if zero:
        raise RuntimeError("ZeroDivisionError: an integer tensor is divided by zero")


def _floor_divide(input: Array, other: Array) -> Array:
    refuse_bool("floor_divide", input, other)
    if _integral(input, other):
        _no_zero(input, other)
    elif hasattr(input, "dtype") or hasattr(other, "dtype"):
        lib = xp(input if hasattr(input, "dtype") else other)
        return lib.where(lib.equal(other, 0), input / other, input // other)
    return input // other


def _no_derivative(name: str) -> Any:
    raise RuntimeError(f"derivative for aten::{name} is not implemented: it is zero almost everywhere; use .detach()")


@differentiable(
    lambda g: _no_derivative("floor_divide"),
    lambda g: _no_derivative("floor_divide"),
    promote=True,
    name="NotImplemented",
)
def floor_divide(input: Array, other: Array) -> Array:
    """input // other, rounded towards minus infinity."""
    return _floor_divide(input, other)


@differentiable(
    lambda g: g,
    lambda g, input, other: -g * div(input, other, rounding_mode="floor"),
    promote=True,
    name="RemainderBackward1",
)
def remainder(input: Array, other: Array) -> Array:
    """input % other, with the sign of `other`, as Python has it."""
    refuse_bool("remainder", input, other)
    if _integral(input, other):
        _no_zero(input, other)
        return input % other
    lib = xp(input if hasattr(input, "dtype") else other)
    rest = lib.fmod(input, other)  # exact, where NumPy's % loses the sign of a zero
    return lib.where((rest != 0) & ((rest < 0) != (other < 0)), rest + other, rest)


@differentiable(lambda g: g, lambda g, input, other: -g * _truncated(input / other), promote=True)
def fmod(input: Array, other: Array) -> Array:
    """input - other * trunc(input / other), with the sign of `input`, as C has it."""
    require_tensors("fmod", input=input)
    refuse_bool("fmod", input, other)
    if _integral(input, other):
        _no_zero(input, other)
    return xp(input if hasattr(input, "dtype") else other).fmod(input, other)


@differentiable(
    lambda g, input, exponent: _base_gradient(g, input, exponent),
    lambda g, input, exponent, out: _exponent_gradient(g, input, exponent, out),
    promote=True,
    one_step=True,
)
def _pow(input: Array, exponent: Array) -> Array:
    if isinstance(exponent, bool) and input.dtype.kind == "b":
        return input.copy() if exponent else xp(input).ones_like(input)
    refuse_bool("pow", input, exponent)
    if hasattr(exponent, "dtype") and exponent.dtype.kind in "iu" and _negative(exponent):
        return _integer_power(input, exponent)
    return input**exponent


def _negative(x: Array) -> bool:
    """Whether some may be negative; on a GPU nobody looks."""
    return x.size > 0 and (not isinstance(x, np.ndarray) or x.min() < 0)


def pow(input: Any, exponent: Any, **options: Any) -> Any:
    """input ** exponent."""
    if exponent.__class__ is int and not 0 <= exponent <= 127:
        check_exponent(input, exponent)
    return _pow(input, exponent, **options)


def check_exponent(input: Any, exponent: Any) -> None:
    """RuntimeError for a Python integer that integers cannot be raised to."""
    if exponent.__class__ is int and isinstance(input, tape.Tensor) and not input.is_floating_point():
        if exponent < 0:
            raise RuntimeError(
                f"Integers to negative integer powers are not allowed: exponent {exponent}. Use .float()."
            )
        _check_number(exponent, input._data.dtype)


def _check_number(x: Any, kind: Any) -> None:
    """RuntimeError for a Python integer that does not fit into an integer dtype."""
    if x.__class__ is int and kind.kind in "iu":
        as_element(x, kind)


def _base_gradient(g: Any, input: Any, exponent: Any) -> Any:
    if isinstance(exponent, int | float):
        return g * (exponent * pow(input, exponent - 1)) if exponent else zeros_like(g)
    return where(eq(exponent, 0), 0.0, g * (exponent * pow(input, exponent - 1)))


def _exponent_gradient(g: Any, input: Any, exponent: Any, out: Any) -> Any:
    if not isinstance(input, int | float):
        return where(logical_and(eq(input, 0), ge(exponent, 0)), 0.0, g * (out * _log(input)))
    if input == 0:
        return where(ge(exponent, 0), 0.0, g * (out * -math.inf))
    return g * (out * (math.log(input) if input > 0 else math.nan))


def _integer_power(input: Array, exponent: Array) -> Array:
    """As PyTorch's: the inverse of an integer is 0, but for 1 and -1."""
    lib = xp(exponent)
    input = lib.asarray(input, dtype=exponent.dtype)
    inverse = lib.where(input == 1, 1, lib.where(input == -1, 1 - 2 * (exponent % 2), 0)).astype(exponent.dtype)
    return lib.where(exponent < 0, inverse, input ** lib.maximum(exponent, 0))


@differentiable(lambda g: -g, one_step=True)
def neg(input: Array) -> Array:
    """-input; not of bool tensors."""
    return -input


def positive(input: Any) -> Any:
    """+input: itself; not of bool tensors."""
    if input._data.dtype.kind == "b":
        raise RuntimeError("The `+` operator, on a bool tensor is not supported: convert with .int().")
    return input


@differentiable(lambda g, input: g * sign(input), one_step=True)
def abs(input: Array) -> Array:
    """|input|."""
    refuse_bool("abs", input)
    return xp(input).absolute(input)


@differentiable(lambda g: zeros_like(g))
def sign(input: Array) -> Array:
    """-1, 0 or 1; of NaN, 0."""
    if input.dtype.kind == "f":
        return (input > 0).astype(input.dtype) - (input < 0)
    return xp(input).sign(input) if input.dtype.kind != "b" else input.copy()


@differentiable(lambda g, input: 2.0 * g * input, name="PowBackward0")
def square(input: Array) -> Array:
    """input ** 2."""
    return input * input if input.dtype.kind != "b" else input.astype("int64")


@differentiable(lambda g, out: -g * (out * out))
def reciprocal(input: Array) -> Array:
    """1 / input."""
    return 1 / to_floating(input)


def _log(x: Any) -> Any:
    from minitorch.ops.elementwise import log

    return log(x)


def _truncated(x: Any) -> Any:
    from minitorch.ops.elementwise import trunc

    return trunc(x)


# --- choosing between values


def _masked_gradient(g: Any, mask: Any) -> Any:
    return masked(g, mask)


@differentiable(_masked_gradient, None)
def masked(input: Array, mask: Array) -> Array:
    """`input` where `mask`, an array of its shape, is not 0, else 0, also where input is infinite or NaN."""
    return zero_unless(input, mask)


@differentiable(None, lambda g, condition: where(condition, g, 0.0), lambda g, condition: where(condition, 0.0, g))
def _where(condition: Array, input: Array, other: Array) -> Array:
    if condition.dtype.kind != "b":
        raise RuntimeError(
            f"where expected condition to be a boolean tensor, but got a tensor with dtype {condition.dtype}"
        )
    if getattr(input, "dtype", None) is not getattr(other, "dtype", None):
        input, other = promoted([input, other])
    elif not hasattr(input, "dtype"):
        kind = default_numpy() if isinstance(input, float) or isinstance(other, float) else None
        return xp(condition).where(condition, input, other).astype(kind or xp(condition).int64, copy=False)
    return select(condition, input, other)


def where(condition: Any, input: Any = None, other: Any = None) -> Any:
    """`input` where `condition` holds, else `other`. With the condition alone: `nonzero(condition, as_tuple=True)`."""
    if input is None and other is None:
        from minitorch.ops.scatter import nonzero

        return nonzero(condition, as_tuple=True)
    for x, y in (input, other), (other, input):
        if isinstance(y, tape.Tensor):
            _check_number(x, y._data.dtype)
    return _where(condition, input, other)


@differentiable(
    lambda g, input, min, max: masked(g, _inside(input, min, max)),
    lambda g, input, min, max: where(_below(input, min, max), g, 0.0),
    lambda g, input, min, max: where(_above(input, min, max), g, 0.0),
    promote=True,
)
def _clamp(input: Array, min: Array = None, max: Array = None) -> Array:
    if not (hasattr(min, "dtype") or hasattr(max, "dtype")):
        refuse_bool("clamp", input)
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    return _limited(input, min, max)


_limited = elementwise(limited)


def clamp(input: Any, min: Any = None, max: Any = None, **options: Any) -> Any:
    """`input` limited to [min, max]; a limit may be a number, a tensor or None. If min > max, max wins."""
    check_limits(input, min, max)
    return _clamp(input, min, max, **options)


def check_limits(input: Any, *limits: Any) -> None:
    """RuntimeError for a limit that the dtype of `input` cannot hold."""
    if not isinstance(input, tape.Tensor):
        return
    kind = input._data.dtype
    for limit in limits:
        if kind.kind == "f" and limit.__class__ in (int, float):
            as_element(limit, kind)
        elif limit.__class__ is int:
            _check_number(limit, kind)


def _inside(input: Any, min: Any, max: Any) -> Any:
    if min is None or max is None:
        return le(input, max) if min is None else ge(input, min)
    return ge(input, min) & le(input, max)


def _below(input: Any, min: Any, max: Any) -> Any:
    return lt(input, min) if max is None else logical_and(lt(input, min), lt(min, max))


def _above(input: Any, min: Any, max: Any) -> Any:
    return gt(input, max) if min is None else logical_or(gt(input, max), lt(max, min))


def clamp_min(input: Any, min: Any) -> Any:
    """`input`, at least `min`."""
    return clamp(input, min, None)


def clamp_max(input: Any, max: Any) -> Any:
    """`input`, at most `max`."""
    return clamp(input, None, max)


@differentiable(
    lambda g, input, other: where(lt(input, other), 0.0, where(eq(input, other), g / 2, g)),
    lambda g, input, other: where(lt(other, input), 0.0, where(eq(input, other), g / 2, g)),
    promote=True,
)
def maximum(input: Array, other: Array) -> Array:
    """The larger of both, elementwise; at a tie each gets half the gradient, beside NaN all of it; NaN wins."""
    require_tensors("maximum", input=input, other=other)
    return xp(input).maximum(input, other)


@differentiable(
    lambda g, input, other: where(gt(input, other), 0.0, where(eq(input, other), g / 2, g)),
    lambda g, input, other: where(gt(other, input), 0.0, where(eq(input, other), g / 2, g)),
    promote=True,
)
def minimum(input: Array, other: Array) -> Array:
    """The smaller of both, elementwise; at a tie each gets half the gradient, beside NaN all of it; NaN wins."""
    require_tensors("minimum", input=input, other=other)
    return xp(input).minimum(input, other)


@differentiable(lambda g, input: where(isfinite(input), g, 0.0))
def nan_to_num(input: Array, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Array:
    """NaN replaced by `nan`, infinities by the given numbers or the largest finite ones."""
    return xp(input).nan_to_num(input, copy=True, nan=nan, posinf=posinf, neginf=neginf)
