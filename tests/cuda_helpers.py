"""What the tests on "cuda" have in common."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

from strict_cupy.sync import forbid_sync

from minitorch import fusion
from minitorch.optim import fused


@contextmanager
def unwaited(cuda: str) -> Iterator[None]:
    """Inside, to wait for the GPU is an error. `cuda`: the fixture's value."""
    if cuda == "double":
        with forbid_sync():
            yield
        return
    import cupyx

    inside = ExitStack()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "cupyx.allow_synchronize will be removed")
        inside.enter_context(cupyx.allow_synchronize(False))
    with inside:
        yield


@contextmanager
def launches() -> Iterator[list[str]]:
    """The kernels made of formulas that are started inside, by the formulas' names."""
    found: list[str] = []
    real = fusion.traced

    def noted(formula: Any, *args: Any) -> Any:
        trace = real(formula, *args)
        return replace(trace, launch=lambda *args: (found.append(formula.__name__), trace.launch(*args)))

    with tracing_by(noted):
        yield found


@contextmanager
def tracing_by(function: Any) -> Iterator[None]:
    """Inside, formulas are traced by `function`, and nothing that was traced is remembered."""
    with mock.patch.object(fusion, "traced", function), mock.patch.object(fused, "traced", function):
        _forget()
        yield
    _forget()


def _forget() -> None:
    fusion._kept.clear()
    fused._traces.cache_clear()
