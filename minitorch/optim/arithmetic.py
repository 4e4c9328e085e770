"""The compound in-place operations that PyTorch's optimizers are written with, on arrays.

Each rounds in PyTorch's order, except that PyTorch fuses a product and the sum after it into one rounding
where the processor can, which NumPy does not offer: results agree to a unit in the last place per
operation. `spare` is an array of the same shape to write to, so that nothing is allocated; it may not be
one of the operands.
"""

from __future__ import annotations

from numbers import Real
from typing import Any

from minitorch.device import Array, xp


def add_(target: Array, x: Array, scale: float, spare: Array) -> None:
    """target += scale * x"""
    xp(target).multiply(x, scale, out=spare)
    target += spare


def addcmul_(target: Array, x: Array, y: Array, scale: float, spare: Array) -> None:
    """target += scale * x * y"""
    xp(target).multiply(x, scale, out=spare)
    spare *= y
    target += spare


def addcdiv_(target: Array, x: Array, y: Array, scale: float, spare: Array) -> None:
    """target += scale * x / y"""
    xp(target).multiply(x, scale, out=spare)
    spare /= y
    target += spare


def lerp_(start: Array, end: Array, weight: float, spare: Array) -> None:
    """start += weight * (end - start), computed from the nearer end."""
    lib = xp(start)
    lib.subtract(end, start, out=spare)
    if weight < 0.5:
        spare *= weight
        start += spare
    else:
        spare *= start.dtype.type(1) - start.dtype.type(weight)  # in the arrays' precision, as PyTorch does
        lib.subtract(end, spare, out=start)


def at_least(x: Any, low: float) -> Any:
    """The number x, or `low` if that is more; of a 0-d array on a GPU too."""
    return max(x, low) if isinstance(x, Real) else xp(x).maximum(x, low)


def descent_direction(
    grad: Array, param: Array, weight_decay: float, maximize: bool, out: Array, spare: Array
) -> Array:
    """The gradient of what is minimized: `grad` (its opposite if `maximize`) plus `weight_decay * param`.

    Returns `grad` itself, which must not be written to, or `out`.
    """
    if maximize:
        grad = xp(grad).negative(grad, out=out)
    if weight_decay:
        lib = xp(grad)
        lib.multiply(param, weight_decay, out=spare)
        grad = lib.add(grad, spare, out=out)
    return grad
