"""Dimension arguments: checked, and counted from the front."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from math import prod
from typing import Any, ParamSpec, TypeVar

Shape = tuple[int, ...]
Dim = int | Sequence[int] | None


def wrap_dim(dim: Any, ndim: int) -> int:
    """`dim` counted from the front; IndexError if there is no such dimension. A 0-d tensor takes -1 and 0."""
    if dim.__class__ is not int:
        if isinstance(dim, bool) or not hasattr(dim, "__index__"):
            raise TypeError(f"argument 'dim' must be int, not {dim.__class__.__name__}")
        dim = dim.__index__()
    size = ndim or 1
    if not -size <= dim < size:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-size}, {size - 1}], but got {dim})")
    return dim + size if dim < 0 else dim


def wrap_dims(dim: Dim, ndim: int) -> Shape:
    """The dimensions in `dim`, counted from the front, in their order; None: all. RuntimeError if one comes twice."""
    if dim is None:
        return tuple(range(ndim))
    if not isinstance(dim, tuple | list):
        return (wrap_dim(dim, ndim),)
    dims = tuple([wrap_dim(d, ndim) for d in dim])
    if len(set(dims)) != len(dims):
        twice = next(d for d in dims if dims.count(d) > 1)
        raise RuntimeError(f"dim {twice} appears multiple times in the list of dims")
    return dims


def axes(dim: Dim, ndim: int) -> Any:
    """What a reduction over `dim` hands to NumPy as `axis`: an int, a tuple, or None for all (also for no dims)."""
    if dim is None:
        return None
    dims = wrap_dims(dim, ndim)
    if not dims or not ndim:
        return None
    return dims[0] if len(dims) == 1 else dims


def kept(shape: Shape, axis: Any) -> Shape:
    """`shape` with 1 for the reduced dimensions; `axis` as `axes` gives it."""
    if axis is None:
        return (1,) * len(shape)
    if axis.__class__ is int:
        return (*shape[:axis], 1, *shape[axis + 1 :])
    return tuple([1 if i in axis else n for i, n in enumerate(shape)])


def count(shape: Shape, axis: Any) -> int:
    """How many elements of an array of this shape one result of the reduction takes in."""
    if axis is None:
        return prod(shape)
    return shape[axis] if axis.__class__ is int else prod([shape[i] for i in axis])


def nonempty(shape: Shape, axis: Any, name: str, error: type[Exception] = RuntimeError) -> None:
    """PyTorch's error for reductions that have no value for nothing, such as max; `error` if that is over all."""
    if 0 not in shape:
        return
    if axis is None:
        raise error(
            f"{name}(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with "
            "the 'dim' argument."
        )
    for i in (axis,) if axis.__class__ is int else axis:
        if shape[i] == 0:
            raise IndexError(f"{name}(): Expected reduction dim {i} to have non-zero size.")


# --- for public functions that are not ops themselves

P = ParamSpec("P")
R = TypeVar("R")


def numpy_names(function: Callable[P, R]) -> Callable[P, R]:
    """Let a function take `axis` and `keepdims` for `dim` and `keepdim`, as PyTorch does; refuse `out` by name."""

    @functools.wraps(function)
    def named(*args: Any, **options: Any) -> Any:
        if options:
            if options.get("out") is not None:
                raise NotImplementedError(
                    f"{function.__name__}(): minitorch has no 'out' argument; assign the result instead"
                )
            options.pop("out", None)
            for alias, name in ("axis", "dim"), ("keepdims", "keepdim"):
                if alias in options:
                    if name in options:
                        raise TypeError(f"{function.__name__}() got multiple values for argument '{name}'")
                    options[name] = options.pop(alias)
        return function(*args, **options)

    return named
