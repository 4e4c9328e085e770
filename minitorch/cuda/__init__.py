"""torch.cuda, on CuPy. Without CuPy or a GPU everything here still imports, and `is_available()` is False.

`device` arguments: None or "cuda" for the current GPU, a number, or a device.
"""

from __future__ import annotations

from typing import Any

from minitorch import random
from minitorch.cuda.graphed import make_graphed_callables
from minitorch.cuda.graphs import CUDAGraph, graph, graph_pool_handle, is_current_stream_capturing
from minitorch.cuda.memory import (
    empty_cache,
    max_memory_allocated,
    max_memory_reserved,
    mem_get_info,
    memory_allocated,
    memory_reserved,
    reset_peak_memory_stats,
)
from minitorch.cuda.streams import (
    Event,
    ExternalStream,
    Stream,
    current_stream,
    default_stream,
    set_stream,
    stream,
    synchronize,
)
from minitorch.device import cuda_device_count, current_gpu, gpu_number, require_cupy
from minitorch.faults import AcceleratorError
from minitorch.legacy import ON_CUDA

__all__ = [
    "AcceleratorError",
    "CUDAGraph",
    "Event",
    "ExternalStream",
    "Stream",
    "can_device_access_peer",
    "current_device",
    "current_stream",
    "default_stream",
    "device",
    "device_count",
    "device_of",
    "empty_cache",
    "get_device_capability",
    "get_device_name",
    "get_device_properties",
    "get_rng_state",
    "get_rng_state_all",
    "graph",
    "graph_pool_handle",
    "init",
    "initial_seed",
    "is_available",
    "is_bf16_supported",
    "is_current_stream_capturing",
    "is_initialized",
    "make_graphed_callables",
    "manual_seed",
    "manual_seed_all",
    "max_memory_allocated",
    "max_memory_reserved",
    "mem_get_info",
    "memory_allocated",
    "memory_reserved",
    "reset_peak_memory_stats",
    "seed",
    "seed_all",
    "set_device",
    "set_rng_state",
    "set_rng_state_all",
    "set_stream",
    "stream",
    "synchronize",
]


def is_available() -> bool:
    """True if CuPy is installed and sees a GPU."""
    return cuda_device_count() > 0


def is_initialized() -> bool:
    """As `is_available`: there is nothing to set up first."""
    return is_available()


def init() -> None:
    """Nothing; PyTorch's error without a GPU."""
    require_cupy()


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """minitorch has no bfloat16."""
    return False


# --- which GPU


def device_count() -> int:
    """The number of GPUs."""
    return cuda_device_count()


def current_device() -> int:
    """The number of the GPU that `device("cuda")` means."""
    return current_gpu()


def set_device(device: Any) -> None:
    """Make `device("cuda")` mean this GPU."""
    number = gpu_number(device, "set_device") if not isinstance(device, int) else device
    if number >= 0:
        require_cupy().cuda.Device(number).use()


class device:
    """`with torch.cuda.device(1):` that GPU is the current one inside; of a negative number, no change."""

    def __init__(self, device: Any) -> None:
        self.idx = device if isinstance(device, int) else -1 if device is None else gpu_number(device, "device")
        self.prev_idx = -1

    def __enter__(self) -> None:
        if self.idx >= 0:
            self.prev_idx = current_gpu()
            set_device(self.idx)

    def __exit__(self, *error: object) -> None:
        if self.idx >= 0:
            set_device(self.prev_idx)


class device_of(device):
    """`with torch.cuda.device_of(x):` the GPU of the tensor `x` is the current one; of a CPU tensor, no change."""

    def __init__(self, obj: Any) -> None:
        super().__init__(obj.get_device() if obj.is_cuda else -1)


# --- what kind of GPU


