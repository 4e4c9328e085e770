"""Where arrays live: the CPU (NumPy) or a CUDA GPU (CuPy). The only file that imports CuPy."""

from __future__ import annotations

import importlib
import re
from functools import cache
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np

from minitorch import faults, recording

# A numpy.ndarray or a cupy.ndarray: the two share no base class, so to a type checker it is anything.
Array: TypeAlias = Any
HOST = (np.ndarray, np.generic)

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
    return cupy if hasattr(cupy, "ndarray") else None  # a folder of that name on the way is no CuPy


def _import_special() -> ModuleType:
    return importlib.import_module("cupyx.scipy.special")


def cupy_special() -> ModuleType:
    """CuPy's special functions, which NumPy does not have; for who holds a CuPy array."""
    return _import_special()


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
    if isinstance(x, HOST):
        return np
    cupy = _import_cupy()
    if cupy is not None and isinstance(x, cupy.ndarray):
        return cupy
    return np


def is_on_gpu(x: Any) -> bool:
    """Whether `x` is a CuPy array."""
    return _of_cupy(x.__class__)


@cache
def _of_cupy(kind: type) -> bool:
    return kind.__module__.startswith("cupy")


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
    return CPU if isinstance(array, HOST) else _gpu(gpu_of(array))


def gpu_of(array: Array) -> int:
    """The number of the GPU that a CuPy array is on. (`array.device` makes an object for it at each call.)"""
    return array.data.device_id


@cache
def _gpu(index: int) -> device:
    return device("cuda", index)


def gpu_number(where: Any, name: str) -> int:
    """The number of the GPU that a device argument means; None and "cuda" mean the current one."""
    if where is None:
        return current_gpu()
    place = device(where)
    if place.type != "cuda":
        raise ValueError(
            f"Expected a cuda device, but got: {place}: {name}() takes None, a number or device('cuda', n)"
        )
    return current_gpu() if place.index is None else place.index


def current_gpu() -> int:
    """The number of the GPU that `device("cuda")` means."""
    return int(require_cupy().cuda.runtime.getDevice())


def library(where: device) -> Any:
    """NumPy or CuPy, to make arrays on that device."""
    if where.type == "cpu":
        return np
    cupy = require_cupy()
    if where.index is not None and where.index != current_gpu():
        if where.index >= cuda_device_count():
            raise faults.AcceleratorError(
                f"CUDA error: invalid device ordinal: {where}, but torch.cuda.device_count() is {cuda_device_count()}"
            )
        raise NotImplementedError(
            f"device='{where}': minitorch works on the current GPU only; call torch.cuda.set_device({where.index}) first"
        )
    return cupy


def move(array: Array, to: device, non_blocking: bool = False) -> Array:
    """`array` on the device `to`; itself if it is there already.

    non_blocking: from pinned host memory, do not wait until the copy is made: the caller must not write there before.
    """
    if to.type == "cpu":
        return array if isinstance(array, np.ndarray) else as_numpy(array)
    if is_on_gpu(array):
        if to.index is not None and gpu_of(array) != to.index:
            raise NotImplementedError(f"minitorch copies no array from {device_of(array)} to {to}: go by .cpu()")
        return array
    cupy = library(to)
    if recording.here.recording is not None and array.ndim:  # a 0-d array becomes a number in a kernel
        if not (non_blocking and is_pinned(array) and array.flags.c_contiguous):
            recording.refuse("a copy from the CPU to the GPU", "Make the tensor on the GPU before the capture.")
        recording.here.recording.kept.append(array)  # each replay reads it again
        out = cupy.empty(array.shape, array.dtype)
        cuda = cupy.cuda  # CuPy's own copies refuse while a stream is captured, CUDA's do not
        to_gpu, stream = cuda.runtime.memcpyHostToDevice, cuda.get_current_stream().ptr
        cuda.runtime.memcpyAsync(out.data.ptr, array.ctypes.data, array.nbytes, to_gpu, stream)
        return out
    if 0 in array.strides:
        array = np.ascontiguousarray(array)
    out = _in_order(lambda x: cupy.asarray(x, blocking=not non_blocking and is_pinned(x)), array)
    return out if array.ndim else signed(out, array)


