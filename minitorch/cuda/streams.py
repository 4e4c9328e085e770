"""Streams and events: queues of work on a GPU, and marks in them."""

from __future__ import annotations

from typing import Any

from minitorch import faults
from minitorch.device import device as Device
from minitorch.device import gpu_number, require_cupy


class Event:
    """A mark in a stream: the GPU has passed it or not, and the time between two can be told."""

    def __init__(
        self, enable_timing: bool = False, blocking: bool = False, interprocess: bool = False, external: bool = False
    ) -> None:
        for name, value in ("interprocess", interprocess), ("external", external):
            if value:
                raise NotImplementedError(f"torch.cuda.Event(): {name}=True is not implemented")
        self._event = require_cupy().cuda.Event(block=blocking, disable_timing=not enable_timing)
        self._timing, self._recorded = enable_timing, False

    def record(self, stream: Stream | None = None) -> None:
        """Put the mark into a stream, the current one by default."""
        self._event.record((stream or current_stream())._stream)
        self._recorded = True

    def wait(self, stream: Stream | None = None) -> None:
        """Let what comes next in a stream, the current one by default, wait for the mark."""
        if self._recorded:
            (stream or current_stream())._stream.wait_event(self._event)

    def query(self) -> bool:
        """Whether the GPU has passed the mark."""
        return not self._recorded or bool(self._event.done)

    def synchronize(self) -> None:
        """Wait until the GPU has passed the mark."""
        if self._recorded:
            self._event.synchronize()
            faults.raise_found()

    def elapsed_time(self, end_event: Event) -> float:
        """Milliseconds from this mark to the other."""
        if not (self._timing and end_event._timing):
            raise ValueError("Both events must be created with argument 'enable_timing=True'.")
        if not (self._recorded and end_event._recorded):
            raise ValueError("Both events must be recorded before calculating elapsed time.")
        if not (self.query() and end_event.query()):
            raise RuntimeError("Both events must be completed before calculating elapsed time.")
        return float(require_cupy().cuda.get_elapsed_time(self._event, end_event._event))

    def __repr__(self) -> str:
        return f"<torch.cuda.Event {id(self._event) if self._recorded else 'uninitialized'}>"


class Stream:
    """A queue of work on a GPU. `with stream:` puts what is done inside there."""

    _stream: Any

    def __init__(self, device: Any = None, priority: int = 0) -> None:
        cupy = require_cupy()
        number = gpu_number(None if isinstance(device, int) and device < 0 else device, "Stream")
        with cupy.cuda.Device(number):
            self._stream = cupy.cuda.Stream(non_blocking=True, priority=priority or None)
        self.device_index, self.priority = number, priority
        self._found: list[Any] = []

    @property
    def device(self) -> Device:
        return Device("cuda", self.device_index)

    @property
    def cuda_stream(self) -> int:
        """CUDA's handle."""
        return int(self._stream.ptr)

    def __cuda_stream__(self) -> tuple[int, int]:
        return 0, self.cuda_stream

    def query(self) -> bool:
        """Whether all that was put in is done."""
        return bool(self._stream.done)

    def is_capturing(self) -> bool:
        """Whether what is put in becomes part of a CUDA graph."""
        return bool(self._stream.is_capturing())

    def synchronize(self) -> None:
        """Wait until all that was put in is done."""
        self._stream.synchronize()
        faults.raise_found()

    def record_event(self, event: Event | None = None) -> Event:
        """Put a mark in: the given one, or a new one."""
        event = Event() if event is None else event
        event.record(self)
        return event

    def wait_event(self, event: Event) -> None:
        """Let what comes next here wait for a mark in another stream."""
        event.wait(self)

    def wait_stream(self, stream: Stream) -> None:
        """Let what comes next here wait for all that is in another stream now."""
        self.wait_event(stream.record_event())

    def __enter__(self) -> Stream:
        self._found.append(require_cupy().cuda.get_current_stream())
        self._stream.use()
        return self

    def __exit__(self, *error: object) -> None:
        self._found.pop().use()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stream) and (other.cuda_stream, other.device_index) == (
            self.cuda_stream,
            self.device_index,
        )

    def __hash__(self) -> int:
        return hash((self.cuda_stream, self.device_index))

    def __repr__(self) -> str:
        return f"<torch.cuda.Stream device=cuda:{self.device_index} cuda_stream={self.cuda_stream:#x}>"


class ExternalStream(Stream):
    """A stream that another library made, by its handle."""

    def __init__(self, stream_ptr: int, device: Any = None) -> None:
        cupy = require_cupy()
        self._take(cupy.cuda.Stream.from_external(_Handle(stream_ptr)), gpu_number(device, "ExternalStream"))

    def _take(self, stream: Any, number: int) -> None:
        self._stream, self.device_index, self.priority, self._found = stream, number, 0, []


class _Handle:
    """A stream's handle, as the CUDA stream protocol has it."""

    def __init__(self, pointer: int) -> None:
        self.pointer = pointer

    def __cuda_stream__(self) -> tuple[int, int]:
        return 0, self.pointer


def _wrapped(stream: Any, number: int) -> Stream:
    found = ExternalStream.__new__(ExternalStream)
    found._take(stream, number)
    return found


def current_stream(device: Any = None) -> Stream:
    """Where work is put now."""
    number = gpu_number(device, "current_stream")
    return _wrapped(require_cupy().cuda.get_current_stream(number), number)


def default_stream(device: Any = None) -> Stream:
    """Where work is put unless a stream is chosen."""
    return _wrapped(require_cupy().cuda.Stream.null, gpu_number(device, "default_stream"))


def set_stream(stream: Stream | None) -> None:
    """Put work into this stream from now on; None changes nothing."""
    if stream is not None:
        stream._stream.use()


class stream:
    """`with torch.cuda.stream(s):`, as `with s:`; None changes nothing."""

    def __init__(self, stream: Stream | None) -> None:
        self.stream = stream

    def __enter__(self) -> None:
        if self.stream is not None:
            self.stream.__enter__()

    def __exit__(self, *error: object) -> None:
        if self.stream is not None:
            self.stream.__exit__(*error)


def synchronize(device: Any = None) -> None:
    """Wait until the GPU has finished all that was asked of it; AcceleratorError if something went wrong there."""
    cupy = require_cupy()
    with cupy.cuda.Device(gpu_number(device, "synchronize")):
        cupy.cuda.runtime.deviceSynchronize()
    faults.raise_found()
