"""Run a PyTorch script unchanged: every `import torch` in it gives minitorch, PyTorch itself stays out.

    python -m minitorch SCRIPT.py ARGS ...
    python -m minitorch -m MODULE ARGS ...
    python -m minitorch -c "import torch; print(torch.ones(2))"

`torch.nn` is then `minitorch.nn`, the same module object. What minitorch lacks raises AttributeError or
ImportError under the name the script used. `install()` does the same within a program of your own.
"""

from __future__ import annotations

import builtins
import difflib
import importlib
import importlib.util
import os
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from multiprocessing import spawn
from types import CodeType, ModuleType, TracebackType
from typing import Any, NoReturn

OURS = __package__
THEIRS = "torch"
_USAGE = """usage: python -m minitorch SCRIPT.py [ARGS ...]
       python -m minitorch -m MODULE [ARGS ...]
       python -m minitorch -c CODE [ARGS ...]

Runs a PyTorch program with minitorch in the place of torch."""


# --- torch's modules are minitorch's


def _in_torch_words(name: str) -> str:
    """'minitorch.nn' as the script knows it: 'torch.nn'."""
    return THEIRS + name.removeprefix(OURS) if name == OURS or name.startswith(f"{OURS}.") else name


def _missing(name: str, known: list[str]) -> str:
    """What to say of `name`, written in full: 'torch.nn.Conv3d'; its parent offers the names `known`."""
    parent, _, last = name.rpartition(".")
    near = difflib.get_close_matches(last, [k for k in known if not k.startswith("_")], n=2)
    hint = "" if not near else f" Did you mean: {' or '.join(f'{parent}.{k}' for k in near)}?"
    return f"minitorch has no {name}.{hint}"


def _find_ours(name: str) -> ModuleType | None:
    """Minitorch's module for 'torch.nn.functional', or None if it has none of that name."""
    if name == THEIRS:
        return importlib.import_module(OURS)
    parent_name, _, last = name.rpartition(".")
    parent = _find_ours(parent_name)
    if parent is None:
        return None
    full = f"{parent.__name__}.{last}"
    if not hasattr(parent, last) and hasattr(parent, "__path__") and importlib.util.find_spec(full):
        importlib.import_module(full)
    # Not sys.modules: `torch.tensor` is a function, though the file that defines the class has that name.
    found = vars(parent).get(last)
    return found if isinstance(found, ModuleType) and found.__name__.split(".")[0] == OURS else None


class _Alias(Loader):
    """Puts a module that is loaded already under a second name."""

    def __init__(self, module: ModuleType) -> None:
        self.module = module

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        for name, ours in list(sys.modules.items()):
            if name.split(".")[0] == OURS:
                _report_missing(ours)
        sys.modules[module.__name__] = self.module  # the import system goes on with what it finds there


class _Finder(MetaPathFinder):
    """Asked first for every module: answers for torch, leaves the rest to Python."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if fullname.split(".")[0] != THEIRS:
            return None
        module = _find_ours(fullname)
        if module is None:
            parent = _find_ours(fullname.rpartition(".")[0])
            known = [k for k, v in vars(parent).items() if isinstance(v, ModuleType)] if parent else []
            message = f"No module named {fullname!r}: {_missing(fullname, known)}"
            raise ModuleNotFoundError(message, name=fullname)
        return ModuleSpec(fullname, _Alias(module))


def _report_missing(module: ModuleType) -> None:
    """Let `module` name an attribute it lacks as the script wrote it."""
    if hasattr(vars(module).get("__getattr__"), "for_scripts"):
        return
    original = vars(module).get("__getattr__")

    def __getattr__(name: str) -> Any:
        if original is not None:
            try:
                return original(name)
            except AttributeError:
                pass
        theirs = _in_torch_words(module.__name__)
        message = f"module {theirs!r} has no attribute {name!r}"
        if not name.startswith("__"):
            message += f": {_missing(f'{theirs}.{name}', list(vars(module)))}"
        raise AttributeError(message, name=name, obj=None)  # obj: else Python adds a suggestion of its own

    __getattr__.for_scripts = True  # type: ignore[attr-defined]
    module.__getattr__ = __getattr__  # type: ignore[method-assign]


class _Passenger:
    """Travels to a worker process that starts afresh, and installs the stand-in there first."""

    def __reduce__(self) -> tuple[Any, ...]:
        return install, ()


def install() -> None:
    """From now on `import torch` gives minitorch, here and in the processes that multiprocessing starts."""
    if any(isinstance(finder, _Finder) for finder in sys.meta_path):
        return
    if THEIRS in sys.modules:
        raise RuntimeError("minitorch.standin.install(): torch is imported already; call install() before")
    sys.meta_path.insert(0, _Finder())
    prepare = spawn.get_preparation_data

    def get_preparation_data(name: str) -> dict[str, Any]:
        return {"minitorch": _Passenger(), **prepare(name)}

    spawn.get_preparation_data = get_preparation_data


# --- running a script as Python would


def _show(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """Python's report of an error nobody caught, without the frames and names of the runner."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        e = waiting.pop()
        if e is None or id(e) in seen:
            continue
        seen.add(id(e))
        waiting += [e.__cause__, e.__context__]
        e.__traceback__ = _without_runner(e.__traceback__)
        if isinstance(e, ImportError) and e.msg.startswith("cannot import name") and e.name in sys.modules:
            theirs, wanted = _in_torch_words(e.name), e.msg.split("'")[1]
            if theirs != e.name:
                known = list(vars(sys.modules[e.name]))
                reason = _missing(f"{theirs}.{wanted}", known)
                e.msg = f"cannot import name {wanted!r} from {theirs!r}: {reason}"
    sys.__excepthook__(kind, error, error.__traceback__)


