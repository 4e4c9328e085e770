"""torch.strided, torch.contiguous_format and their like: names for the one layout that minitorch has."""

from __future__ import annotations

from typing import Any


class _Named:
    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return f"torch.{self._name}"

    def __reduce__(self) -> str:
        return self._name  # by reference to this module's global


class layout(_Named):
    """How a tensor lies in memory: always `torch.strided`."""


class memory_format(_Named):
    """The order of a new tensor's elements: that of its source, or index order."""


strided = layout("strided")
preserve_format, contiguous_format = memory_format("preserve_format"), memory_format("contiguous_format")


def wants_contiguous(name: str, memory_format: Any) -> bool:
    """True for contiguous_format, False for preserve_format and None; else NotImplementedError naming it."""
    if memory_format is not None and memory_format is not preserve_format and memory_format is not contiguous_format:
        raise NotImplementedError(f"{name}(): minitorch has no memory_format {memory_format!r}")
    return memory_format is contiguous_format
