"""Running the same program under minitorch and PyTorch and comparing what comes out, errors included."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

import minitorch

Program = Callable[[Any], Any]


def leaf(library: Any, *shape: int, start: float = 0.5, dtype: str = "float64") -> Any:
    """A tensor of different numbers that requires grad."""
    n = int(np.prod(shape))
    values = (start + 0.7 * np.arange(n)).reshape(shape)
    return library.tensor(values.tolist(), dtype=getattr(library, dtype), requires_grad=True)


def outcome(library: Any, program: Program) -> Any:
    """What `program(library)` returns, as plain data; or the error it raises."""
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Using backward\\(\\) with create_graph=True")
            warnings.simplefilter("ignore", FutureWarning)
            return plain(program(library))
    except Exception as error:
        return error


def plain(x: Any) -> Any:
    if isinstance(x, minitorch.Tensor | torch.Tensor):
        return x.detach().numpy().copy()
    if isinstance(x, tuple | list):
        return [plain(item) for item in x]
    return {k: plain(v) for k, v in x.items()} if isinstance(x, dict) else x


def same(program: Program, rtol: float = 1e-12) -> None:
    """Both libraries return the same: numbers, dtypes, shapes, nesting."""
    mine, theirs = outcome(minitorch, program), outcome(torch, program)
    for result in (theirs, mine):
        if isinstance(result, Exception):
            raise AssertionError(f"raised {type(result).__name__}: {result}") from result
    compare(mine, theirs, rtol)


def compare(mine: Any, theirs: Any, rtol: float) -> None:
    if isinstance(theirs, np.ndarray):
        assert isinstance(mine, np.ndarray), (mine, theirs)
        assert mine.dtype == theirs.dtype
        assert mine.shape == theirs.shape
        np.testing.assert_allclose(mine, theirs, rtol=rtol, atol=1e-14)
    elif isinstance(theirs, list):
        assert isinstance(mine, list), (mine, theirs)
        assert len(mine) == len(theirs), (mine, theirs)
        for a, b in zip(mine, theirs, strict=True):
            compare(a, b, rtol)
    elif isinstance(theirs, dict):
        assert mine.keys() == theirs.keys()
        for key in theirs:
            compare(mine[key], theirs[key], rtol)
    else:
        assert mine == theirs


def same_error(program: Program, message: str = "") -> None:
    """Both raise the same type; `message`, if given, is in both texts."""
    mine, theirs = outcome(minitorch, program), outcome(torch, program)
    assert isinstance(theirs, Exception), f"PyTorch raises nothing and returns {theirs}"
    assert isinstance(mine, Exception), f"minitorch raises nothing and returns {mine}; PyTorch: {theirs!r}"
    assert [c.__name__ for c in type(mine).__mro__] == [c.__name__ for c in type(theirs).__mro__], (mine, theirs)
    for error in (mine, theirs):
        assert message in str(error), error


# --- Functions to test with

LIBRARIES = [minitorch, torch]


def function(T: Any, forward: Callable[..., Any], backward: Callable[..., Any], name: str = "Foo", **more: Any) -> Any:
    """A Function with these static methods; returns its `apply`."""
    methods = {"forward": forward, "backward": backward, **more}
    return type(name, (T.autograd.Function,), {k: staticmethod(v) for k, v in methods.items()}).apply


def product(T: Any) -> Any:
    def forward(ctx: Any, x: Any, y: Any) -> Any:
        ctx.save_for_backward(x, y)
        return x * y

    def backward(ctx: Any, g: Any) -> Any:
        x, y = ctx.saved_tensors
        return g * y, g * x

    return function(T, forward, backward, "Product")


def exponential(T: Any) -> Any:
    def forward(ctx: Any, x: Any) -> Any:
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    return function(T, forward, lambda ctx, g: g * ctx.saved_tensors[0], "Exponential")


def split(T: Any, log: list[Any] | None = None, materialize: bool = True, save: bool = False) -> Any:
    """x -> (2 x, 3 x, sum of x), or exponentials of them if it saves; its backward notes in `log` what it gets."""

    def forward(ctx: Any, x: Any) -> Any:
        ctx.set_materialize_grads(materialize)
        ctx.ones = T.ones_like(x)
        outputs = x * 2, x * 3, x.sum()
        if save:
            outputs = tuple(y.exp() for y in outputs)
            ctx.save_for_backward(*outputs)
        return outputs

    def backward(ctx: Any, a: Any, b: Any, c: Any) -> Any:
        if log is not None:
            log.append([g if g is None else g.clone() for g in (a, b, c)])
        if save:
            y, z, total = ctx.saved_tensors
            return a * y * 2 + b * z * 3 + c * total
        terms = [g * k for g, k in ((a, 2), (b, 3), (c, ctx.ones)) if g is not None]
        return sum(terms[1:], terms[0])

    return function(T, forward, backward, "Split")


def twice(ctx: Any, x: Any) -> Any:
    return x * 2
