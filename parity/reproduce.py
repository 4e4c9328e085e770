"""A disagreement as a script of a few lines, to be pasted and run: the inputs as literals, both libraries' results."""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import Any

import numpy as np

from parity.case import Case
from parity.source import text_of

LARGEST = 200  # elements of an input that is written out


def script(case: Case, dtype: str, quantity: str = "value", seed: int = 0) -> str:
    """The script for one quantity of a case."""
    imports = ["import minitorch", "import torch"]
    helpers: list[str] = []
    _context(case.function, imports, helpers)
    name = _definition("f", case.function, helpers)
    inputs = dict(zip(case.arguments, case.inputs(dtype, seed)))
    body = ["t.manual_seed(0)"]
    sources = []
    for argument, a in inputs.items():
        floating = a.dtype.kind == "f"
        wants = ", requires_grad=True" if floating and case.order else ""
        if a.size > LARGEST:
            imports.append("from parity.suite import inputs_of")
            literal = f"t.from_numpy(inputs_of({_key(case)!r}, {dtype!r}, {seed})[{argument!r}])"
            body.append(f"{argument} = {literal}{'.requires_grad_()' if wants else ''}")
        else:
            body.append(f"{argument} = t.tensor({_literal(a)}, dtype=t.{a.dtype}{wants})")
        sources += [argument] if wants else []
    call = [*inputs]
    if case.build is not None:
        _context(case.build, imports, helpers)
        build = _definition("build", case.build, helpers)
        mode = "eval" if quantity.startswith("eval") else "train"
        cast = f".to(t.{dtype})" if dtype not in ("", "float32") else ""
        body.append(f"module = {build}(t){cast}.{mode}()")
        call.insert(0, "module")
        sources.append("*module.parameters()")
    body.append(f"out = {name}({', '.join(['t', *call])})")
    body += _question(case, quantity, sources, inputs)
    if any(word in line for line in body for word in ("nan", "inf")):
        imports.append("from math import inf, nan")
    lines = [*dict.fromkeys(imports), "", *helpers, "for t in (torch, minitorch):", *(f"    {line}" for line in body)]
    return "\n".join(lines) + "\n"


def _question(case: Case, quantity: str, sources: list[str], inputs: dict[str, np.ndarray]) -> list[str]:
    """What is printed: the value, its gradients, or theirs."""
    if "gradient" not in quantity:
        return ["print(t.__name__, out)", "print(getattr(out, 'tolist', lambda: '')())"]
    leaves = f"[{', '.join(sources)}]"
    lines = [
        "outs = [o for o in (out if isinstance(out, (list, tuple)) else [out]) if getattr(o, 'requires_grad', False)]",
        "weights = [t.linspace(0.5, 1.5, o.numel()).reshape(o.shape).to(o.dtype) for o in outs]",
    ]
    if "second" not in quantity:
        recorded = ", create_graph=True" if "create_graph" in quantity else ""
        lines.append(f"print(t.__name__, t.autograd.grad(outs, {leaves}, weights, allow_unused=True{recorded}))")
        return lines
    return [
        *lines,
        f"grads = t.autograd.grad(outs, {leaves}, weights, create_graph=True, allow_unused=True)",
        "grads = [g for g in grads if g is not None and g.requires_grad]",
        f"print(t.__name__, t.autograd.grad(grads, {leaves}, [t.ones_like(g) for g in grads], allow_unused=True))",
    ]


def _key(case: Case) -> str:
    return f"{case.family}/{case.name}"


def _literal(a: np.ndarray) -> str:
    return repr(a.tolist())


def _definition(name: str, function: Any, helpers: list[str]) -> str:
    """Add the function to the helpers; the name to call it by."""
    text = text_of(function)
    if text.startswith("lambda"):
        helpers += [f"{name} = {text}", ""]
        return name
    if text not in "\n".join(helpers):
        helpers += ["", *text.split("\n"), "", ""]
    return str(function.__name__)


def _context(function: Any, imports: list[str], helpers: list[str]) -> None:
    """The modules, helpers and constants that a function uses, before it."""
    code = inspect.unwrap(function).__code__
    names = {**function.__globals__, **_closure(function)}
    for name in _names(code):
        if name not in names:
            continue
        value = names[name]
        if isinstance(value, ModuleType):
            short = "" if value.__name__ == name else f" as {name}"
            imports.append(f"import {value.__name__}{short}")
        elif inspect.isfunction(value) and value is not function:
            _context(value, imports, helpers)
            if text_of(value).startswith("lambda"):
                helpers += [f"{name} = {text_of(value)}", ""]
            else:
                _definition(name, value, helpers)
        elif value is None or isinstance(value, int | float | str | list | tuple | dict):
            helpers += [f"{name} = {value!r}", ""]
        elif inspect.isclass(value) and value.__module__.startswith("parity"):
            imports.append(f"from {value.__module__} import {name}")
        elif name == "Any":
            imports.append("from typing import Any")


def _names(code: Any) -> list[str]:
    """The global and enclosing names that code uses, also in the functions within it; annotations use Any."""
    inner = [n for constant in code.co_consts if hasattr(constant, "co_names") for n in _names(constant)]
    return list(dict.fromkeys(["Any", *code.co_names, *code.co_freevars, *inner]))


def _closure(function: Any) -> dict[str, Any]:
    defaults = inspect.signature(function).parameters
    bound = {n: p.default for n, p in defaults.items() if p.default is not inspect.Parameter.empty}
    cells = dict(zip(function.__code__.co_freevars, (c.cell_contents for c in function.__closure__ or ())))
    return {**bound, **cells}
