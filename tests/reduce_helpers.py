"""Running one function in both libraries: results to second order, or the error."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

import minitorch

Function = Callable[..., Any]
TOLERANCE = {"float16": 2e-3, "float32": 2e-5, "float64": 1e-11}


def array(t: Any) -> np.ndarray:
    return t.detach().numpy(force=True)  # PyTorch has symbolic zeros that must be forced


def outputs(result: Any) -> list[Any]:
    return list(result) if isinstance(result, tuple) else [result]


def run(library: Any, function: Function, arrays: list[np.ndarray], orders: int) -> Any:
    """[outputs, first gradients, second gradients], or the exception."""
    xs = [library.from_numpy(a.copy()) for a in arrays]
    leaves = [x.requires_grad_() for x in xs if x.is_floating_point() and orders]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            results = outputs(function(library, *xs))
    except Exception as error:
        return error
    levels = [results]
    for order in range(1, orders + 1):
        tracked = [t for t in levels[-1] if t is not None and t.requires_grad]
        if not tracked:
            break
        rng = np.random.default_rng(order)
        weights = [library.from_numpy(np.asarray(rng.uniform(0.5, 2, t.shape))).to(t.dtype) for t in tracked]
        grads = library.autograd.grad(tracked, leaves, weights, create_graph=order < orders, allow_unused=True)
        levels.append(list(grads))
    return levels


def compare(function: Function, *arrays: Any, orders: int = 2, tolerance: float | None = None) -> Any:
    """The same results, dtypes, shapes, gradients and gradients of gradients; or the same type of error.

    Where one library says "no gradient" and the other has zeros, that is the same.
    """
    data = [np.asarray(a) for a in arrays]
    mine, theirs = run(minitorch, function, data, orders), run(torch, function, data, orders)
    if isinstance(theirs, Exception):
        assert isinstance(mine, Exception), f"PyTorch raises {theirs!r}, minitorch gives {mine}"
        assert type(mine) is type(theirs), f"{mine!r} against PyTorch's {theirs!r}"
        return mine
    if isinstance(mine, Exception):
        raise mine
    for order in range(max(len(mine), len(theirs))):
        level = [x[order] if order < len(x) else [None] * len(x[-1]) for x in (mine, theirs)]
        for a, b in zip(*level, strict=True):
            if a is None and b is None:
                continue
            what = f"order {order}: {a} against PyTorch's {b}"
            if a is None or b is None:
                np.testing.assert_allclose(array(b if a is None else a), 0, atol=1e-5, err_msg=what)
                continue
            assert (tuple(a.shape), str(a.dtype)) == (tuple(b.shape), str(b.dtype)), what
            close = tolerance or TOLERANCE.get(array(a).dtype.name, 0)
            np.testing.assert_allclose(array(a), array(b), rtol=close, atol=close, err_msg=what)
    return mine[0]
