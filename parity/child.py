"""Run one script under one library and record what it does: the process that `python -m parity run` starts twice.

    python child.py LIBRARY FOLDER SCRIPT ARGS ...

LIBRARY is torch, minitorch, or nudged: PyTorch with every parameter moved by one rounding after the first optimizer step.

The script sees what it sees under `python SCRIPT ARGS`, but for what would make any two runs differ: the random
generators of Python, NumPy and torch start from seed 0, and the parent sets PYTHONHASHSEED. Nothing is imported for it
but NumPy; what it computes with is watched from outside, by functions put around `backward`, `grad` and
`Optimizer.__init__` when the script imports torch. FOLDER receives record.json, and arrays.npz with the state at the end.
"""

from __future__ import annotations

import builtins
import functools
import importlib.util
import io
import json
import os
import random
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterator
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from types import FrameType, ModuleType, TracebackType
from typing import Any

import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# What is not the script's, even if it lies below the script's folder: Python, installed packages and these two.
_places = [sysconfig.get_path(key) for key in ("stdlib", "platstdlib", "purelib", "platlib")]
_places += [os.path.join(ROOT, package) for package in ("minitorch", "parity")]
LIBRARIES = tuple(os.path.join(place, "") for place in _places)
STEPS_WITH_PARAMETERS = 10_000  # later optimizer steps are counted, their parameters not looked at

Place = tuple[str, int]  # a file of the script's, as seen from its folder, and a line


