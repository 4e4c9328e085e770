"""Freed arrays stay with the process, so that the next one needs no fresh pages from the system.

glibc returns a large block to the system as soon as it is freed. A training step frees and asks for the same sizes over
and over, and each time the system hands out its pages one by one, zeroed: at batch 1000 that was half of the step.
"""

from __future__ import annotations

import ctypes
import os
import sys

_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1  # mallopt's numbers for them
KEPT = 1 << 30  # bytes: blocks up to this size are kept, and as much free memory in all


def keep_freed_memory() -> bool:
    """Ask glibc to keep freed blocks; False where there is no glibc, or the user has set one of its own variables
    MALLOC_MMAP_THRESHOLD_ and MALLOC_TRIM_THRESHOLD_."""
    if sys.platform != "linux" or any(f"MALLOC_{name}_THRESHOLD_" in os.environ for name in ("MMAP", "TRIM")):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return False
    return bool(mallopt(_MMAP_THRESHOLD, KEPT) and mallopt(_TRIM_THRESHOLD, KEPT))
