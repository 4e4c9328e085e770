"""torch.cuda, on CuPy. Without CuPy or a GPU everything here still imports, and `is_available()` is False."""

from __future__ import annotations

from typing import Any

from minitorch import random
from minitorch.device import cuda_device_count, device, require_cupy
from minitorch.legacy import ON_CUDA


def is_available() -> bool:
    """True if CuPy is installed and sees a GPU."""
    return cuda_device_count() > 0


def device_count() -> int:
    """The number of GPUs."""
    return cuda_device_count()


def current_device() -> int:
    """The number of the GPU that `device("cuda")` means."""
    return int(require_cupy().cuda.runtime.getDevice())


def set_device(device_: Any) -> None:
    """Make `device("cuda")` mean this GPU."""
    index = device_ if isinstance(device_, int) else device(device_).index
    require_cupy().cuda.Device(index or 0).use()


def get_device_name(device_: Any = None) -> str:
    """The GPU's name."""
    cupy = require_cupy()
    index = current_device() if device_ is None else device_ if isinstance(device_, int) else device(device_).index or 0
    return str(cupy.cuda.runtime.getDeviceProperties(index)["name"].decode())


def synchronize(device_: Any = None) -> None:
    """Wait until the GPU has finished all that was asked of it."""
    require_cupy().cuda.runtime.deviceSynchronize()


def empty_cache() -> None:
    """Give memory that is free but held back to the GPU. Without a GPU, nothing."""
    if is_available():
        require_cupy().get_default_memory_pool().free_all_blocks()


def memory_allocated(device_: Any = None) -> int:
    """Bytes in use by arrays on the GPU; 0 without one."""
    return int(require_cupy().get_default_memory_pool().used_bytes()) if is_available() else 0


def manual_seed(seed: int) -> None:
    """Nothing beyond `torch.manual_seed`: random numbers are drawn on the host by the default generator.

    As in PyTorch it is silently ignored without a GPU, so that scripts need not ask first.
    """
    if is_available():
        random.manual_seed(seed)


manual_seed_all = manual_seed

# The old constructors, on the GPU.
FloatTensor, DoubleTensor, HalfTensor = ON_CUDA["FloatTensor"], ON_CUDA["DoubleTensor"], ON_CUDA["HalfTensor"]
LongTensor, IntTensor, ShortTensor = ON_CUDA["LongTensor"], ON_CUDA["IntTensor"], ON_CUDA["ShortTensor"]
CharTensor, ByteTensor, BoolTensor = ON_CUDA["CharTensor"], ON_CUDA["ByteTensor"], ON_CUDA["BoolTensor"]
