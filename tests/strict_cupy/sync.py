"""Host synchronisations: the places where Python waits for the GPU. The double counts them, and can forbid them.

Until one comes, a copy from pinned memory may still be under way: who writes to its source is found out at the next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from .registry import capturing


class HostSync(AssertionError):
    """A host synchronisation inside `forbid_sync()`. No TypeError or RuntimeError: the code under test handles those."""


class _State:
    count = 0
    forbidden = 0
    read: list[tuple[np.ndarray, bytes]] = []  # noqa: RUF012  # pinned memory that the GPU still reads, and what was in it


def reads_later(source: np.ndarray) -> None:
    """Said by a copy from pinned memory that nobody waits for."""
    _State.read.append((source, source.tobytes()))


def host_sync(what: str) -> None:
    """Said by everything that needs the values of an array on the host."""
    if capturing:
        raise RuntimeError(f"{what}: the current stream is capturing, so synchronous API calls are disallowed")
    _State.count += 1
    if _State.forbidden:
        raise HostSync(f"{what} makes the host wait for the GPU")
    read, _State.read = _State.read, []
    if any(source.tobytes() != found for source, found in read):
        raise AssertionError("pinned memory was written to while the GPU may still have read it")


def host_copy(what: str) -> None:
    """Said by everything that copies memory of the host to the device. In a graph it would be copied again at each
    replay, from memory that is something else by then: CuPy does not always say so."""
    if capturing:
        raise RuntimeError(f"{what}: the current stream is capturing, and this copies from memory of the host")


def library_call(name: str) -> None:
    """Said by everything that calls cuBLAS and the like."""
    if capturing:
        raise NotImplementedError(f"calling {name} API during stream capture is currently unsupported")


def host_syncs() -> int:
    """How many there were so far."""
    return _State.count


@contextmanager
def forbid_sync() -> Iterator[None]:
    """Inside, every host synchronisation raises HostSync."""
    _State.forbidden += 1
    try:
        yield
    finally:
        _State.forbidden -= 1
