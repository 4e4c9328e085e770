"""Running one case under minitorch and under PyTorch, and comparing what comes out."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

import minitorch

LIBS = (minitorch, torch)


def plain(value: Any) -> Any:
    """`value` without a trace of which library made it; tensors as (class, dtype, shape, requires_grad, list)."""
    for lib in LIBS:
        if isinstance(value, lib.Tensor):
            kind = "Parameter" if isinstance(value, lib.nn.Parameter) else "Tensor"
            numbers = value.detach().tolist()
            return kind, str(value.dtype), tuple(value.shape), value.requires_grad, repr(numbers)
        if isinstance(value, lib.nn.Module):
            return repr(value)
        if isinstance(value, lib.dtype):
            return str(value)
    if isinstance(value, dict):
        return {"<dict>": type(value).__name__, **{str(k): plain(v) for k, v in value.items()}}
    if type(value).__name__ in ("_IncompatibleKeys", "Size"):
        return repr(value)
    if isinstance(value, (list, tuple, set)):
        return [type(value).__name__, *(plain(v) for v in value)]
    if isinstance(value, type):
        return value.__name__
    return value


def text(error: object) -> str:
    """An error's text in PyTorch's names."""
    return str(error).replace("minitorch", "torch").replace("torch.nn.modules.", "torch.nn.")


def outcome(case: Callable[[Any], Any], lib: Any) -> tuple[str, Any, list[tuple[str, str]]]:
    """("value", plain result) or (type of error, its text), and the warnings given."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"minitorch\.")
        try:
            kind, result = "value", plain(case(lib))
        except Exception as error:
            kind, result = type(error).__name__, text(error)
    return kind, result, [(w.category.__name__, text(w.message)) for w in caught]


def check_same(case: Callable[[Any], Any], wording: str = "start") -> None:
    """The case must have the same outcome in both libraries.

    wording: "start": our error begins with PyTorch's text; "type": only the type of the error must agree.
    """
    mine, theirs = outcome(case, minitorch), outcome(case, torch)
    assert mine[0] == theirs[0], f"minitorch: {mine}\nPyTorch: {theirs}"
    if mine[0] == "value":
        assert mine[1] == theirs[1]
    elif wording == "start":
        first, second = mine[1].strip("'\""), theirs[1].strip("'\"").rstrip(".")
        assert first.startswith(second), f"minitorch: {first}\nPyTorch: {second}"
    assert [kind for kind, _ in mine[2]] == [kind for kind, _ in theirs[2]], (mine[2], theirs[2])
    for (_, ours), (_, text_) in zip(mine[2], theirs[2], strict=True):
        assert ours[:56] == text_[:56]


def ulps(a: Any, b: Any) -> float:
    """The largest distance of two arrays of one dtype in units in the last place, zeros of both signs alike.

    NaN must meet NaN and infinity the same infinity.
    """
    a, b = np.asarray(a), np.asarray(b)
    assert a.dtype == b.dtype, (a.dtype, b.dtype)
    assert a.shape == b.shape, (a.shape, b.shape)
    assert (np.isnan(a) == np.isnan(b)).all(), (a, b)
    finite = np.isfinite(a) & np.isfinite(b)
    rest = ~finite & ~np.isnan(a)
    assert (a[rest] == b[rest]).all(), (a, b)
    if not finite.any():
        return 0.0
    x, y = a[finite].astype(np.float64), b[finite].astype(np.float64)
    unit = np.spacing(np.maximum(np.abs(a[finite]), np.abs(b[finite]))).astype(np.float64)
    return float(np.max(np.abs(x - y) / unit))


# --- modules whose numbers do not depend on the random stream


def linear(lib: Any) -> Any:
    """A Linear(2, 3) whose numbers do not depend on the random stream."""
    layer = lib.nn.Linear(2, 3)
    with lib.no_grad():
        layer.weight.copy_(lib.arange(6.0).reshape(3, 2) / 4)
        layer.bias.copy_(lib.arange(3.0))
    return layer


def network(lib: Any) -> Any:
    net = lib.nn.Sequential(linear(lib), lib.nn.ReLU(), lib.nn.Linear(3, 1))
    with lib.no_grad():
        net[2].weight.fill_(0.5)
        net[2].bias.fill_(1.0)
    return net


def uninitialised(lib: Any) -> Any:
    class Uninitialised(lib.nn.Module):
        def __init__(self) -> None:
            pass

    return Uninitialised()


def with_everything(lib: Any) -> Any:
    class Everything(lib.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = lib.nn.Parameter(lib.ones(()))
            self.register_buffer("b", lib.zeros(3))
            self.register_buffer("hidden", lib.zeros(3), persistent=False)
            self.register_buffer("count", lib.tensor(0))
            self.register_buffer("no_buffer", None)
            self.register_parameter("no_param", None)
            self.child = linear(lib)
            self.nothing = lib.nn.ReLU()
            self.nothing = None

    return Everything()


def tied(lib: Any) -> Any:
    class Tied(lib.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = linear(lib)
            self.b = self.a
            self.w = self.a.weight

    return Tied()
