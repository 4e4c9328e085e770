"""Host synchronisations: the places where Python waits for the GPU. The double counts them, and can forbid them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class HostSync(AssertionError):
    """A host synchronisation inside `forbid_sync()`. No TypeError or RuntimeError: the code under test handles those."""


class _State:
    count = 0
    forbidden = 0


def host_sync(what: str) -> None:
    """Said by everything that needs the values of an array on the host."""
    _State.count += 1
    if _State.forbidden:
        raise HostSync(f"{what} makes the host wait for the GPU")


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
