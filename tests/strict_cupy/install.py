"""minitorch with the double as its CuPy: `with installed(): torch.ones(2, device="cuda")`."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import minitorch
from minitorch import cublas, faults

from . import cublas as our_cublas
from .namespace import cupy, cupyx

device: Any = importlib.import_module("minitorch.device")  # the module: minitorch.device is the class


@contextmanager
def installed() -> Iterator[None]:
    """One GPU inside, none of it outside."""
    with (
        mock.patch.object(device, "_import_cupy", return_value=cupy),
        mock.patch.object(device, "_import_special", return_value=cupyx.scipy.special),
        mock.patch.object(cublas, "CDLL", our_cublas.library),
    ):
        forget()
        try:
            yield
        finally:
            forget()


def forget() -> None:
    """What the library knows of its GPU."""
    for known in (device.cuda_device_count, cublas._library, cublas._handle):
        known.cache_clear()
    minitorch.cuda.graph.default_capture_stream = None
    forget_faults()


def forget_faults() -> None:
    faults._notes.clear()
    faults._asked.clear()