class Recorder:
    """What happened so far, in order, each with the line of the script that asked for it."""

    def __init__(self, script: str, nudge: bool = False) -> None:
        self.nudge = nudge
        self.script = os.path.abspath(script)
        self.folder = os.path.dirname(os.path.realpath(script))
        self.known: dict[str, str | None] = {}  # file of a frame -> its name, if it is the script's or beside it
        self.printed: list[tuple[int, int, Place]] = []  # offset in stdout, how many lines ended there, from where
        self.lines = 0
        self.events: list[dict[str, Any]] = []
        self.steps = 0
        self.optimizer: Any = None  # the last that made a step: it may live in a function that has returned

    def _name(self, file: str) -> str | None:
        if file not in self.known:
            if file == self.script:
                self.known[file] = os.path.basename(file)
            else:
                own = file.startswith(os.path.join(self.folder, "")) and not file.startswith(LIBRARIES)
                self.known[file] = os.path.relpath(file, self.folder) if own else None
        return self.known[file]

    def place(self, frame: FrameType | None) -> Place | None:
        """The innermost line of the script's own files that is being run."""
        while frame is not None:
            name = self._name(frame.f_code.co_filename)
            if name is not None:
                return name, frame.f_lineno
            frame = frame.f_back
        return None

    def event(self, kind: str, place: Place | None, **what: Any) -> None:
        self.events.append({"kind": kind, "place": place, "lines": self.lines, **what})

    def backward(self, frame: FrameType, name: str, outputs: Any) -> None:
        """A backward pass, if the script itself asked for it and not the library on the way."""
        file = self._name(frame.f_code.co_filename)
        if file is None:
            return
        tensors = outputs if isinstance(outputs, list | tuple) else [outputs]
        try:
            losses = [(str(t.dtype).removeprefix("minitorch.").removeprefix("torch."), _size(t)) for t in tensors]
        except Exception:  # no tensors: the library will say so
            losses = []
        self.event("backward", (file, frame.f_lineno), name=name, losses=losses)

    def step(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        """An optimizer has made a step: the hook that every optimizer gets."""
        self.optimizer = optimizer
        self.steps += 1
        if self.nudge and self.steps == 1:
            _nudge(optimizer)
        sizes = None
        if self.steps <= STEPS_WITH_PARAMETERS:
            sizes = [_size(p) for group in optimizer.param_groups for p in group["params"]]
        self.event("step", self.place(sys._getframe(1)), name=type(optimizer).__name__, parameters=sizes)


def _array(tensor: Any) -> np.ndarray:
    tensor = tensor.detach().cpu()
    return (tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor).numpy()  # NumPy has no bfloat16


def _size(tensor: Any) -> float:
    """The value of a tensor of one element; of others the root of the mean square, in which nothing cancels."""
    array = _array(tensor).astype(np.float64)
    return float(array.item() if array.size == 1 else np.linalg.norm(array) / max(array.size, 1) ** 0.5)


def _nudge(optimizer: Any) -> None:
    """Move every parameter by one rounding, up or down."""
    rng = np.random.default_rng(0)
    for group in optimizer.param_groups:
        for p in group["params"]:
            array = p.detach().numpy()
            if array.dtype.kind == "f":
                array *= 1 + np.finfo(array.dtype).eps * rng.choice([-1, 1], array.shape).astype(array.dtype)


# --- watching


class TracedOutput(io.TextIOWrapper):
    """sys.stdout that notes which line of the script ended each line of the output."""

    recorder: Recorder

    def write(self, text: str, /) -> int:
        written = super().write(text)
        ended = text.count("\n")
        if ended:
            self.flush()
            recorder = self.recorder
            recorder.lines += ended
            place = recorder.place(sys._getframe(1))
            if place is not None:
                # The offset in the file tells lines of other processes (workers, subprocesses) from these.
                rest = text[text.rindex("\n") + 1 :].encode(self.encoding, "replace")
                recorder.printed.append((os.lseek(self.fileno(), 0, os.SEEK_CUR) - len(rest), ended, place))
        return written


def trace_output(recorder: Recorder) -> TracedOutput:
    old = sys.stdout
    sys.stdout = new = TracedOutput(old.detach(), old.encoding, old.errors, line_buffering=True)  # type: ignore[union-attr]
    new.recorder = recorder
    sys.__stdout__ = new  # type: ignore[misc]
    return new


class ImportWatch(MetaPathFinder):
    """Calls `ready` with torch, whichever library that is, as soon as it has been imported."""

    def __init__(self, ready: Callable[[ModuleType], None]) -> None:
        self.ready = ready

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if fullname != "torch":
            return None
        sys.meta_path.remove(self)  # for the moment: asking where torch is does not import it
        spec = importlib.util.find_spec(fullname)
        sys.meta_path.insert(0, self)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                sys.meta_path.remove(self)
                load(module)
                self.ready(sys.modules[fullname])

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def watch(torch: Any, recorder: Recorder) -> None:
    """Have backward passes and optimizer steps recorded; what they compute is left as it is."""

    def recorded(owner: Any, name: str, shown: str) -> None:
        original = getattr(owner, name)

        @functools.wraps(original)
        def function(*args: Any, **kwargs: Any) -> Any:
            outputs = args[0] if args else kwargs.get("outputs", kwargs.get("tensors"))
            recorder.backward(sys._getframe(1), shown, outputs)
            return original(*args, **kwargs)

        setattr(owner, name, function)

    recorded(torch.Tensor, "backward", "backward()")
    recorded(torch.autograd, "backward", "autograd.backward()")
    recorded(torch.autograd, "grad", "autograd.grad()")
    initialise = torch.optim.Optimizer.__init__

    @functools.wraps(initialise)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        initialise(self, *args, **kwargs)
        self.register_step_post_hook(recorder.step)

    torch.optim.Optimizer.__init__ = __init__


# --- the state at the end


def owners(torch: Any, names: dict[str, Any], recorder: Recorder) -> Iterator[tuple[str, Any]]:
    """Modules, optimizers and tensors that learn, among the script's globals and in lists and dicts there.

    The optimizer that made the last step comes too, so that a script with all its work in `main()` leaves something.
    """
    named: list[tuple[str, Any]] = []
    for name, value in names.items():
        if type(value) in (list, tuple):
            named += [(f"{name}[{i}]", item) for i, item in enumerate(value)]
        elif type(value) is dict:
            named += [(f"{name}[{key!r}]", item) for key, item in value.items()]
        else:
            named.append((name, value))
    if recorder.optimizer is not None:
        named.append(("(optimizer of the last step)", recorder.optimizer))
    seen: set[int] = set()
    for name, value in named:
        if isinstance(value, (torch.nn.Module, torch.optim.Optimizer)) and id(value) not in seen:
            seen.add(id(value))
            if isinstance(value, torch.nn.Module):
                seen |= {id(p) for p in value.parameters()}
            else:
                seen |= {id(p) for group in value.param_groups for p in group["params"]}
            yield name, value
    for name, value in named:
        if isinstance(value, torch.Tensor) and value.requires_grad and value.is_leaf and id(value) not in seen:
            seen.add(id(value))
            yield name, value


def state(torch: Any, owner: Any) -> dict[str, np.ndarray]:
    """The arrays that `owner` consists of, by name."""
    if isinstance(owner, torch.Tensor):
        return {"": _array(owner)}
    if isinstance(owner, torch.nn.Module):
        return {name: _array(t) for name, t in owner.state_dict().items() if isinstance(t, torch.Tensor)}
    arrays: dict[str, np.ndarray] = {}
    packed = owner.state_dict()
    for i, group in enumerate(owner.param_groups):
        for j, p in enumerate(group["params"]):
            arrays[f"group {i}, parameter {j}"] = _array(p)
        for key, value in group.items():
            if key != "params" and isinstance(value, int | float | tuple | torch.Tensor):
                numbers = [_array(v) if isinstance(v, torch.Tensor) else v for v in _several(value)]
                arrays[f"group {i}, {key}"] = np.array(numbers, np.float64)
    for index, entries in packed["state"].items():
        for key, value in entries.items() if isinstance(entries, dict) else ():
            if isinstance(value, torch.Tensor):
                arrays[f"state {index}, {key}"] = _array(value)
            elif isinstance(value, int | float):
                arrays[f"state {index}, {key}"] = np.array(value, np.float64)
    return arrays


def _several(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def save(recorder: Recorder, names: dict[str, Any], folder: str, crash: dict[str, Any] | None) -> None:
    """Write all that was seen; after a crash without the state at the end."""
    record: dict[str, Any] = {"printed": recorder.printed, "events": recorder.events, "crash": crash, "owners": []}
    torch: Any = sys.modules.get("torch")
    arrays: dict[str, np.ndarray] = {}
    if torch is not None and crash is None:
        record["default_dtype"] = str(torch.get_default_dtype()).rpartition(".")[2]
        for name, owner in owners(torch, names, recorder):
            keys = {}
            for key, array in state(torch, owner).items():
                keys[key] = f"a{len(arrays)}"
                arrays[keys[key]] = array
            kind = "module" if isinstance(owner, torch.nn.Module) else "tensor"
            kind = "optimizer" if isinstance(owner, torch.optim.Optimizer) else kind
            record["owners"].append({"name": name, "class": type(owner).__name__, "kind": kind, "arrays": keys})
        arrays["random_state"] = _array(torch.get_rng_state())
    np.savez(os.path.join(folder, "arrays.npz"), **arrays)  # type: ignore[arg-type]
    with open(os.path.join(folder, "record.json"), "w", encoding="utf-8") as file:
        json.dump(record, file)


# --- running


def _without_this_file(trace: TracebackType | None) -> TracebackType | None:
    if trace is None:
        return None
    rest = _without_this_file(trace.tb_next)
    if trace.tb_frame.f_code.co_filename == __file__:
        return rest
    return TracebackType(rest, trace.tb_frame, trace.tb_lasti, trace.tb_lineno)


def _crash(error: BaseException, recorder: Recorder) -> dict[str, Any]:
    """An exception nobody caught: its type, its message and the script's innermost line on the way to it."""
    place: Place | None = None
    for frame, line in traceback.walk_tb(error.__traceback__):
        name = recorder._name(frame.f_code.co_filename)
        place = place if name is None else (name, line)
    if isinstance(error, SyntaxError) and error.filename == recorder.script:
        place = os.path.basename(recorder.script), error.lineno or 0
    return {"type": type(error).__name__, "message": str(error), "place": place}


def main() -> None:
    """Run the script as the module `__main__` of this process."""
    library, folder, script, *arguments = sys.argv[1:]
    if library == "minitorch":
        sys.path.insert(0, ROOT)
        from minitorch import standin

        sys.path.remove(ROOT)
        standin.install()
        sys.excepthook = standin._show  # says which of torch's names minitorch lacks
    recorder = Recorder(script, nudge=library == "nudged")
    output = trace_output(recorder)
    random.seed(0)
    np.random.seed(0)

    def ready(torch: Any) -> None:
        torch.manual_seed(0)
        watch(torch, recorder)

    sys.meta_path.insert(0, ImportWatch(ready))

    sys.argv = [script, *arguments]
    if not sys.flags.safe_path:
        sys.path[0] = recorder.folder
    # A module of its own, under the names that pickle and multiprocessing look for the script's classes in.
    module = ModuleType("__main__")
    loader = SourceFileLoader("__main__", recorder.script)
    attributes: dict[str, Any] = {"__file__": recorder.script, "__loader__": loader, "__cached__": None}
    vars(module).update(attributes, __builtins__=builtins, __annotations__={})
    sys.modules["__main__"] = sys.modules["__mp_main__"] = module
    crash: dict[str, Any] | None = None
    try:
        with open(recorder.script, "rb") as file:
            code = compile(file.read(), recorder.script, "exec", dont_inherit=True)
        exec(code, vars(module))
    except SystemExit as stop:
        if stop.code not in (None, 0):
            crash = {**_crash(stop, recorder), "message": f"exit status {stop.code}"}
        raise
    except BaseException as error:
        error.__traceback__ = _without_this_file(error.__traceback__)
        sys.excepthook(type(error), error, error.__traceback__)
        crash = _crash(error, recorder)  # afterwards: the hook completes messages
        raise SystemExit(1) from None
    finally:
        output.flush()
        save(recorder, vars(module), folder, crash)


if __name__ == "__main__":
    main()
