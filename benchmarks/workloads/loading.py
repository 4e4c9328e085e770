"""DataLoader: an epoch of shuffled batches of 32, in this process or by two workers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.backends import Backend
from benchmarks.timing import Step
from benchmarks.workload import Workload

BATCH = 32


class Squares:
    """A dataset whose samples are made one by one, as most are."""

    def __init__(self, backend: Backend, samples: int) -> None:
        self._values = np.arange(samples, dtype=np.float32)
        self._from_numpy = backend.torch.from_numpy

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, i: int) -> Any:
        return self._from_numpy(np.full(10, self._values[i])), i


def loading() -> Iterator[Workload]:
    samples = 3_200
    for kind in ("TensorDataset", "own dataset"):
        for workers in (0, 2):

            def build(backend: Backend, kind: str = kind, workers: int = workers) -> Step:
                torch = backend.torch
                data = torch.utils.data
                torch.manual_seed(0)
                rng = np.random.default_rng(4)
                x = rng.standard_normal((samples, 10), np.float32)
                dataset: Any = (
                    data.TensorDataset(backend.tensor(x), backend.tensor(x[:, :1]))
                    if kind == "TensorDataset"
                    else Squares(backend, samples)
                )
                loader = data.DataLoader(
                    dataset, BATCH, shuffle=True, num_workers=workers, persistent_workers=workers > 0
                )

                def epoch() -> Any:
                    for batch in loader:  # noqa: B007
                        pass
                    return batch

                return epoch

            yield Workload(
                "loader", f"{kind}, {workers} workers", samples // BATCH, build, label=f"{samples // BATCH} batches",
                compiled=False, cuda=False,
            )  # fmt: skip