def _without_runner(traceback: TracebackType | None) -> TracebackType | None:
    kept: list[TracebackType] = []
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        if file != __file__ and (kept or file not in _LAUNCHERS):
            kept.append(traceback)
        traceback = traceback.tb_next
    for entry in reversed(kept):
        traceback = TracebackType(traceback, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    return traceback


# Whose frames come before the script's own.
_LAUNCHERS = ("<frozen runpy>", os.path.join(os.path.dirname(__file__), "__main__.py"))


def _stop(message: str, status: int) -> NoReturn:
    print(message, file=sys.stderr)
    raise SystemExit(status)


def _load_script(path: str) -> tuple[CodeType, dict[str, Any]]:
    """The code of a script, and what Python sets in the module it runs in."""
    path = os.path.abspath(path)
    try:
        with open(path, "rb") as file:
            source = file.read()
    except OSError as error:
        _stop(f"{sys.executable}: can't open file {path!r}: [Errno {error.errno}] {error.strerror}", 2)
    if not sys.flags.safe_path:
        sys.path[0] = os.path.dirname(os.path.realpath(path))
    code = compile(source, path, "exec", dont_inherit=True)
    return code, {"__file__": path, "__loader__": SourceFileLoader("__main__", path), "__cached__": None}


def _load_module(name: str) -> tuple[CodeType, dict[str, Any]]:
    """The code of a module or of a package's `__main__`, and what Python sets for `python -m`."""
    try:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.submodule_search_locations is not None:
            spec = importlib.util.find_spec(name := f"{name}.__main__")
    except ImportError as error:
        _stop(f"{sys.executable}: Error while finding module specification for {name!r} ({error})", 1)
    code = None if spec is None or spec.loader is None else spec.loader.get_code(name)  # type: ignore[attr-defined]
    if spec is None or code is None:
        _stop(f"{sys.executable}: No module named {name}", 1)
    sys.argv[0] = spec.origin or name
    return code, {
        "__file__": spec.origin,
        "__loader__": spec.loader,
        "__spec__": spec,
        "__package__": spec.parent,
        "__cached__": spec.cached,
    }


def main() -> None:
    """Run what the command line names, as the module `__main__` of this process."""
    arguments = sys.argv[1:]
    if not arguments or (arguments[0] in ("-m", "-c") and len(arguments) == 1):
        _stop(_USAGE, 2)
    if arguments[0] in ("-h", "--help"):
        print(_USAGE)
        return
    install()
    sys.excepthook = _show
    flag, target = (arguments[0], arguments[1]) if arguments[0] in ("-m", "-c") else ("", arguments[0])
    if flag == "-m":
        sys.argv = ["-m", *arguments[2:]]
        code, attributes = _load_module(target)
    elif flag == "-c":
        sys.argv = ["-c", *arguments[2:]]
        if not sys.flags.safe_path:
            sys.path[0] = ""
        code, attributes = compile(target, "<string>", "exec", dont_inherit=True), {}
    else:
        sys.argv = arguments
        code, attributes = _load_script(target)
    # A module of its own, under the name that pickle and multiprocessing look for the script's classes in.
    script = ModuleType("__main__")
    vars(script).update(attributes, __builtins__=builtins, __annotations__={})
    # The second is what multiprocessing calls the main module, of which its workers make objects.
    sys.modules["__main__"] = sys.modules["__mp_main__"] = script
    exec(code, vars(script))
