"""All rows, a module per family of them."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.workload import Workload
from benchmarks.workloads.draws import random_numbers
from benchmarks.workloads.kernels import elementwise, embedding, layer_norm, matmul, reductions, softmax
from benchmarks.workloads.loading import loading
from benchmarks.workloads.optimizers import optimizers
from benchmarks.workloads.overhead import chain, overhead
from benchmarks.workloads.training import digits, lecture


@dataclass(frozen=True)
class Family:
    """A table and a plot: their title, what the sizes of its workloads count, and what one of them is called."""

    title: str
    size: str
    unit: str


FAMILIES = {
    "lecture": Family("the lecture's training step, 10-32-64-1", "batch size", "samples"),
    "digits": Family("training steps of MLPs on digits, batch 128", "hidden width", "steps"),
    "matmul": Family("square matrix products", "n of n x n", "FLOP"),
    "elementwise": Family("elementwise ops", "elements", "elements"),
    "softmax": Family("softmax and cross entropy", "elements", "elements"),
    "layer norm": Family("layer normalization, weighted", "elements", "elements"),
    "reductions": Family("reductions", "elements", "elements"),
    "embedding": Family("rows of a table of 10,000 x 64 by index, with repeats", "rows picked", "rows"),
    "optimizer": Family("optimizer steps", "parameters", "parameters"),
    "chain": Family("a chain of 1,000 ops, forward and backward", "values", "steps"),
    "overhead": Family("one op on 32 values", "values", "steps"),
    "random": Family("random numbers", "numbers", "numbers"),
    "loader": Family("an epoch of DataLoader, batches of 32, shuffled", "batches", "batches"),
}


def all_workloads() -> list[Workload]:
    """Every row, in the order of the tables."""
    makers = (
        lecture, digits, matmul, elementwise, softmax, layer_norm, reductions, embedding, optimizers, chain, overhead,
        loading, random_numbers,
    )  # fmt: skip
    return [workload for make in makers for workload in make()]
