"""What a row is: one computation that every backend can run, with its size and its least work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.backends import BACKENDS, COMPILED, FUSED, HAND, Backend
from benchmarks.timing import Step


@dataclass(frozen=True)
class Workload:
    """A row of the table of its family.

    build(backend) returns the step to time, a function of nothing that returns tensors; the tests compare these.
    hand() returns the same step in NumPy. line and size say where the row stands in the family's plot. flops and
    bytes are the least arithmetic and memory traffic it can do with: each input read once, each output written once,
    a function of one number (exp, tanh) counted as one operation.
    """

    family: str
    line: str
    size: int
    build: Callable[[Backend], Step]
    hand: Callable[[], Step] | None = None
    label: str = ""
    flops: float = 0
    bytes: float = 0
    quick: bool = True  # part of the quick run
    optimizer: bool = False  # has one, which PyTorch can fuse
    compiled: bool = True  # something that torch.compile can work on
    cuda: bool = True  # something to run on a GPU

    @property
    def name(self) -> str:
        return f"{self.line}, {self.label or f'{self.size:,}'}"

    @property
    def key(self) -> str:
        """Its name among all rows, and what --only looks into."""
        return f"{self.family}: {self.name}"

    def backends(self) -> tuple[Backend, ...]:
        """The columns that this row can have."""
        return tuple(b for b in BACKENDS if self._fits(b))

    def step(self, backend: Backend) -> Step:
        """What is timed."""
        if backend == HAND:
            assert self.hand is not None
            return self.hand()
        return backend.finish(self.build(backend))

    def _fits(self, backend: Backend) -> bool:
        if backend == HAND:
            return self.hand is not None
        if backend == FUSED:
            return self.optimizer
        if backend == COMPILED:
            return self.compiled
        return backend.device == "cpu" or self.cuda
