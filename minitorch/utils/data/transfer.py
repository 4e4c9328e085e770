"""Batches from a worker to its parent: one message through a pipe, big arrays through memory files.

A message is a pickle (protocol 5). Arrays of more than `SMALL` bytes stay out of it: the worker writes them
to a memory file and the parent reads them back into fresh arrays, five times as fast as through a pipe
(1.5 MB: 0.3 ms against 1.6 ms). Each worker has as many files as batches under way, so none is written
before it was read, and messages are so short that a worker never waits for its parent to read them.

A memory file has no name. The system frees it with the last process that has it open, so nothing is left
behind when a process is killed, and no limit on /dev/shm applies. Where the system has none (not Linux),
everything goes through the pipe.
"""

from __future__ import annotations

import os
import pickle
from multiprocessing import reduction
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

SMALL = 4096


class MemoryFile:
    """An anonymous file in memory, open in this process and in those it is handed to on their start."""

    def __init__(self, descriptor: int | None = None) -> None:
        self.descriptor = os.memfd_create("minitorch-batch") if descriptor is None else descriptor

    def __reduce__(self) -> tuple[Any, ...]:  # how it reaches a spawned process; a forked one inherits it
        return _reopen, (reduction.DupFd(self.descriptor),)

    def write(self, buffers: list[memoryview]) -> None:
        position = 0
        for buffer in buffers:
            while buffer.nbytes:  # one call writes at most 2 GiB
                count = os.pwrite(self.descriptor, buffer, position)
                buffer, position = buffer[count:], position + count

    def read(self, sizes: list[int]) -> list[np.ndarray]:
        arrays, position = [np.empty(size, np.uint8) for size in sizes], 0
        for array in arrays:
            rest = array.data
            while rest.nbytes:
                count = os.preadv(self.descriptor, [rest], position)
                if count == 0:
                    raise EOFError("the memory file of a DataLoader worker is shorter than its message says")
                rest, position = rest[count:], position + count
        return arrays

    def __del__(self) -> None:
        os.close(self.descriptor)


def _reopen(duplicate: Any) -> MemoryFile:
    return MemoryFile(duplicate.detach())


def make_files(count: int) -> list[MemoryFile]:
    """`count` memory files; none where the system has no such thing."""
    return [MemoryFile() for _ in range(count)] if hasattr(os, "memfd_create") else []


def send(pipe: Connection, file: MemoryFile | None, data: Any) -> None:
    """Send `data`, with its big arrays in `file`. Raises what pickling raises, before anything is sent."""
    buffers: list[memoryview] = []

    def keep_small(buffer: pickle.PickleBuffer) -> bool:
        """True: leave it in the pickle."""
        if file is None or buffer.raw().nbytes < SMALL:
            return True
        buffers.append(buffer.raw())
        return False

    stream = pickle.dumps(data, protocol=5, buffer_callback=keep_small)
    if file is not None and len(stream) > SMALL:  # many strings, say: a long stream travels as a buffer
        buffers.append(memoryview(stream))
        stream = b""
    if buffers:
        assert file is not None
        file.write(buffers)
    pipe.send_bytes(pickle.dumps((stream, [buffer.nbytes for buffer in buffers]), protocol=5))


def unpack(message: bytes, file: MemoryFile | None) -> Any:
    """The data of a message that `send` made."""
    stream, sizes = pickle.loads(message)
    buffers = file.read(sizes) if file is not None and sizes else []
    if not stream:
        stream = buffers.pop()
    return pickle.loads(stream, buffers=buffers)
