"""CUDA source: the double cannot run it. A kernel runs if a Python function of the same name stands in for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .registry import is_device_array

Model = Callable[..., None]
_models: dict[str, Model] = {}


def model(name: str) -> Callable[[Model], Model]:
    """Register what the elementwise kernel `name` does: a function that gets NumPy arrays, inputs first, and writes."""

    def register(function: Model) -> Model:
        _models[name] = function
        return function

    return register


class ElementwiseKernel:
    """`ElementwiseKernel(in_params, out_params, operation, name)`; all outputs must be given in the call."""

    def __init__(
        self, in_params: str, out_params: str, operation: str, name: str = "kernel", reduce_dims: bool = True,
        preamble: str = "", no_return: bool = False, return_tuple: bool = False, **kwargs: Any,
    ) -> None:  # fmt: skip
        self.name, self.operation = name, operation
        self.nin = len([p for p in in_params.split(",") if p.strip()])
        self.nargs = self.nin + len([p for p in out_params.split(",") if p.strip()])

    def __call__(self, *args: Any, size: int | None = None, block_size: int = 128, stream: Any = None) -> Any:
        if self.name not in _models:
            raise NotImplementedError(
                f"kernel {self.name!r}: the double runs no CUDA source; write strict_cupy.kernels.model({self.name!r})"
            )
        if len(args) != self.nargs:
            raise NotImplementedError(f"kernel {self.name!r}: the double wants all {self.nargs} arguments")
        if any(isinstance(x, np.ndarray) for x in args):
            raise TypeError(f"Unsupported type {np.ndarray}")
        with np.errstate(all="ignore"):
            _models[self.name](*[x._a if is_device_array(x) else x for x in args])
        return args[self.nin] if self.nargs == self.nin + 1 else args[self.nin :]


def refused(what: str) -> Any:
    """A way to run CUDA source that nobody can stand in for."""

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"cupy.{what}: the double runs no CUDA source")

    return refuse
