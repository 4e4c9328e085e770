"""Comparisons, logic and bits: results that carry no gradient."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from minitorch.autograd import tape
from minitorch.autograd.mismatch import explain, is_array, refuse_bool
from minitorch.autograd.tape import constant
from minitorch.device import Array, number_in, xp
from minitorch.dtypes import scalar_name


def require_tensors(name: str, **operands: Any) -> None:
    """TypeError for a number where PyTorch takes tensors alone. (To a rule, a NumPy number is a 0-d tensor.)"""
    if tape.on_arrays.get():
        return
    for position, (argument, x) in enumerate(operands.items(), 1):
        if not (is_array(x) or isinstance(x, tape.Tensor)) or isinstance(x, np.generic):
            kind = x.__class__.__name__
            raise TypeError(f"{name}(): argument '{argument}' (position {position}) must be Tensor, not {kind}")


def real_number(x: Any, name: str, argument: str) -> float:
    """A float argument, which a number of any kind or a 0-d tensor may stand for."""
    if isinstance(x, tape.Tensor) and not x._data.ndim:
        return float(x.item())
    if not isinstance(x, int | float | np.generic):
        raise TypeError(f"{name}(): argument '{argument}' must be float, not {x.__class__.__name__}")
    return float(x)


@constant(2, promote=True)
def eq(input: Array, other: Array) -> Array:
    """input == other, elementwise; bool."""
    return input == other


@constant(2, promote=True)
def ne(input: Array, other: Array) -> Array:
    """input != other, elementwise; bool."""
    return input != other


@constant(2, promote=True)
def lt(input: Array, other: Array) -> Array:
    """input < other, elementwise; bool."""
    return input < other


@constant(2, promote=True)
def le(input: Array, other: Array) -> Array:
    """input <= other, elementwise; bool."""
    return input <= other


@constant(2, promote=True)
def gt(input: Array, other: Array) -> Array:
    """input > other, elementwise; bool."""
    return input > other


@constant(2, promote=True)
def ge(input: Array, other: Array) -> Array:
    """input >= other, elementwise; bool."""
    return input >= other


@constant()
def isnan(input: Array) -> Array:
    """Where `input` is NaN; bool."""
    return xp(input).isnan(input)


@constant()
def isinf(input: Array) -> Array:
    """Where `input` is infinite; bool."""
    return xp(input).isinf(input)


@constant()
def isposinf(input: Array) -> Array:
    """Where `input` is +inf; bool."""
    return input == xp(input).inf


@constant()
def isneginf(input: Array) -> Array:
    """Where `input` is -inf; bool."""
    return input == -xp(input).inf


@constant()
def isfinite(input: Array) -> Array:
    """Where `input` is neither infinite nor NaN; bool."""
    return xp(input).isfinite(input)


@constant()
def signbit(input: Array) -> Array:
    """Where the sign bit of `input` is set (also -0.0); bool."""
    return xp(input).signbit(input) if input.dtype.kind == "f" else input < 0


@constant(2)
def isclose(input: Array, other: Array, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Array:
    """|input - other| <= atol + rtol * |other|, elementwise; equal infinities are close; bool."""
    require_tensors("isclose", input=input, other=other)
    if input.dtype is not other.dtype:
        raise RuntimeError(f"isclose(): the dtypes of input and other differ: {input.dtype} and {other.dtype}")
    for argument, tolerance in ("rtol", rtol), ("atol", atol):
        if tolerance < 0:
            raise RuntimeError(f"isclose(): {argument} must be greater than or equal to zero, but got {tolerance}")
    return xp(input).isclose(input, other, rtol=rtol, atol=atol, equal_nan=equal_nan)


def allclose(input: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """True if all elements are close, as `isclose` has it."""
    return number_in(isclose(input, other, rtol=rtol, atol=atol, equal_nan=equal_nan)._data.all())


def equal(input: Any, other: Any) -> bool:
    """True if both have the same shape and the same elements."""
    require_tensors("equal", input=input, other=other)
    if xp(input._data) is not xp(other._data):
        raise explain("equal", ["input", "other"], [input._data, other._data], RuntimeError())
    return input._data.shape == other._data.shape and number_in((input._data == other._data).all())


# --- logic: anything but zero is true


@constant(2)
def logical_and(input: Array, other: Array) -> Array:
    """input and other, elementwise; bool."""
    require_tensors("logical_and", input=input, other=other)
    return xp(input).logical_and(input, other)


@constant(2)
def logical_or(input: Array, other: Array) -> Array:
    """input or other, elementwise; bool."""
    require_tensors("logical_or", input=input, other=other)
    return xp(input).logical_or(input, other)


@constant(2)
def logical_xor(input: Array, other: Array) -> Array:
    """input or other but not both, elementwise; bool."""
    require_tensors("logical_xor", input=input, other=other)
    return xp(input).logical_xor(input, other)


@constant()
def logical_not(input: Array) -> Array:
    """not input, elementwise; bool."""
    return xp(input).logical_not(input)


# --- bits


def _bits(name: str, function: Any, *operands: Array) -> Array:
    for x in operands:
        if isinstance(x, float) or (hasattr(x, "dtype") and x.dtype.kind == "f"):
            raise NotImplementedError(f'"{name}_cpu" not implemented for floating-point operands: use integers or bool')
    return function(*operands)


@constant(2, promote=True)
def bitwise_and(input: Array, other: Array) -> Array:
    """input & other, elementwise; integers or bool."""
    return _bits("bitwise_and", operator.and_, input, other)


@constant(2, promote=True)
def bitwise_or(input: Array, other: Array) -> Array:
    """input | other, elementwise; integers or bool."""
    return _bits("bitwise_or", operator.or_, input, other)


@constant(2, promote=True)
def bitwise_xor(input: Array, other: Array) -> Array:
    """input ^ other, elementwise; integers or bool."""
    return _bits("bitwise_xor", operator.xor, input, other)


@constant()
def bitwise_not(input: Array) -> Array:
    """~input, elementwise; integers or bool."""
    if input.dtype.kind == "f":
        raise NotImplementedError(f"\"bitwise_not\" not implemented for '{scalar_name(input)}': convert it with .int()")
    return ~input


def invert(self: Any) -> Any:
    """~self, of integers or bool."""
    if self._data.dtype.kind == "f":
        raise TypeError("~ (operator.invert) is only implemented on integer and Boolean-type tensors")
    return bitwise_not(self)


@constant(2, promote=True)
def bitwise_left_shift(input: Array, other: Array) -> Array:
    """input << other, elementwise; integers."""
    refuse_bool("lshift", input, other)
    return _bits("lshift", operator.lshift, input, other)


@constant(2, promote=True)
def bitwise_right_shift(input: Array, other: Array) -> Array:
    """input >> other, elementwise; integers."""
    refuse_bool("rshift", input, other)
    return _bits("rshift", operator.rshift, input, other)
