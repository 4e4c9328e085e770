"""Which public names of minitorch the cases call: recorded while they run, so that no list can claim too much."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import minitorch
from parity import cases
from parity.case import CASE_FILE, Case
from parity.evaluate import evaluate
from parity.results import Coverage

# Where scripts find things. Those that minitorch does not have (yet) are passed over.
NAMESPACES = """autograd autograd.functional autograd.graph cuda distributions fft func linalg nn nn.functional nn.init
nn.utils optim optim.lr_scheduler random special utils utils.checkpoint utils.data""".split()
CLASSES = """Tensor Generator Size dtype device finfo iinfo nn.Module nn.Sequential nn.ModuleList nn.ModuleDict
nn.ParameterList nn.ParameterDict optim.Optimizer optim.lr_scheduler.LRScheduler""".split()
# What Python calls for us: x + y, x[i], len(x), float(x), repr(x) ...
OPERATORS = {
    f"__{name}__"
    for name in """abs add and array bool complex contains deepcopy eq float floordiv format ge getitem gt iadd iand
    ifloordiv ilshift imod imul index int invert ior ipow irshift isub iter itruediv ixor le len lshift lt matmul mod mul
    ne neg or pos pow radd rand rfloordiv rlshift rmatmul rmod rmul ror rpow rrshift rshift rsub rtruediv rxor setitem sub
    truediv xor""".split()
}
# Names that need no case, and why. "x.*": everything in x.
EXEMPT = {
    "cuda.*": "needs a GPU",
    "AcceleratorError": "needs a GPU",
    "Tensor.record_stream": "needs a GPU",
    "Tensor.cuda": "needs a GPU",
    "Tensor.pin_memory": "needs a GPU",
    "nn.Module.cuda": "needs a GPU",
    "nn.Module.bfloat16": "NotImplementedError: NumPy has no bfloat16",
    "nn.Module.compile": "NotImplementedError",
    "nn.Module.share_memory": "NotImplementedError: tensors are pickled between processes",
    "Tensor.share_memory_": "NotImplementedError: tensors are pickled between processes",
    "Tensor.__rmatmul__": "asked only by operands of other libraries",
    "random.*": "minitorch's own: fills NumPy arrays; the Tensor methods of the same names are built on it",
    "Generator.cached_normal": "minitorch's own: the state of the stream",
    "Generator.words": "minitorch's own: the words of the stream",
    "Generator.words64": "minitorch's own: the words of the stream",
    "Tensor.contiguous_copy": "minitorch's own: what contiguous() records",
    "Tensor.rsub": "minitorch's own: PyTorch has it as a function alone",
    "dtype.to_complex": "NotImplementedError: there are no complex numbers",
    "dtype.name": "minitorch's own",
    "dtype.numpy": "minitorch's own",
    "autograd.graph.describe": "minitorch's own: the graph as text",
    "autograd.graph.to_dot": "minitorch's own: the graph as a drawing",
    "utils.data.WorkerInfo": "minitorch's own name for what get_worker_info() gives",
}


def public_names() -> dict[str, Any]:
    """{'add': ..., 'nn.Linear': ..., 'Tensor.add': ...}: what a script can ask minitorch for."""
    found = _names("", minitorch)
    for namespace in NAMESPACES:
        module = _module(f"minitorch.{namespace}")
        if module is not None:
            found |= _names(f"{namespace}.", module)
    for path in CLASSES:
        owner: Any = _at(minitorch, path)
        for name in sorted(_own(owner, {_at(minitorch, other) for other in CLASSES})):
            if not name.startswith("_") or name in OPERATORS:
                found[f"{path}.{name}"] = getattr(owner, name)
    return found


def _own(owner: type, listed: set[type]) -> set[str]:
    """What a class defines, or those of its bases that are not listed themselves."""
    others = {cls for other in listed - {owner} if issubclass(owner, other) for cls in other.__mro__}
    classes = [cls for cls in owner.__mro__ if cls.__module__.startswith("minitorch") and cls not in others]
    return {name for cls in classes for name in vars(cls)}


def _names(prefix: str, module: ModuleType) -> dict[str, Any]:
    names = getattr(module, "__all__", None) or [n for n in dir(module) if not n.startswith("_")]
    found = {f"{prefix}{n}": getattr(module, n) for n in names}
    return {n: x for n, x in found.items() if not isinstance(x, ModuleType) and not _imported(x, module)}


def _imported(thing: Any, module: ModuleType) -> bool:
    """True for what a module without `__all__` imported for its own use."""
    if hasattr(module, "__all__"):
        return False
    home = getattr(thing, "__module__", None) or ""
    return home in ("typing", "collections.abc", "__future__", "builtins") or (
        module is not minitorch and home not in (module.__name__, "")
    )


def _module(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def _at(root: Any, path: str) -> Any:
    for name in path.split("."):
        root = getattr(root, name)
    return root


# --- recording


class Recorder:
    """Stands for minitorch, or a module of it, and writes down the names that are asked of it."""

    def __init__(self, module: Any, path: str, called: set[str]) -> None:
        self._module, self._path, self._called = module, path, called

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._module, name)
        path = f"{self._path}{name}"
        if isinstance(value, ModuleType):
            return Recorder(value, f"{path}.", self._called)
        self._called.add(path)
        return value


def called_by(case: Case) -> set[str]:
    """The public names of minitorch that a case calls itself; what minitorch calls within does not count."""
    called: set[str] = set()
    recorder = Recorder(minitorch, "", called)
    watched = replace(case, function=_with(recorder, case.function), build=case.build and _with(recorder, case.build))
    with _methods(called):
        evaluate(watched, minitorch, case.dtypes[0] if case.dtypes else "")
    return called


def _with(recorder: Any, function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` with the recorder for `t`. It looks like `function` to those who ask for its arguments."""
    watched = lambda t, *args: function(recorder, *args)
    watched.__wrapped__ = function  # type: ignore[attr-defined]
    return watched


