"""How much of a GPU's memory is in use: the counts of CuPy's memory pool, which keeps freed blocks for later arrays."""

from __future__ import annotations

import weakref
from typing import Any

from minitorch.cublas import WORKSPACE
from minitorch.device import cuda_device_count, gpu_number, require_cupy


def empty_cache() -> None:
    """Give blocks that are free but held back to the GPU. Without a GPU, nothing."""
    if cuda_device_count():
        require_cupy().get_default_memory_pool().free_all_blocks()


def _pools(device: Any, name: str) -> Any:
    """The GPU, and the pools there are: everybody's and those of graphs."""
    cupy = require_cupy()
    pools = [cupy.get_default_memory_pool(), *[pool.memory for pool in _private]]
    return cupy.cuda.Device(gpu_number(device, name)), pools


def memory_allocated(device: Any = None) -> int:
    """Bytes in use by arrays; 0 without a GPU."""
    if not cuda_device_count():
        return 0
    gpu, pools = _pools(device, "memory_allocated")
    with gpu:
        return sum(int(pool.used_bytes()) for pool in pools)


def memory_reserved(device: Any = None) -> int:
    """Bytes that the pools hold, in use or not; 0 without a GPU."""
    if not cuda_device_count():
        return 0
    gpu, pools = _pools(device, "memory_reserved")
    with gpu:
        return sum(int(pool.total_bytes()) for pool in pools)


def mem_get_info(device: Any = None) -> tuple[int, int]:
    """(free, total) bytes of the GPU, other programs' included."""
    cupy = require_cupy()
    with cupy.cuda.Device(gpu_number(device, "mem_get_info")):
        free, total = cupy.cuda.runtime.memGetInfo()
    return int(free), int(total)


# --- memory of graphs


class PrivatePool:
    """A pool of memory for graphs alone, which lives as long as anything made in it."""

    def __init__(self) -> None:
        self.memory = require_cupy().cuda.MemoryPool()
        self._workspaces: dict[int, Any] = {}  # by stream
        _private.add(self)

    def workspace(self, stream: int) -> int:
        """The address of memory for cuBLAS."""
        if stream not in self._workspaces:
            self._workspaces[stream] = self.memory.malloc(WORKSPACE)
        return int(self._workspaces[stream].ptr)

    def malloc(self, size: int) -> Any:
        """What CuPy makes arrays with: a block that holds on to the pool, whose end would be the block's."""
        cuda = require_cupy().cuda
        block = self.memory.malloc(size)
        return cuda.MemoryPointer(cuda.UnownedMemory(block.ptr, size, (block, self), block.device_id), 0)


_private: weakref.WeakSet[PrivatePool] = weakref.WeakSet()


# --- peaks


class _Peak:
    """The most bytes in use on each GPU since `reset`. CuPy keeps no such count: a hook sees every block come and go."""

    used: dict[int, int]
    most: dict[int, int]

    def __init__(self) -> None:
        self.hook: Any = None

    def reset(self, gpu: int) -> None:
        if self.hook is None:
            self.used, self.most = {}, {}
            self.hook = _watcher(self)
            self.hook.__enter__()
        self.used[gpu] = self.most[gpu] = memory_allocated(gpu)

    def add(self, gpu: int, size: int) -> None:
        if gpu in self.used:
            self.used[gpu] += size
            self.most[gpu] = max(self.most[gpu], self.used[gpu])


def _watcher(peak: _Peak) -> Any:
    class Watcher(require_cupy().cuda.MemoryHook):  # type: ignore[misc]
        name = "minitorch"

        def malloc_postprocess(self, **found: Any) -> None:
            peak.add(found["device_id"], found["mem_size"])

        def free_postprocess(self, **found: Any) -> None:
            peak.add(found["device_id"], -found["mem_size"])

    return Watcher()


_peak = _Peak()


def reset_peak_memory_stats(device: Any = None) -> None:
    """Start to watch for `max_memory_allocated` (in this thread), from what is in use now."""
    _peak.reset(gpu_number(device, "reset_peak_memory_stats"))


def max_memory_allocated(device: Any = None) -> int:
    """The most bytes in use by arrays since `reset_peak_memory_stats`; 0 without a GPU.

    Nobody has watched before the first reset: until then it is what the pool has reserved, which is not less.
    """
    if not cuda_device_count():
        return 0
    gpu = gpu_number(device, "max_memory_allocated")
    return _peak.most[gpu] if _peak.hook is not None and gpu in _peak.most else memory_reserved(gpu)


def max_memory_reserved(device: Any = None) -> int:
    """As `memory_reserved`: the pool grows until `empty_cache`."""
    return memory_reserved(device)
