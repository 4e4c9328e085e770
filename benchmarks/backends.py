"""The columns: which library computes a workload, on which device, and how."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from benchmarks.timing import Clock, EventClock, Step, WallClock


@dataclass(frozen=True)
class Backend:
    """One column. mode: "eager"; "compiled" (torch.compile); "graph" (a recorded CUDA graph). fused: the optimizer's."""

    name: str
    library: str
    device: str = "cpu"
    mode: str = "eager"
    fused: bool = False

    @property
    def torch(self) -> Any:
        """The library: minitorch and PyTorch run the same lines."""
        return importlib.import_module(self.library)

    def missing(self) -> str:
        """Why this machine cannot run it; "" if it can."""
        if self.device == "cpu" or self.library == "numpy":
            return ""
        if not self.torch.cuda.is_available():
            return f"no CUDA GPU that {self.library} can use"
        if self.mode == "graph" and not hasattr(self.torch.cuda, "CUDAGraph"):
            return f"{self.library}.cuda has no graphs"
        return ""

    def clock(self) -> Clock:
        """The clock its work is timed by."""
        if self.device == "cpu":
            return WallClock()
        return EventClock(self.torch.cuda)

    # --- what the builders of workloads ask for

    def tensor(self, array: np.ndarray, requires_grad: bool = False) -> Any:
        """The array (its own copy of it) as a tensor on the device."""
        tensor = self.torch.from_numpy(array.copy()).to(self.device)
        return tensor.requires_grad_() if requires_grad else tensor

    def compile(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """torch.compile(function) where that is the column, else the function."""
        if self.mode != "compiled":
            return function
        self.torch.compiler.reset()  # the next size is a new program: past eight of one function it would run eagerly
        return self.torch.compile(function)

    def optimizer(self, name: str, parameters: Any) -> Any:
        """ "adam" or "sgd", lr 1e-3, as this column runs it."""
        kind = {"adam": self.torch.optim.Adam, "sgd": self.torch.optim.SGD}[name]
        options: dict[str, Any] = {"fused": True} if self.fused else {}
        if self.mode == "graph" and name == "adam":
            options["capturable"] = True  # the step count must be on the GPU, or each replay is step one
        return kind(parameters, lr=1e-3, **options)

    def model(self, model: Any) -> Any:
        """The model on the device."""
        return model.to(self.device)

    def finish(self, step: Step) -> Step:
        """The step as it is timed: a replay of its kernels where the column is a graph."""
        return _recorded(self.torch.cuda, step) if self.mode == "graph" else step


def _recorded(cuda: Any, step: Step) -> Step:
    """Record the kernels of one step; what is returned asks the GPU to run them all again."""
    side = cuda.Stream()
    side.wait_stream(cuda.current_stream())
    with cuda.stream(side):  # compile and allocate before recording, on a stream as recording needs it
        for _ in range(3):
            step()
    cuda.current_stream().wait_stream(side)
    graph = cuda.CUDAGraph()
    with cuda.graph(graph):
        output = step()
    return _Replay(graph, output, step)


@dataclass(frozen=True)
class _Replay:
    """What a graph does again. step: holds the tensors that it reads; the graph itself does not."""

    graph: Any
    output: Any
    step: Step

    def __call__(self) -> Any:
        self.graph.replay()
        return self.output


HAND = Backend("NumPy by hand", "numpy")
MINITORCH = Backend("minitorch", "minitorch")
TORCH = Backend("PyTorch", "torch")
FUSED = Backend("PyTorch fused", "torch", fused=True)
COMPILED = Backend("PyTorch compiled", "torch", mode="compiled")
MINITORCH_CUDA = Backend("minitorch CUDA", "minitorch", "cuda")
MINITORCH_GRAPH = Backend("minitorch CUDA graph", "minitorch", "cuda", "graph")
TORCH_CUDA = Backend("PyTorch CUDA", "torch", "cuda")
TORCH_GRAPH = Backend("PyTorch CUDA graph", "torch", "cuda", "graph")

CPU = (HAND, MINITORCH, TORCH, FUSED, COMPILED)
CUDA = (MINITORCH_CUDA, MINITORCH_GRAPH, TORCH_CUDA, TORCH_GRAPH)
BACKENDS = CPU + CUDA

# Which times the tables divide by which.
RATIOS = (
    (MINITORCH, TORCH, "minitorch / PyTorch"),
    (MINITORCH, FUSED, "/ fused"),
    (MINITORCH, COMPILED, "/ compiled"),
    (MINITORCH, HAND, "/ by hand"),
    (MINITORCH_CUDA, TORCH_CUDA, "CUDA: minitorch / PyTorch"),
    (MINITORCH_GRAPH, TORCH_GRAPH, "graphs: minitorch / PyTorch"),
)


@cache
def absent(backend: Backend) -> str:
    """`backend.missing()`, asked once."""
    return backend.missing()
