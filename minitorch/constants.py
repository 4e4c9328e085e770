"""Small arrays that never change, made once. NumPy takes as long to convert a Python number as to add a small array."""

from __future__ import annotations

from functools import lru_cache

import numpy as np


@lru_cache(maxsize=512)
def filled(shape: int | tuple[int, ...], dtype: np.dtype, value: int) -> np.ndarray:
    """An array of `shape` with the whole number `value` in each place; read-only, for all callers the same."""
    array = np.full(shape, value, dtype)
    array.flags.writeable = False
    return array
