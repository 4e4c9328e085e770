"""cupy.cuda: one pretended GPU, whose streams do everything at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from .array import MemoryPointer, ndarray
from .registry import HOOKS, Pool
from .sync import host_sync

DEVICES = 1
_PROPERTIES = {
    "name": b"Strict double", "major": 9, "minor": 0, "totalGlobalMem": 1 << 34, "multiProcessorCount": 132,
    "warpSize": 32, "maxThreadsPerBlock": 1024, "maxThreadsPerMultiProcessor": 2048, "l2CacheSize": 50 << 20,
    "sharedMemPerBlock": 48 << 10, "sharedMemPerMultiprocessor": 228 << 10, "regsPerMultiprocessor": 1 << 16,
    "sharedMemPerBlockOptin": 227 << 10, "integrated": 0, "isMultiGpuBoard": 0, "uuid": bytes(range(16)),
    "pciBusID": 1, "pciDeviceID": 0, "pciDomainID": 0, "clockRate": 1_980_000, "memoryClockRate": 2_619_000,
    "memoryBusWidth": 6144,
}  # fmt: skip


class CUDARuntimeError(RuntimeError):
    """What the CUDA runtime refuses."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def _checked(device: int) -> int:
    if not 0 <= device < DEVICES:
        raise CUDARuntimeError(101, "cudaErrorInvalidDevice: invalid device ordinal")
    return device


class Device:
    """`with Device(0):`"""

    def __init__(self, device: Any = None) -> None:
        self.id = _State.device if device is None else int(device)

    def __int__(self) -> int:
        return self.id

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Device) and other.id == self.id

    def __hash__(self) -> int:
        return self.id

    def __enter__(self) -> Device:
        _State.stack.append(_State.device)
        _State.device = _checked(self.id)
        return self

    def __exit__(self, *error: object) -> None:
        _State.device = _State.stack.pop()

    def __repr__(self) -> str:
        return f"<CUDA Device {self.id}>"

    def use(self) -> None:
        _State.device = _checked(self.id)

    def synchronize(self) -> None:
        host_sync("Device.synchronize()")

    compute_capability = "90"
    mem_info = property(lambda self: (_PROPERTIES["totalGlobalMem"] - Pool.reserved, _PROPERTIES["totalGlobalMem"]))  # type: ignore[operator]


class _State:
    device = 0
    stack: list[int] = []  # noqa: RUF012


class Event:
    """A mark in a stream."""

    def __init__(self, block: bool = False, disable_timing: bool = False, interprocess: bool = False) -> None:
        self.timing, self.at = not disable_timing, -1.0

    done = property(lambda self: True)

    def record(self, stream: Any = None) -> None:
        self.at = time.perf_counter()

    def synchronize(self) -> None:
        host_sync("Event.synchronize()")


def get_elapsed_time(start_event: Event, end_event: Event) -> float:
    """Milliseconds."""
    if not (start_event.timing and end_event.timing) or min(start_event.at, end_event.at) < 0:
        raise CUDARuntimeError(400, "cudaErrorInvalidResourceHandle: invalid resource handle")
    return (end_event.at - start_event.at) * 1e3


class Stream:
    """A queue of work: what is put in has happened already."""

    null: Stream

    def __init__(
        self, null: bool = False, non_blocking: bool = False, ptds: bool = False, priority: Any = None
    ) -> None:
        self.ptr, self.device_id = 0 if null else id(self), _State.device
        self.is_non_blocking, self.priority = non_blocking, 0 if priority is None else priority

    done = property(lambda self: True)

    def __enter__(self) -> Stream:
        _Streams.stack.append(_Streams.current)
        _Streams.current = self
        return self

    def __exit__(self, *error: object) -> None:
        _Streams.current = _Streams.stack.pop()

    def use(self) -> Stream:
        _Streams.current = self
        return self

    def synchronize(self) -> None:
        host_sync("Stream.synchronize()")

    def record(self, event: Any = None) -> Event:
        event = Event() if event is None else event
        event.record(self)
        return event

    def wait_event(self, event: Event) -> None:
        """The GPU waits, the host does not."""

    @classmethod
    def from_external(cls, obj: Any) -> Stream:
        """A stream of another library, which has a method __cuda_stream__."""
        stream = cls()
        _, stream.ptr = obj.__cuda_stream__()
        return stream

    def launch_host_func(self, callback: Callable[[Any], None], arg: Any) -> None:
        callback(arg)


Stream.null = Stream(null=True)


class _Streams:
    current = Stream.null
    stack: list[Stream] = []  # noqa: RUF012


def get_current_stream(device_id: int = -1) -> Stream:
    return _Streams.current


class MemoryPool:
    """The pool's counts. Freed blocks stay with it until `free_all_blocks`."""

    def used_bytes(self) -> int:
        return Pool.used

    def total_bytes(self) -> int:
        return Pool.reserved

    def free_bytes(self) -> int:
        return Pool.reserved - Pool.used

    def free_all_blocks(self, stream: Any = None) -> None:
        Pool.reserved = Pool.used

    def n_free_blocks(self) -> int:
        return int(Pool.reserved > Pool.used)


class MemoryHook:
    """Hears of every block that the pool hands out and takes back."""

    name = "MemoryHook"

    def __enter__(self) -> MemoryHook:
        HOOKS.append(self)
        return self

    def __exit__(self, *error: object) -> None:
        HOOKS.remove(self)

    def alloc_preprocess(self, **kwargs: Any) -> None: ...

    def alloc_postprocess(self, **kwargs: Any) -> None: ...

    def malloc_preprocess(self, **kwargs: Any) -> None: ...

    def malloc_postprocess(self, **kwargs: Any) -> None: ...

    def free_preprocess(self, **kwargs: Any) -> None: ...

    def free_postprocess(self, **kwargs: Any) -> None: ...


class PinnedMemoryPointer(bytearray):
    """Page-locked memory of the host, as a buffer."""

    def __init__(self, size: int) -> None:
        super().__init__(size)


def _properties(device: int) -> dict[str, Any]:
    _checked(device)
    return dict(_PROPERTIES)


def _set_device(device: int) -> None:
    _State.device = _checked(device)


runtime = SimpleNamespace(
    CUDARuntimeError=CUDARuntimeError,
    getDeviceCount=lambda: DEVICES,
    getDevice=lambda: _State.device,
    setDevice=_set_device,
    getDeviceProperties=_properties,
    deviceSynchronize=lambda: host_sync("deviceSynchronize()"),
    runtimeGetVersion=lambda: 13000,
    driverGetVersion=lambda: 13000,
    memGetInfo=lambda: Device().mem_info,
    deviceCanAccessPeer=lambda device, peer: int(_checked(device) != _checked(peer)),
)

MODELLED = {
    "is_available": lambda: True, "runtime": runtime, "Device": Device, "Event": Event, "Stream": Stream,
    "MemoryPool": MemoryPool, "MemoryHook": MemoryHook, "MemoryPointer": MemoryPointer,
    "PinnedMemoryPointer": PinnedMemoryPointer, "alloc_pinned_memory": PinnedMemoryPointer,
    "get_elapsed_time": get_elapsed_time, "get_current_stream": get_current_stream,
    "get_device_id": lambda: _State.device,
}  # fmt: skip

__all__ = ["MODELLED", "ndarray"]
