"""Peak memory of a step: each library alone in a process, asked for the most it ever occupied.

That process has imported its library and forks one child per row, so what is counted is what the workload takes itself:
data, parameters, gradients, the optimizer's state, the graph and temporaries.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

from benchmarks.backends import BACKENDS, FUSED, HAND, MINITORCH, MINITORCH_CUDA, TORCH, TORCH_CUDA, Backend, absent
from benchmarks.results import Peak
from benchmarks.timing import Step
from benchmarks.workload import Workload
from benchmarks.workloads import all_workloads

MEASURED = (HAND, MINITORCH, TORCH, FUSED, MINITORCH_CUDA, TORCH_CUDA)
ROWS = (
    "lecture: lecture, adam, batch 1,000",
    "lecture: lecture, adam, batch 65,536",
    "digits: 784-512-512-10, adam, batch 128",
    "optimizer: adam, one tensor, 10,000,000",
    "chain: 1,000 ops and back, 1,000 values",
    "softmax: cross_entropy, 1,000 classes, both passes, 8,192 x 1,000",
)
STEPS = 3


def peaks(keys: Collection[str], devices: tuple[str, ...], threads: int) -> list[Peak]:
    """The peak of each of ROWS that is one of `keys`, by backend. Linux only: elsewhere none."""
    rows = [row for row in ROWS if row in keys]
    if not rows or not sys.platform.startswith("linux"):
        return []
    found = {row: Peak(row) for row in rows}
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads)}
    for backend in MEASURED:
        if backend.device in devices and not absent(backend):
            command = [sys.executable, "-m", "benchmarks.memory", backend.name, *rows]
            done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
            for row, value in json.loads(done.stdout).items():
                if value is not None:
                    found[row].bytes[backend.name] = value
    return list(found.values())


def main() -> None:
    """`python -m benchmarks.memory BACKEND ROW...` prints {row: bytes}, null where the row ended with an error."""
    name, *rows = sys.argv[1:]
    backend = next(b for b in BACKENDS if b.name == name)
    _ = backend.torch  # imported once, before the processes fork
    fork = multiprocessing.get_context("fork")
    workloads = {w.key: w for w in all_workloads() if backend in w.backends()}
    found = {}
    for row in rows:
        if row in workloads:
            ours, theirs = fork.Pipe(duplex=False)
            child = fork.Process(target=_report, args=(theirs, workloads[row], backend))
            child.start()
            theirs.close()
            try:
                found[row] = ours.recv()
            except EOFError:  # the child has told stderr why
                found[row] = None
            child.join()
    print(json.dumps(found))


def _report(pipe: Any, workload: Workload, backend: Backend) -> None:
    small = next(w for w in all_workloads() if w.family == "lecture")
    small.step(backend)()  # what a library sets up once is no part of the workload
    before = _occupied()
    step = workload.step(backend)
    pipe.send(_on_gpu(backend, step) if backend.device == "cuda" else _on_cpu(step) - before)


def _on_cpu(step: Step) -> int:
    for _ in range(STEPS):
        step()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # Linux counts in KiB


def _on_gpu(backend: Backend, step: Step) -> int:
    """Both libraries keep count of the most they gave out."""
    cuda = backend.torch.cuda
    for _ in range(STEPS):
        step()
    cuda.synchronize()
    return int(cuda.max_memory_allocated())


def _occupied() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


if __name__ == "__main__":
    main()
