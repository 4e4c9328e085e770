"""The modules `cupy` and `cupyx` of the double: CuPy's names and no others."""

from __future__ import annotations

import inspect
import math
from types import ModuleType
from typing import Any

import numpy as np

from . import cuda as cuda_
from . import kernels, routines, snapshot
from .array import ndarray
from .registry import UFUNCS, fresh
from .ufunc import compute_of, ufunc

SNAPSHOT = snapshot.load()


class Module(ModuleType):
    """A module that has what the snapshot names: AttributeError for the rest, NotImplementedError for what is there
    but not modelled, as soon as it is called."""

    def __init__(self, path: str, modelled: dict[str, Any]) -> None:
        super().__init__(path)
        self.__dict__.update({name: modelled[name] for name in modelled})
        self._names = set(SNAPSHOT["names"].get(path, modelled))
        if invented := {name for name in modelled if not name.startswith("_")} - self._names:
            raise AssertionError(f"{path} has no {sorted(invented)}")

    def __getattr__(self, name: str) -> Any:
        path = f"{self.__name__}.{name}"
        if name not in self._names:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")

        def unmodelled(*args: Any, **kwargs: Any) -> Any:
            raise NotImplementedError(f"{path} is in CuPy, but the double does not model it")

        return unmodelled

    def __dir__(self) -> list[str]:
        return sorted(self._names)


def signature_of(path: str) -> inspect.Signature:
    """The snapshot's parameters as a signature."""
    parameters, kind = [], inspect.Parameter.POSITIONAL_OR_KEYWORD
    for text in SNAPSHOT["parameters"][path]:
        name, _, default = text.partition("=")
        if name == "*":
            kind = inspect.Parameter.KEYWORD_ONLY
        elif name.startswith("*"):
            variadic = inspect.Parameter.VAR_KEYWORD if name.startswith("**") else inspect.Parameter.VAR_POSITIONAL
            parameters.append(inspect.Parameter(name.lstrip("*"), variadic))
            kind = inspect.Parameter.KEYWORD_ONLY
        else:
            parameters.append(inspect.Parameter(name, kind, default=default if default else inspect.Parameter.empty))
    return inspect.Signature(parameters)


def _ufuncs(path: str) -> dict[str, Any]:
    found = {}
    for full, entry in SNAPSHOT["ufuncs"].items():
        owner, _, name = full.rpartition(".")
        compute = _special(name) if path == "cupyx.scipy.special" else compute_of(name)
        if owner == path and compute is not None:
            found[name] = ufunc(entry, compute, SNAPSHOT["at"].get(name, ""))
    return found


# --- cupyx.scipy.special: the double computes with the library's own NumPy functions


def _special(name: str) -> Any:
    from minitorch.ops import error_function, gamma

    return {
        "erf": error_function.erf, "erfc": error_function.erfc, "erfinv": error_function.erfinv,
        "gammaln": lambda x: np.where(np.isneginf(x), x, gamma.lgamma(x)), "digamma": gamma.digamma,
    }.get(name)  # fmt: skip


def polygamma(n: Any, x: Any) -> Any:
    from minitorch.ops import gamma

    orders = np.unique(routines.bare(n)).tolist()
    if len(orders) != 1:
        raise NotImplementedError("the double models polygamma of one order")
    if orders[0] > 1000:  # poison, in a graph's capture
        return fresh(np.full(routines.bare(x).shape, np.nan))
    values = routines.bare(x).astype(np.float64)
    return fresh(np.where(np.isneginf(values), np.inf, gamma.polygamma(int(orders[0]), values)))


def _zeros_pinned(shape: Any, dtype: Any = float, order: str = "C") -> np.ndarray:
    count = math.prod(shape) if isinstance(shape, tuple | list) else shape
    memory = cuda_.PinnedMemoryPointer(count * np.dtype(dtype).itemsize)
    flat = np.frombuffer(memory, dtype, count)
    return flat.reshape(shape, order=order)  # type: ignore[call-overload]


# --- the modules

UFUNCS.update(_ufuncs("cupy"))
_WHERE = dict(SNAPSHOT["where"], name="cupy_where")
UFUNCS["where"] = ufunc(_WHERE, np.where, "")

_POOLS = cuda_.default_pool(), cuda_.MemoryPool()
cuda = Module("cupy.cuda", cuda_.MODELLED)
_shared = {  # dtypes and numbers
    name: getattr(np, name)
    for name in SNAPSHOT["names"]["cupy"]
    if name in "pi e inf nan newaxis".split()
    or (isinstance(getattr(np, name, None), type) and issubclass(getattr(np, name), np.generic | np.dtype))
}
cupy = Module(
    "cupy",
    {
        **_shared,
        **{name: u for name, u in UFUNCS.items() if name != "where"},
        **{
            name: routines.same_as_numpy(name, signature_of(f"cupy.{name}"))
            for name in [*routines.SAME, *routines.SYNCHRONIZING]
            if "." not in name
        },
        **routines.METHODS,
        **{name: f for name, f in routines.OWN.items() if name not in ("as_strided", "sliding_window_view")},
        "ndarray": ndarray,
        "ufunc": ufunc,
        "cuda": cuda,
        "ElementwiseKernel": kernels.ElementwiseKernel,
        "RawKernel": kernels.RawKernel,
        **{name: kernels.refused(name) for name in ("RawModule", "ReductionKernel", "fuse")},
        "linalg": Module("cupy.linalg", {"qr": routines.same_as_numpy("linalg.qr", signature_of("cupy.linalg.qr"))}),
        "lib": Module(
            "cupy.lib",
            {
                "stride_tricks": Module(
                    "cupy.lib.stride_tricks",
                    {name: routines.OWN[name] for name in ("as_strided", "sliding_window_view")},
                )
            },
        ),
        "random": Module("cupy.random", {}),
        "get_default_memory_pool": lambda: _POOLS[0],
        "get_default_pinned_memory_pool": lambda: _POOLS[1],
        "__version__": SNAPSHOT["version"],
    },
)
special = Module("cupyx.scipy.special", {**_ufuncs("cupyx.scipy.special"), "polygamma": polygamma})
cupyx = Module(
    "cupyx",
    {
        "empty_pinned": _zeros_pinned,
        "zeros_pinned": _zeros_pinned,
        "scipy": Module("cupyx.scipy", {"special": special}),
    },
)