def signed(filled: Array, value: Any) -> Array:
    """`filled`, in which there is -0.0 if that is the host's `value`: CuPy fills with 0 by a memset, which has no sign."""
    if is_on_gpu(filled) and filled.dtype.kind == "f" and is_negative_zero(value):
        xp(filled).negative(filled, out=filled)
    return filled


def is_negative_zero(value: Any) -> bool:
    """Of a number on the host."""
    return value == 0 and bool(np.signbit(value))


def as_numpy(array: Array) -> np.ndarray:
    """`array` on the host: itself if it is a NumPy array, else a copy made after the GPU has finished.

    All that leaves the GPU passes here; AcceleratorError if something went wrong there in the meantime.
    """
    if isinstance(array, HOST):
        return np.asarray(array)
    recording.refuse("reading a value on the CPU", "Read it after the capture, or after a replay.")
    host = _in_order(require_cupy().asnumpy, array)
    faults.raise_found()
    return host


def axes_in_memory(array: Array) -> list[int]:
    """The axes of an array in the order of their strides, the outermost first."""
    return sorted(range(array.ndim), key=lambda axis: -array.strides[axis])


def _in_order(copy: Any, array: Array) -> Array:
    """copy(array), which makes a copy in C order, its axes in memory in the order of those of `array`."""
    if array.flags.c_contiguous or 0 in array.strides:  # an expanded axis has no place in the order
        return copy(array)
    axes = axes_in_memory(array)
    return copy(array.transpose(axes)).transpose([axes.index(i) for i in range(array.ndim)])


def number_in(array: Array) -> Any:
    """The Python number in an array of one element."""
    return array.item() if isinstance(array, HOST) else as_numpy(array).item()


def drawn(draw: recording.Draw, to: device, generator: Any = None) -> tuple[Array, ...]:
    """What `draw()` gives, random numbers on the host, on the device `to`; in a CUDA graph anew for each replay."""
    if recording.here.recording is None or to.type == "cpu":
        return tuple([move(array, to) for array in draw()])
    if generator is not None:
        raise NotImplementedError(
            "generator=: inside a CUDA graph minitorch draws from the default generator only; leave it out"
        )
    return recording.here.recording.drawn(draw)


# --- memory used by several streams

_in_use: list[tuple[Any, Array]] = []  # (a mark in the other stream, the array)


def keep_for(array: Array, stream: Any) -> None:
    """Let `array` live until the CuPy stream has passed this point: its memory would be given to the next array of the
    stream that it was made in, which knows nothing of the other one."""
    if recording.here.recording is not None:
        recording.here.recording.kept.append(array)
        return
    _in_use[:] = [(mark, kept) for mark, kept in _in_use if not mark.done]
    _in_use.append((stream.record(), array))


def extent(array: Array) -> tuple[int, int]:
    """The addresses that `array` lies between."""
    low = array.ctypes.data if isinstance(array, np.ndarray) else array.data.ptr
    high = low + array.itemsize
    for n, stride in zip(array.shape, array.strides, strict=True):
        low += min(0, (n - 1) * stride)
        high += max(0, (n - 1) * stride)
    return low, high


# --- pinned memory: host memory that the GPU reads by itself, while the host goes on


def pinned(array: np.ndarray) -> np.ndarray:
    """A copy of `array` in pinned memory; itself if it lies there, or if there is no GPU."""
    if is_pinned(array) or not cuda_device_count():
        return array
    copy = _in_pinned_memory(array)
    copy[...] = array
    return copy


def _in_pinned_memory(array: np.ndarray) -> np.ndarray:
    """Memory for an array like this one, its axes in the same order."""
    order = axes_in_memory(array)
    memory = require_cupy().cuda.alloc_pinned_memory(array.nbytes)
    flat = np.frombuffer(memory, array.dtype, array.size)
    return flat.reshape([array.shape[axis] for axis in order]).transpose(np.argsort(order))


def is_pinned(array: Array) -> bool:
    """Whether an array lies in pinned memory."""
    cupy = _import_cupy()
    if cupy is None or not isinstance(array, np.ndarray):
        return False
    owner: Any = array
    while isinstance(owner, np.ndarray):
        owner = owner.base
    return isinstance(getattr(owner, "obj", owner), cupy.cuda.PinnedMemoryPointer)
