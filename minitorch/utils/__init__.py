"""torch.utils: so far, data loading."""

from importlib import import_module
from typing import Any


def __getattr__(name: str) -> Any:
    """`minitorch.utils.data`, imported when first asked for: it brings multiprocessing, 25 ms that most imports can save."""
    if name == "data":
        return import_module("minitorch.utils.data")
    raise AttributeError(f"module 'minitorch.utils' has no attribute '{name}'")
