"""What the real CuPy offers, as JSON: its names, the keywords of its functions, the types of its ufuncs.

Run where CuPy is installed; a GPU is not needed: `python -m tests.strict_cupy.snapshot` rewrites snapshot.json.
"""

from __future__ import annotations

import inspect
import json
import re
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

PATH = Path(__file__).with_name("snapshot.json")
MODULES = (
    "cupy", "cupy.cuda", "cupy.cuda.runtime", "cupy.lib.stride_tricks", "cupy.linalg", "cupy.random", "cupyx",
    "cupyx.scipy.special",
)  # fmt: skip
TYPES = "?bhilqBHILQefd"  # complex numbers are left out, and what only structured types have


_SPECIAL = r"__(?!buffer__|release_buffer__)\w+__"  # these two since Python 3.12


def names_of(module: ModuleType) -> list[str]:
    return sorted(name for name in dir(module) if not name.startswith("_"))


def parameters_of(function: Any) -> list[str] | None:
    """The parameters, as in "axis=None", "*args", "*" (by keyword from here on); None where nobody can tell."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return documented_parameters(function)
    found, keyword_only = [], False
    for p in signature.parameters.values():
        if p.kind is p.KEYWORD_ONLY and not keyword_only:
            keyword_only = True
            if not any(f.startswith("*") for f in found):
                found.append("*")
        name = {p.VAR_POSITIONAL: "*", p.VAR_KEYWORD: "**"}.get(p.kind, "") + p.name
        found.append(name if p.default is p.empty else f"{name}={_shown(p.default)}")
    return found


def _shown(default: Any) -> str:
    return default.__name__ if isinstance(default, type) else repr(default)


def documented_parameters(function: Any) -> list[str] | None:
    """What Cython writes into the first line of the docstring: "sort(self, int axis=-1, kind=None)"."""
    first = (getattr(function, "__doc__", None) or "").strip().split("\n")[0]
    match = re.match(r"[\w.]+\((.*)\)", first)
    if match is None:
        return None
    parts = [part.strip() for part in match.group(1).split(",")]
    parts = [re.sub(r"^(?:\w+ )+(?=\w)", "", part) for part in parts if part]
    return [part for part in parts if part != "self"]


def loops_of(ops: Any) -> list[str]:
    """The types a ufunc has a loop for, in the order in which it looks through them; those that raise end in "!"."""
    found = []
    for op in ops.ops:
        kinds = "".join(np.dtype(t).char for t in op.in_types), "".join(np.dtype(t).char for t in op.out_types)
        if set("".join(kinds)) <= set(TYPES):
            found.append("->".join(kinds) + ("!" if op.error_func is not None else ""))
    return found


def ufuncs_of(module: ModuleType, ufunc: type) -> dict[str, Any]:
    members = {name: getattr(module, name) for name in names_of(module)}
    return {name: _entry(u) for name, u in members.items() if isinstance(u, ufunc)}


def _entry(u: Any) -> dict[str, Any]:
    return {
        "name": u.name,
        "loops": loops_of(u._ops),
        "by_dtype": None if u._out_ops is None else loops_of(u._out_ops),
        "casting": u._default_casting,
        "at": u._scatter_op,
        "nin": u.nin,
        "nout": u.nout,
    }


def on_host(cupy: Any, array: np.ndarray) -> Any:
    """A real CuPy array over host memory: its checks are genuine, and a launch ends in a CUDARuntimeError."""
    memory = cupy.cuda.UnownedMemory(array.ctypes.data, max(array.nbytes, 1), array, device_id=0)
    pointer = cupy.cuda.MemoryPointer(memory, 0)
    return cupy.ndarray(array.shape, array.dtype, memptr=pointer, strides=array.strides)


def accepts(cupy: Any, function: Any, *args: Any, **kwargs: Any) -> bool:
    """Whether a call passes all of CuPy's checks and fails for want of a GPU."""
    try:
        function(*args, **kwargs)
    except cupy.cuda.runtime.CUDARuntimeError:
        return True
    except (TypeError, NotImplementedError):
        return False
    return True


def scatter_types(cupy: Any) -> dict[str, str]:
    """The dtypes that each `ufunc.at` takes with an index array."""
    index = on_host(cupy, np.array([0, 1]))
    found = {}
    for name in "add", "subtract", "maximum", "minimum", "bitwise_and", "bitwise_or", "bitwise_xor":
        pairs = {kind: (on_host(cupy, np.zeros(3, kind)), on_host(cupy, np.zeros(2, kind))) for kind in TYPES}
        at = partial(accepts, cupy, getattr(cupy, name).at)
        found[name] = "".join(kind for kind, (array, values) in pairs.items() if at(array, index, values))
    return found


def take_snapshot() -> dict[str, Any]:
    import cupy
    import cupyx.scipy.special

    snapshot: dict[str, Any] = {"version": cupy.__version__, "names": {}, "parameters": {}, "ufuncs": {}}
    for path in MODULES:
        first, *rest = path.split(".")
        module = {"cupy": cupy, "cupyx": cupyx}[first]
        for name in rest:
            module = getattr(module, name)
        snapshot["names"][path] = names_of(module)
        snapshot["ufuncs"] |= {f"{path}.{name}": entry for name, entry in ufuncs_of(module, cupy.ufunc).items()}
        for name in names_of(module):
            member = getattr(module, name)
            if callable(member) and not isinstance(member, type) and f"{path}.{name}" not in snapshot["ufuncs"]:
                snapshot["parameters"][f"{path}.{name}"] = parameters_of(member)
    for owner, cls in {
        "cupy.ndarray": cupy.ndarray, "cupy.ufunc": cupy.ufunc, "cupy.cuda.Device": cupy.cuda.Device,
        "cupy.cuda.Event": cupy.cuda.Event, "cupy.cuda.Stream": cupy.cuda.Stream,
        "cupy.cuda.MemoryPool": cupy.cuda.MemoryPool, "cupy.cuda.MemoryHook": cupy.cuda.MemoryHook,
        "cupy.cuda.MemoryPointer": cupy.cuda.MemoryPointer, "cupy.cuda.Graph": cupy.cuda.Graph,
        "cupy.cuda.UnownedMemory": cupy.cuda.UnownedMemory,
        "cupy.ElementwiseKernel": cupy.ElementwiseKernel,
    }.items():  # fmt: skip
        snapshot["names"][owner] = sorted(n for n in dir(cls) if not n.startswith("_") or re.fullmatch(_SPECIAL, n))
        for name in names_of(cls):  # type: ignore[arg-type]
            if callable(getattr(cls, name)):
                snapshot["parameters"][f"{owner}.{name}"] = parameters_of(getattr(cls, name))
    snapshot["names"]["cupy.ndarray.flags"] = names_of(on_host(cupy, np.zeros(1)).flags)
    snapshot["at"] = scatter_types(cupy)
    snapshot["where"] = _entry(cupy._sorting.search._where_ufunc)
    return snapshot


def load() -> dict[str, Any]:
    return json.loads(PATH.read_text())


if __name__ == "__main__":
    lines = json.dumps(take_snapshot(), indent=None, separators=(",", ":"))
    PATH.write_text(re.sub(r'(?<=[\]}]),(?=")', ",\n", lines) + "\n")
