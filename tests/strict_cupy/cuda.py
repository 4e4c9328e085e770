"""cupy.cuda: one pretended GPU, whose streams do everything at once."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from .array import MemoryPointer, ndarray
from .registry import EVERYBODY, HOOKS, Pool, allocators, capturing
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
    mem_info = property(
        lambda self: (_PROPERTIES["totalGlobalMem"] - EVERYBODY.reserved, _PROPERTIES["totalGlobalMem"])
    )  # type: ignore[operator]


class _State:
    device = 0
    stack: list[int] = []  # noqa: RUF012


class Event:
    """A mark in a stream."""

    def __init__(self, block: bool = False, disable_timing: bool = False, interprocess: bool = False) -> None:
        self.timing, self.at = not disable_timing, -1.0

    @property
    def done(self) -> bool:
        self._not_in_a_capture("cudaEventQuery")
        return True

    def record(self, stream: Any = None) -> None:
        self.at = time.perf_counter()
        for capture in capturing:
            if (get_current_stream() if stream is None else stream) in capture.streams:
                capture.marks.append(self)

    def synchronize(self) -> None:
        self._not_in_a_capture("cudaEventSynchronize")
        host_sync("Event.synchronize()")

    def _not_in_a_capture(self, what: str) -> None:
        for capture in capturing:
            if self in capture.marks:
                capture.invalid = True
                raise CUDARuntimeError(900, f"cudaErrorCapturedEvent: {what} of an event in a capture")


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

    @property
    def done(self) -> bool:
        self._not_capturing("cudaStreamQuery")
        return True

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
        self._not_capturing("cudaStreamSynchronize")
        host_sync("Stream.synchronize()")

    # --- capture

    def begin_capture(self, mode: Any = None) -> None:
        from .capture import Capture

        if not self.ptr:
            raise RuntimeError("cannot capture on the default (legacy) stream")
        if capturing:
            raise CUDARuntimeError(
                900, "cudaErrorStreamCaptureUnsupported: operation not permitted when stream is capturing"
            )
        capturing.append(Capture(self))

    def end_capture(self) -> Any:
        if not any(capture.stream is self for capture in capturing):
            raise CUDARuntimeError(401, "cudaErrorIllegalState: the operation cannot be performed in the present state")
        capture = capturing.pop()
        capture.close()
        if capture.invalid:
            raise CUDARuntimeError(901, "cudaErrorStreamCaptureInvalidated: operation failed due to a previous error")
        return capture.graph()

    def is_capturing(self) -> bool:
        return any(self in capture.streams for capture in capturing)

    def _not_capturing(self, what: str) -> None:
        if self.is_capturing():
            capturing[-1].invalid = True
            raise CUDARuntimeError(900, f"cudaErrorStreamCaptureUnsupported: {what} while the stream is capturing")

    def record(self, event: Any = None) -> Event:
        event = Event() if event is None else event
        event.record(self)
        return event

    def wait_event(self, event: Event) -> None:
        """The GPU waits, the host does not. In a capture, a stream that waits for another becomes part of it."""
        for capture in capturing:
            if event in capture.marks and self not in capture.streams:
                capture.streams.append(self)

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
    """A pool's counts. Freed blocks stay with it until `free_all_blocks`."""

    def __init__(self, allocator: Any = None) -> None:
        self._pool = Pool()

    def malloc(self, size: int) -> MemoryPointer:
        return MemoryPointer(self._pool.malloc(size), 0)

    def used_bytes(self) -> int:
        return self._pool.used

    def total_bytes(self) -> int:
        return self._pool.reserved

    def free_bytes(self) -> int:
        return self._pool.reserved - self._pool.used

    def free_all_blocks(self, stream: Any = None) -> None:
        self._pool.reserved = self._pool.used

    def n_free_blocks(self) -> int:
        return int(self._pool.reserved > self._pool.used)


def default_pool() -> MemoryPool:
    pool = MemoryPool()
    pool._pool = EVERYBODY
    return pool


class UnownedMemory:
    """Memory that something else owns."""

    def __init__(self, ptr: int, size: int, owner: Any, device_id: int = -1) -> None:
        if device_id < 0:
            raise NotImplementedError("the double wants to be told the device")
        self.ptr, self.size, self._owner, self.device_id = ptr, size, owner, device_id


@contextmanager
def using_allocator(allocator: Any = None) -> Iterator[None]:
    """New arrays inside get their memory from there."""
    allocators.append(allocator or EVERYBODY.malloc)
    try:
        yield
    finally:
        allocators.pop()


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


def _synchronize() -> None:
    get_current_stream()._not_capturing("cudaDeviceSynchronize")
    host_sync("deviceSynchronize()")


def _memcpy_async(target: int, source: int, size: int, kind: int, stream: int) -> None:
    """From pinned memory to the device. The runtime itself asks nothing of a capture."""
    assert kind == 1, "the double copies from the host only"
    for capture in capturing:
        assert stream == capture.stream.ptr
        capture.note("memcpyAsync", lambda: ctypes.memmove(target, source, size), uses=(capture.pointers[target],))
        return
    ctypes.memmove(target, source, size)


runtime = SimpleNamespace(
    memcpyHostToDevice=1,
    memcpyAsync=_memcpy_async,
    CUDARuntimeError=CUDARuntimeError,
    getDeviceCount=lambda: DEVICES,
    getDevice=lambda: _State.device,
    setDevice=_set_device,
    getDeviceProperties=_properties,
    deviceSynchronize=_synchronize,
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
    "get_device_id": lambda: _State.device, "UnownedMemory": UnownedMemory, "using_allocator": using_allocator,
    "get_cublas_handle": lambda: 1,
}  # fmt: skip

__all__ = ["MODELLED", "ndarray"]
