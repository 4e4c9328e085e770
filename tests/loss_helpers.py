"""What the tests of losses share: arguments, derivatives, and their comparison with PyTorch."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import numpy as np
import pytest
import torch

import minitorch

KINDS = ("float32", "float64")
RTOL = {"float16": 4e-3, "float32": 3e-6, "float64": 1e-12}
INF, NAN = float("inf"), float("nan")


def derivatives(lib: Any, name: str, arrays: dict[str, Any], tracked: list[str], options: dict[str, Any]) -> list[Any]:
    """The loss, its gradients for the tracked arguments, and gradients of a mix of these gradients."""
    tensors = {k: lib.from_numpy(v.copy()) for k, v in arrays.items()}
    for k in tracked:
        tensors[k].requires_grad_()
    loss = getattr(lib.nn.functional, name)(**tensors, **options)
    leaves = [tensors[k] for k in tracked]
    mix = lib.arange(1.0, loss.numel() + 1).to(loss.dtype).reshape(loss.shape)
    grads = lib.autograd.grad((loss * mix).sum(), leaves, create_graph=True)
    result = [loss, *grads]
    mixed = None
    for g in grads:
        if g.requires_grad:
            term = (g * lib.arange(1.0, g.numel() + 1).to(g.dtype).reshape(g.shape).cos()).sum()
            mixed = term if mixed is None else mixed + term
    if mixed is not None:
        result += lib.autograd.grad(mixed, leaves, allow_unused=True)
    return [None if r is None else np.asarray(r.detach().numpy(force=True)) for r in result]


def check(
    name: str, arrays: dict[str, Any], tracked: list[str], options: dict[str, Any], kind: str, second: float = 0
) -> None:
    """Compare everything; `second`: the tolerance of second derivatives if it is not that of the rest."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mine = derivatives(minitorch, name, arrays, tracked, options)
        theirs = derivatives(torch, name, arrays, tracked, options)
    for i, (a, b) in enumerate(itertools.zip_longest(mine, theirs)):
        if a is None or b is None:  # a derivative that is zero may be absent
            other = b if a is None else a
            assert other is None or not other.any()
            continue
        assert a.dtype == b.dtype
        scale = np.abs(b[np.isfinite(b)]).max(initial=0.0)
        tolerance = second or 4 * RTOL[kind] if i > len(tracked) else RTOL[kind]
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * scale, equal_nan=True)


def scores(rng: Any, kind: str, *shape: int) -> Any:
    return np.asarray(rng.standard_normal(shape) * 2, kind)


def probabilities(rng: Any, kind: str, *shape: int) -> Any:
    return np.asarray(rng.uniform(0.02, 0.98, shape), kind)


def distribution(rng: Any, kind: str, *shape: int) -> Any:
    raw = rng.uniform(0.1, 1.0, shape)
    return (raw / raw.sum(1 if len(shape) > 1 else 0, keepdims=True)).astype(kind)


def classes(rng: Any, n: int, *shape: int) -> Any:
    return rng.integers(0, n, shape)


REDUCTIONS = ("mean", "sum", "none")
SHAPES = ((), (5,), (4, 3), (2, 3, 4))
each_kind = pytest.mark.parametrize("kind", KINDS)
each_reduction = pytest.mark.parametrize("reduction", REDUCTIONS)
each_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)
