"""Worker processes seen from their parent: starting them, talking to them, stopping them for certain."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.context import BaseContext
from typing import Any

from minitorch.utils.data.fetch import Fetch
from minitorch.utils.data.transfer import make_files, unpack
from minitorch.utils.data.worker import Restart, Task, WorkerInfo, work

_GRACE = 5.0  # seconds a worker gets to finish its batch when it is told to stop


class WorkerHandle:
    """A started worker: a pipe to it for tasks, one from it for replies, and the files they share.

    Replies come in the order of the tasks. At most `capacity` tasks are under way, each with a file of its
    own: both sides take the files in turn.
    """

    def __init__(
        self,
        context: BaseContext,
        capacity: int,
        make_fetch: Callable[[], Fetch],
        info: WorkerInfo,
        init_fn: Callable[[int], None] | None,
    ) -> None:
        self.capacity = capacity
        self.under_way = 0
        task_end, self.tasks = context.Pipe(duplex=False)
        self.replies, reply_end = context.Pipe(duplex=False)
        files = make_files(capacity)
        self.files_in_turn = itertools.cycle(files or [None])
        self.process: Any = context.Process(  # type: ignore[attr-defined]  # every real context has it
            target=work, args=(make_fetch, info, init_fn, task_end, reply_end, files), daemon=True
        )
        with warnings.catch_warnings():
            # Python 3.12 warns of forking with threads, and NumPy's BLAS always has some; it handles forks.
            warnings.filterwarnings("ignore", r".*multi-threaded, use of fork\(\)", DeprecationWarning)
            self.process.start()
        task_end.close()  # now the worker's alone: its end is seen as the end of the pipe
        reply_end.close()

    def give(self, index: Any) -> None:
        """Hand out a task."""
        self.under_way += 1
        with contextlib.suppress(BrokenPipeError):  # dead: found out when its reply is awaited
            self.tasks.send(Task(index))

    def restart(self) -> None:
        """Make it begin an epoch."""
        with contextlib.suppress(BrokenPipeError):
            self.tasks.send(Restart())

    def receive(self) -> Any:
        """Its next reply. RuntimeError if the worker died."""
        try:
            message = self.replies.recv_bytes()
        except (EOFError, OSError):
            raise self.death() from None
        self.under_way -= 1
        return unpack(message, next(self.files_in_turn))

    def death(self) -> RuntimeError:
        """The error to raise for a worker that is dead, or has closed its pipe and is about to be."""
        self.process.join(_GRACE)
        code = self.process.exitcode
        if code is not None and code < 0:
            name = signal.Signals(-code).name
            how = f": it is killed by signal: {signal.strsignal(-code)} ({name})."
            if code == -signal.SIGKILL:
                how += " If the machine ran out of memory, use fewer workers or smaller batches."
        else:
            how = f" with exit code {code}. Rerunning with num_workers=0 may give a better error trace."
        return RuntimeError(f"DataLoader worker (pid(s) {self.process.pid}) exited unexpectedly{how}")

    def ask_to_stop(self) -> None:
        """Tell it to stop after its current batch; never waits."""
        self.replies.close()
        with contextlib.suppress(OSError):  # dead, or its pipe is full
            os.set_blocking(self.tasks.fileno(), False)
            self.tasks.send(None)


def stop_workers(workers: list[WorkerHandle], owner: int) -> None:
    """Stop all workers and empty the list: politely, after `_GRACE` seconds by SIGTERM, then by SIGKILL."""
    if os.getpid() != owner:  # a forked child has inherited the list, but the workers are not its children
        return
    try:
        for worker in workers:
            worker.ask_to_stop()
        deadline = time.monotonic() + _GRACE
        for worker in workers:
            worker.process.join(max(0.0, deadline - time.monotonic()))
    finally:  # Ctrl-C cuts the waiting short
        with interrupts_wait():
            for end in ("terminate", "kill"):
                alive = [worker for worker in workers if worker.process.is_alive()]
                for worker in alive:
                    getattr(worker.process, end)()
                for worker in alive:
                    worker.process.join(1.0)
            workers.clear()


@contextmanager
def interrupts_wait() -> Iterator[None]:
    """Ctrl-C takes effect only afterwards: halfway through, a process would be lost track of."""
    handler = signal.getsignal(signal.SIGINT)
    if not callable(handler) or threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[Any] = []
    signal.signal(signal.SIGINT, lambda number, frame: came.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if came:
            handler(*came[0])
