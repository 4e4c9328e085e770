"""What the engine does to gradients: undo broadcasting, convert the dtype, copy."""

from __future__ import annotations

from typing import Any

from minitorch.autograd.tape import constant, differentiable
from minitorch.device import Array, xp
from minitorch.summation import total


@differentiable(lambda g, shape: broadcast_to(g, shape))
def sum_to(input: Array, size: tuple[int, ...]) -> Array:
    """Sum over the dimensions along which `size` was repeated to give `input`: the adjoint of broadcast_to."""
    lead = input.ndim - len(size)
    if lead == 1 and input.shape[1:] == size:  # a bias, say
        return total(input, 0)
    dims = tuple(range(lead)) + tuple(i + lead for i, n in enumerate(size) if n == 1 and input.shape[i + lead] != 1)
    if not dims:
        return input.reshape(size)
    return total(input, dims) if len(dims) == lead else total(input, dims, keepdims=True).reshape(size)


@differentiable(lambda g, shape: sum_to(g, shape), view=True, name="ExpandBackward0")
def broadcast_to(input: Array, size: tuple[int, ...]) -> Array:
    """`input` repeated along new and size-1 dimensions, without copying."""
    out = xp(input).broadcast_to(input, size)
    if getattr(
        input.flags, "writeable", False
    ):  # NumPy hands it out read-only; PyTorch allows writes where no two elements share memory
        out.flags.writeable = True
    return out


@differentiable(lambda g: g, name="ToCopyBackward0")  # the engine gives every gradient the dtype of its edge
def convert(input: Array, dtype: Any) -> Array:
    """A copy of `input` in another NumPy dtype."""
    return unexpanded(input).astype(dtype)


@constant()
def convert_to_integer(input: Array, dtype: Any) -> Array:
    """`convert` to a type that carries no gradient."""
    return unexpanded(input).astype(dtype)


@differentiable(lambda g: g)
def clone(input: Array) -> Array:
    """A copy in memory of its own, laid out like the original."""
    out = unexpanded(input)
    return input.copy(order="K") if out is input else out


def unexpanded(x: Array) -> Array:
    """`x` itself; if it repeats its elements, a copy, whose memory is in the order that PyTorch gives it."""
    return xp(x).maximum(x, x) if x.size > 1 and 0 in x.strides else x  # a ufunc has PyTorch's order, `copy` has not
