"""What the tests on "cuda" have in common."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from strict_cupy.sync import forbid_sync


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
