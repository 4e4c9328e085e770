"""torch.cuda, on CuPy. Without CuPy or a GPU everything here still imports, and `is_available()` is False."""

from __future__ import annotations

from typing import Any

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
    """Wait until the GPU (the current one, or the given one) has finished all that was asked of it."""
    cupy = require_cupy()
    index = current_device() if device_ is None else device_ if isinstance(device_, int) else device(device_).index or 0
    with cupy.cuda.Device(index):
        cupy.cuda.runtime.deviceSynchronize()


def empty_cache() -> None:
    """Give memory that is free but held back to the GPU. Without a GPU, nothing."""
    if is_available():
        require_cupy().get_default_memory_pool().free_all_blocks()


def memory_allocated() -> int:
    """Bytes in use by arrays on the current GPU; 0 without one."""
    return int(require_cupy().get_default_memory_pool().used_bytes()) if is_available() else 0


def manual_seed(seed: int) -> None:
    """Nothing: there is one stream, on the host, which `torch.manual_seed` seeds and CUDA tensors draw from too.

    Seeding it here as well would give a script other CPU numbers on a machine with a GPU than on one without.
    """
    int(seed)


manual_seed_all = manual_seed

# The old constructors, on the GPU.
FloatTensor, DoubleTensor, HalfTensor = ON_CUDA["FloatTensor"], ON_CUDA["DoubleTensor"], ON_CUDA["HalfTensor"]
LongTensor, IntTensor, ShortTensor = ON_CUDA["LongTensor"], ON_CUDA["IntTensor"], ON_CUDA["ShortTensor"]
CharTensor, ByteTensor, BoolTensor = ON_CUDA["CharTensor"], ON_CUDA["ByteTensor"], ON_CUDA["BoolTensor"]
