"""Where arrays live: the CPU (NumPy) or a CUDA GPU (CuPy). The only file that imports CuPy."""

from __future__ import annotations

import re
from functools import cache
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np

# A numpy.ndarray or a cupy.ndarray: the two share no base class, so to a type checker it is anything.
Array: TypeAlias = Any

_NO_CUPY = (
    "Torch not compiled with CUDA enabled: minitorch computes on the GPU through CuPy, which is not "
    'installed. Install it with `pip install "minitorch[cuda12]"` (CUDA 12) or `pip install '
    '"minitorch[cuda13]"` (CUDA 13).'
)
_NO_GPU = (
    "Found no NVIDIA driver or GPU on your system: CuPy is installed, but it sees no CUDA device. "
    "Install a driver from https://www.nvidia.com/drivers, or stay on the CPU with device='cpu'."
)


@cache
def _import_cupy() -> ModuleType | None:
    try:
        import cupy
    except ImportError:
        return None
    return cupy


@cache
def cuda_device_count() -> int:
    """How many GPUs CuPy can use: 0 without CuPy, without a driver or without a GPU; never raises."""
    cupy = _import_cupy()
    if cupy is None or not cupy.cuda.is_available():  # importing CuPy succeeds without a driver
        return 0
    return int(cupy.cuda.runtime.getDeviceCount())


def require_cupy() -> ModuleType:
    """CuPy, where a GPU can be used; else PyTorch's error, saying what is missing and how to get it."""
    cupy = _import_cupy()
    if cupy is None:
        raise AssertionError(_NO_CUPY)
    if not cuda_device_count():
        raise RuntimeError(_NO_GPU)
    return cupy


def xp(x: Array) -> Any:
    """The array library that `x` belongs to: `xp(x).exp(x)` runs where `x` lives."""
    if isinstance(x, np.ndarray | np.generic):
        return np
    cupy = _import_cupy()
    if cupy is not None and isinstance(x, cupy.ndarray):
        return cupy
    return np


class device:
    """`device("cpu")`, `device("cuda")`, `device("cuda:1")`, `device("cuda", 1)`, `device(0)`."""

    __slots__ = ("index", "type")
    type: str
    index: int | None

    def __init__(self, type: Any, index: Any = None) -> None:
        if isinstance(index, bool):
            raise TypeError("device(): argument 'index' (position 2) must be int, not bool")
        if isinstance(type, device):
            if index is not None:
                raise TypeError("device(): argument 'type' (position 1) must be str, not torch.device")
            type, index = type.type, type.index
        elif isinstance(type, int) and not isinstance(type, bool):
            type, index = "cuda", type
        elif not isinstance(type, str):
            raise TypeError(f"device(): argument 'type' must be str, not {type.__class__.__name__}")
        match = re.fullmatch(r"([a-z_]+)(?::(0|[1-9]\d*))?", type)
        if match is None:
            raise RuntimeError(f"Invalid device string: '{type}'")
        name, number = match.groups()
        if name not in ("cpu", "cuda"):
            raise RuntimeError(f"Expected one of cpu, cuda device type at start of device string: {type}")
        if number is not None:
            if index is not None:
                raise RuntimeError(
                    f"type (string) must not include an index because index was passed explicitly: {type}"
                )
            index = int(number)
        if index is not None and index < 0:
            raise RuntimeError(f"Device index must not be negative, but got {index}")
        object.__setattr__(self, "type", name)
        object.__setattr__(self, "index", index)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"attribute '{name}' of 'torch.device' objects is not writable")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) and (self.type, self.index) == (other.type, other.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __repr__(self) -> str:
        index = "" if self.index is None else f", index={self.index}"
        return f"device(type='{self.type}'{index})"

    def __reduce__(self) -> tuple[Any, ...]:
        return device, (str(self),)


CPU = device("cpu")


def device_of(array: Array) -> device:
    """The device an array lives on."""
    if isinstance(array, np.ndarray | np.generic):
        return CPU
    return device("cuda", array.device.id)


def move(array: Array, to: device) -> Array:
    """`array` on the device `to`; itself if it is there already."""
    if to.type == "cpu":
        return array if isinstance(array, np.ndarray) else as_numpy(array)
    cupy = require_cupy()
    index = to.index if to.index is not None else cupy.cuda.runtime.getDevice()
    if isinstance(array, cupy.ndarray) and array.device.id == index:
        return array
    with cupy.cuda.Device(index):
        return cupy.asarray(array)


def as_numpy(array: Array) -> np.ndarray:
    """`array` on the host: itself if it is a NumPy array, else a copy made after the GPU has finished."""
    if isinstance(array, np.ndarray | np.generic):
        return np.asarray(array)
    return require_cupy().asnumpy(array)
