"""Values that must lie in a range (indices, class labels, probabilities), checked without stopping the GPU.

On the CPU a bad value raises at once. A GPU works on while the host goes ahead, so there a small kernel looks, and
notes the first bad value in the GPU's memory; whoever waits for the GPU next (`item()`, `.cpu()`, printing,
`synchronize()`) reads the note and raises. PyTorch's device-side asserts show at the same moments.
"""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import numpy as np

from minitorch import recording

KERNEL = "minitorch_note_fault"
PARAMETERS = "T x, float64 low, float64 high, float64 site", "raw float64 note"
_SOURCE = """
    double value = static_cast<double>(x);
    if (!(value >= low && value <= high) && note[0] == 0) {
        note[0] = site;
        note[1] = value;
        note[2] = high;
    }
"""
_AT_ONCE = os.environ.get("CUDA_LAUNCH_BLOCKING") == "1"

_sites: list[str] = [""]  # the messages; a note names one by its number, and 0 means that all is well
_notes: dict[int, Any] = {}  # per GPU: [site, value, high]
_asked: set[int] = set()  # the GPUs where a kernel has looked since the note was read


class AcceleratorError(RuntimeError):
    """Something went wrong on the GPU some time before it was seen."""


def require_between(x: Any, low: float, high: float, message: str, error: type[Exception] = IndexError) -> None:
    """`error`, or on a GPU an AcceleratorError later, unless all values of the array `x` lie in [low, high].

    message: may have {value}, the first bad one, and {size}, high + 1; but for these it is always the same.
    """
    if not x.size:
        return
    if isinstance(x, np.ndarray):
        if not (x.min() >= low and x.max() <= high):
            value = x.min() if not x.min() >= low else x.max()
            raise error(_text(message, value, high))
        return
    from minitorch.device import (
        gpu_of,
        xp,
    )  # device.py stands on this file: it reads the notes after each copy to the host

    site, note = site_and_note(x, message)
    if x.dtype.char == "e":
        x = x.astype(np.float32)  # CUDA turns no half into a double
    _kernel(xp(x))(x, float(low), float(high), site, note)
    launched(gpu_of(x))


def site_and_note(x: Any, message: str) -> tuple[float, Any]:
    """What a kernel needs to note a fault in the CuPy array `x`: the number of the message, and where to note.

    The note is [number, value, high], and a kernel writes there if the number is 0.
    """
    from minitorch.device import gpu_of, xp

    if message not in _sites:
        _sites.append(message)
    gpu = gpu_of(x)
    prepare(xp(x), gpu)
    return float(_sites.index(message)), _notes[gpu]


def prepare(lib: Any, gpu: int) -> None:
    """Make the memory for notes; before a graph is captured, whose memory it must not be."""
    if gpu not in _notes:
        _notes[gpu] = lib.zeros(3)


def launched(gpu: int) -> None:
    """A kernel that may note a fault has been launched, by itself or in a graph."""
    if recording.here.recording is not None:
        recording.here.recording.checks = True
        return
    _asked.add(gpu)
    if _AT_ONCE:
        raise_found()


@cache
def _kernel(lib: Any) -> Any:
    return lib.ElementwiseKernel(*PARAMETERS, _SOURCE, KERNEL)


def raise_found() -> None:
    """AcceleratorError if a kernel has noted a bad value. For those who have just waited for the GPU."""
    while _asked:
        note = _notes[_asked.pop()]
        site, value, high = note.tolist()
        if site:
            note.fill(0)
            raise AcceleratorError(
                f"CUDA error: device-side assert triggered: {_text(_sites[int(site)], value, high)}. The op ran earlier: "
                "what happens on a GPU is seen when the host next waits for it. With CUDA_LAUNCH_BLOCKING=1 in the "
                "environment it is raised where it happens."
            )


def _text(message: str, value: Any, high: float) -> str:
    value = float(value)
    return message.format(value=int(value) if value.is_integer() else value, size=int(high) + 1)
