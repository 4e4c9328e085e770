"""What the tests on "cuda" have in common."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
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
    """The kernels made of formulas that are started inside, by name."""
    found: list[str] = []

    def noting(real: Any) -> Any:
        def made(lib: Any, operation: Any, *names: Any) -> Any:
            launch = real(lib, operation, *names)
            return lambda *args: (found.append(operation.name), launch(*args))

        return made

    with ExitStack() as stack:
        for module, name in (fusion, "for_dense"), (fusion, "for_any_layout"), (fused, "for_sets"):
            stack.enter_context(mock.patch.object(module, name, noting(getattr(module, name))))
        stack.enter_context(tracing_by(fusion.traced))
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
