"""Batches in pinned memory, which a GPU reads while the host goes on: the `pin_memory` of a DataLoader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from minitorch.utils.data.collate import _is_namedtuple, _rebuilt_mapping, _rebuilt_sequence


def pin_memory(data: Any, device: Any = None) -> Any:
    """`data` with its tensors, and whatever else has a method pin_memory, in pinned memory; in collections too."""
    if hasattr(data, "pin_memory"):
        return data.pin_memory()
    if isinstance(data, str | bytes):
        return data
    if isinstance(data, Mapping):
        return _rebuilt_mapping(data, {key: pin_memory(item) for key, item in data.items()})
    if _is_namedtuple(data):
        return type(data)(*map(pin_memory, data))
    if isinstance(data, Sequence):
        return _rebuilt_sequence(data, [pin_memory(item) for item in data])
    return data