class _CudaDeviceProperties:
    """What is known of a GPU."""

    def __init__(self, found: dict[str, Any]) -> None:
        self.name: str = found["name"].decode()
        self.major, self.minor = found["major"], found["minor"]
        self.total_memory: int = found["totalGlobalMem"]
        self.multi_processor_count: int = found["multiProcessorCount"]
        self.warp_size: int = found["warpSize"]
        self.max_threads_per_block: int = found["maxThreadsPerBlock"]
        self.max_threads_per_multi_processor: int = found["maxThreadsPerMultiProcessor"]
        self.regs_per_multiprocessor: int = found["regsPerMultiprocessor"]
        self.shared_memory_per_block: int = found["sharedMemPerBlock"]
        self.shared_memory_per_multiprocessor: int = found["sharedMemPerMultiprocessor"]
        self.L2_cache_size: int = found["l2CacheSize"]
        self.is_integrated, self.is_multi_gpu_board = found["integrated"], found["isMultiGpuBoard"]
        self.pci_bus_id, self.pci_device_id = found["pciBusID"], found["pciDeviceID"]
        self.pci_domain_id: int = found["pciDomainID"]

    def __repr__(self) -> str:
        return (
            f"_CudaDeviceProperties(name='{self.name}', major={self.major}, minor={self.minor}, "
            f"total_memory={self.total_memory >> 20}MB, multi_processor_count={self.multi_processor_count}, "
            f"pci_bus_id={self.pci_bus_id}, pci_device_id={self.pci_device_id}, pci_domain_id={self.pci_domain_id}, "
            f"L2_cache_size={self.L2_cache_size >> 20}MB)"
        )


def get_device_properties(device: Any = None) -> Any:
    """Name, memory, number of multiprocessors and the like."""
    require_cupy()
    number = gpu_number(device, "get_device_properties")
    if not 0 <= number < cuda_device_count():
        raise AssertionError("Invalid device id")
    return _CudaDeviceProperties(require_cupy().cuda.runtime.getDeviceProperties(number))


def get_device_name(device: Any = None) -> str:
    """The GPU's name."""
    return get_device_properties(device).name


def get_device_capability(device: Any = None) -> tuple[int, int]:
    """(major, minor) of the GPU's compute capability."""
    found = get_device_properties(device)
    return found.major, found.minor


def can_device_access_peer(device: Any, peer_device: Any) -> bool:
    """Whether one GPU can read another's memory directly."""
    numbers = [gpu_number(d, "can_device_access_peer") for d in (device, peer_device)]
    if not all(0 <= number < cuda_device_count() for number in numbers):
        raise AssertionError("Invalid device id")
    return bool(require_cupy().cuda.runtime.deviceCanAccessPeer(*numbers))


# --- random numbers: there is one stream, on the host, which `torch.manual_seed` seeds and CUDA tensors draw from too


def manual_seed(seed: int) -> None:
    """Nothing: seeding the one stream here as well would give a script other CPU numbers on a machine with a GPU."""
    int(seed)


manual_seed_all = manual_seed


def seed() -> None:
    """Nothing, as `manual_seed`."""


seed_all = seed


def initial_seed() -> int:
    """The seed of the one stream."""
    require_cupy()
    return random.initial_seed()


def get_rng_state(device: Any = "cuda") -> Any:
    """The state of the one stream, in the format of the CPU's."""
    gpu_number(device, "get_rng_state")
    return random.get_rng_state()


def get_rng_state_all() -> list[Any]:
    """`get_rng_state` for each GPU."""
    return [get_rng_state(i) for i in range(cuda_device_count())]


def set_rng_state(new_state: Any, device: Any = "cuda") -> None:
    """Set the state of the one stream; without a GPU, nothing."""
    if is_available():
        gpu_number(device, "set_rng_state")
        random.set_rng_state(new_state)


def set_rng_state_all(new_states: Any) -> None:
    """`set_rng_state` for each GPU."""
    for i, state in enumerate(new_states):
        set_rng_state(state, i)


# --- the old constructors, on the GPU

FloatTensor, DoubleTensor, HalfTensor = ON_CUDA["FloatTensor"], ON_CUDA["DoubleTensor"], ON_CUDA["HalfTensor"]
LongTensor, IntTensor, ShortTensor = ON_CUDA["LongTensor"], ON_CUDA["IntTensor"], ON_CUDA["ShortTensor"]
CharTensor, ByteTensor, BoolTensor = ON_CUDA["CharTensor"], ON_CUDA["ByteTensor"], ON_CUDA["BoolTensor"]