CASES = str(Path(cases.__file__).parent)


def _asked_by_a_case(depth: int) -> bool:
    file = sys._getframe(depth + 1).f_code.co_filename
    return file == CASE_FILE or file.startswith(CASES)


@contextmanager
def _methods(called: set[str]) -> Iterator[None]:
    """Write down the methods, attributes and operators that cases use of tensors, modules, optimizers ..."""
    put: list[tuple[type, str, Any]] = []
    paths = {_at(minitorch, path): path for path in CLASSES}

    def replace_attribute(owner: type, name: str, value: Any) -> None:
        put.append((owner, name, vars(owner).get(name)))
        setattr(owner, name, value)

    def attribute(original: Any) -> Any:
        def __getattribute__(self: Any, name: str) -> Any:
            if name[0] != "_" and _asked_by_a_case(1):
                called.update(f"{paths[cls]}.{name}" for cls in type(self).__mro__ if cls in paths)
            return original(self, name)

        return __getattribute__

    def operator(original: Any, names: list[str]) -> Any:
        def watched(*args: Any, **options: Any) -> Any:
            if _asked_by_a_case(1):
                called.update(names)
            return original(*args, **options)

        return watched

    for owner, path in paths.items():
        if not any(owner is not other and issubclass(owner, other) for other in paths):
            replace_attribute(owner, "__getattribute__", attribute(owner.__getattribute__))
        for name in OPERATORS:
            original = vars(owner).get(name) or (hasattr(owner, name) and getattr(owner, name))
            if callable(original) and any(
                name in vars(c) for c in owner.__mro__ if c.__module__.startswith("minitorch")
            ):
                replace_attribute(owner, name, operator(original, [f"{path}.{name}"]))
    try:
        yield
    finally:
        for owner, name, original in reversed(put):
            if original is None:
                delattr(owner, name)
            else:
                setattr(owner, name, original)


def coverage(table: Iterable[Case]) -> Coverage:
    """Run every case once in minitorch and see what they called."""
    return judged(set().union(*map(called_by_once, table)))


@cache
def called_by_once(case: Case) -> frozenset[str]:
    return frozenset(called_by(case))


def judged(called: set[str]) -> Coverage:
    """Each public name: called, exempt, or missing. A name is covered too where the same thing was called elsewhere by it."""
    names = public_names()
    things = {(n.rpartition(".")[2], id(names[n])) for n in called if n in names}
    found = Coverage()
    for name, thing in sorted(names.items()):
        reason = next((why for pattern, why in EXEMPT.items() if _matches(name, pattern)), None)
        if name in called or ((name.rpartition(".")[2], id(thing)) in things and not name.startswith("Tensor.")):
            found.covered.append(name)
        elif reason is not None:
            found.exempt[name] = reason
        else:
            found.missing.append(name)
    return found


def _matches(name: str, pattern: str) -> bool:
    return name == pattern or (pattern.endswith(".*") and name.startswith(pattern[:-1]))
