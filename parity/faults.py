"""Faults in ops: in every derivative rule and in every array function, one at a time, planted while the program runs.

A fault is a function that computes what the rule or the function should, wrongly; or UNCHANGED where it has nothing to
get wrong (operands of unlike shape cannot be swapped).
"""

from __future__ import annotations

import gc
import inspect
import os
import types
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np

import minitorch
from minitorch.autograd.broadcast import convert
from minitorch.autograd.op import Op

ROOT = os.path.dirname(minitorch.__file__)
UNCHANGED = object()
Key = tuple[Any, ...]  # what a case can exercise: ("rule", op, argument), ("op", op), ("line", file, line)


@dataclass
class Effect:
    """Whether a planted fault had anything to get wrong since."""

    seen: bool = False


@dataclass(frozen=True)
class Mutant:
    """One fault: where it is, what it is, and how to plant it. Cases that exercise one of the keys may show it."""

    kind: str
    place: str
    fault: str
    source: str
    keys: tuple[Key, ...]
    plant: Callable[[], AbstractContextManager[Effect]]

    def __str__(self) -> str:
        return f"{self.kind} | {self.place} | {self.fault}"


def all_ops() -> dict[str, Op]:
    """Every op there is, by the name of its function; two of one name by their modules too.

    But for those that `inplace` makes of comparisons: nobody calls them, and all have one rule, of zeros.
    """
    found = sorted((o for o in gc.get_objects() if type(o) is Op and o.call is not None), key=source_of_op)
    names = [o.name for o in found]
    return {
        n if names.count(n) == 1 else f"{o.function.__module__.rpartition('.')[2]}.{n}": o for n, o in zip(names, found)
    }


def source_of_op(op: Op) -> str:
    return source_of(inspect.unwrap(op.function))


def source_of(function: Any) -> str:
    """'ops/arithmetic.py:80'."""
    code = inspect.unwrap(function).__code__
    return f"{os.path.relpath(code.co_filename, ROOT)}:{code.co_firstlineno}"


# --- planting


@contextmanager
def rule_replaced(op: Op, i: int, rule: Any) -> Iterator[None]:
    """With another derivative rule for argument `i`."""
    before = op.rules
    op.rules = (*before[:i], rule, *before[i + 1 :])
    op.plans.clear()  # they hold the rules
    try:
        yield
    finally:
        op.rules = before
        op.plans.clear()


@contextmanager
def function_replaced(op: Op, function: Any) -> Iterator[None]:
    """With another array function, for all who call it: they hold it in their closures."""
    before = op.function
    cells = list(_cells(op.call, before, set()))
    op.function = op.call.array = function
    for cell in cells:
        cell.cell_contents = function
    try:
        yield
    finally:
        op.function = op.call.array = before
        for cell in cells:
            cell.cell_contents = before


def _cells(call: Any, wanted: Any, seen: set[int]) -> Iterator[Any]:
    for cell in call.__closure__ or ():
        held = cell.cell_contents
        if held is wanted:
            yield cell
        elif isinstance(held, types.FunctionType) and id(held) not in seen:
            seen.add(id(held))
            yield from _cells(held, wanted, seen)


# --- faults of rules: of g, the values that the rule names, and these names


def is_tensor(x: Any) -> bool:
    return isinstance(x, minitorch.Tensor)


def is_array(x: Any) -> bool:
    return is_tensor(x) or isinstance(x, np.ndarray)


def negated(rule: Any, g: Any, values: list[Any]) -> Any:
    return _other(rule(g, *values), lambda out: -out)


def scaled(rule: Any, g: Any, values: list[Any]) -> Any:
    return _other(rule(g, *values), lambda out: out * 1.001)


def dropped(rule: Any, g: Any, values: list[Any]) -> Any:
    return _other(rule(g, *values), lambda out: out * 0.0)


def one_added(rule: Any, g: Any, values: list[Any]) -> Any:
    return rule(g, *values) + 1


def rounded(rule: Any, g: Any, values: list[Any]) -> Any:
    """To 8 bits, as bfloat16 has them, by T. Dekker's splitting (Numerische Mathematik 18, 1971)."""
    out = rule(g, *values)
    bits = np.finfo((out._data if is_tensor(out) else out).dtype).nmant + 1
    if bits < 20:  # float16 has no room for the product
        return UNCHANGED
    return _other(out, lambda out: (big := out * (2.0 ** (bits - 8) + 1)) - (big - out))


def widened(rule: Any, g: Any, values: list[Any]) -> Any:
    """In float64, as by a factor np.float64(1)."""
    return convert(rule(g, *values), np.dtype(np.float64))


def _other(out: Any, change: Callable[[Any], Any]) -> Any:
    """The outcome changed, unless that is the same: of zeros, the negative."""
    changed = change(out)
    x, y = (z._data if is_tensor(z) else z for z in (out, changed))
    return UNCHANGED if np.array_equal(x, y) else changed


def unrecorded_g(rule: Any, g: Any, values: list[Any]) -> Any:
    if not is_tensor(g) or not g.requires_grad or not _recorded(rule, g, [_cut(v) for v in values]):
        return UNCHANGED
    return rule(g.detach(), *values)


def unrecorded(at: int, rule: Any, g: Any, values: list[Any]) -> Any:
    """The rule of a constant: right at first order only."""
    if not is_tensor(values[at]) or not _recorded(
        rule, _cut(g), [v if j == at else _cut(v) for j, v in enumerate(values)]
    ):
        return UNCHANGED  # a value that only chooses has no derivative
    return rule(g, *[_cut(v) if j == at else v for j, v in enumerate(values)])


def _cut(x: Any) -> Any:
    return x.detach() if is_tensor(x) else x


def _recorded(rule: Any, g: Any, values: list[Any]) -> bool:
    out = rule(g, *values)
    return is_tensor(out) and out.requires_grad


def with_value(at: int, change: Callable[[Any], Any], rule: Any, g: Any, values: list[Any]) -> Any:
    value = change(values[at])
    return UNCHANGED if value is UNCHANGED else rule(g, *values[:at], value, *values[at + 1 :])


def ones(x: Any) -> Any:
    if is_tensor(x):
        return minitorch.ones_like(x)
    return np.ones_like(x) if is_array(x) else UNCHANGED


def moved(x: Any) -> Any:
    """What another call would have saved: of other numbers, another mask, other indices."""
    if not is_array(x):
        return UNCHANGED
    data = x._data if is_tensor(x) else x
    if data.dtype.kind == "f":
        return (minitorch.roll(x, 1) if is_tensor(x) else np.roll(x, 1)) * 1.01
    out = ~data if data.dtype.kind == "b" else np.roll(data, 1)
    return UNCHANGED if np.array_equal(out, data) else minitorch.from_numpy(out) if is_tensor(x) else out


def swapped(a: int, b: int, rule: Any, g: Any, values: list[Any]) -> Any:
    x, y = values[a], values[b]
    if not (is_array(x) and is_array(y)) or x.shape != y.shape or x.dtype != y.dtype:
        return UNCHANGED
    values = list(values)
    values[a], values[b] = y, x
    return rule(g, *values)


DIMS = {"dim", "dims", "dim0", "dim1", "dim2", "dimension"}
WORDS = {
    "mean": "sum", "sum": "mean", "none": "tanh", "tanh": "none", "max": "min", "min": "max",
}  # fmt: skip


def other_option(name: str, ndim: int, x: Any) -> Any:
    """Another value of an option: the next dimension, another number, the opposite."""
    if name in DIMS:
        if ndim < 2 or x is None:
            return UNCHANGED
        if isinstance(x, tuple):
            moved_on = tuple((d + 1) % ndim for d in x)
            return UNCHANGED if {d % ndim for d in x} == set(range(ndim)) and len(x) > 1 else moved_on
        return (x + 1) % ndim
    if name == "rounding_mode":
        return "floor" if x is None else None
    if isinstance(x, bool):
        return not x
    if isinstance(x, int):
        return x + 1
    if isinstance(x, float):
        return x * 1.5 + 0.1
    return WORDS.get(x, UNCHANGED) if isinstance(x, str) else UNCHANGED


def with_option(at: int, name: str, rule: Any, g: Any, values: list[Any]) -> Any:
    shape = next((v for v in values if isinstance(v, tuple) and all(isinstance(n, int) for n in v)), ())
    ndim = max([len(shape) if name not in ("dims", "shifts") else 0, g.ndim, *[v.ndim for v in values if is_array(v)]])
    value = other_option(name, ndim, values[at])
    return UNCHANGED if value is UNCHANGED else rule(g, *values[:at], value, *values[at + 1 :])


def faults_of_rule(op: Op, i: int) -> Iterator[tuple[str, str, Callable[..., Any]]]:
    """(kind, fault, how the rule is called with it)."""
    names = op.names(i)
    yield "rule: whole", "negated", negated
    yield "rule: whole", "scaled by 1.001", scaled
    yield "rule: whole", "zero", dropped
    yield "rule: whole", "1 added", one_added
    yield "rule: dtype", "rounded to 8 bits", rounded
    yield "rule: dtype", "computed in float64", widened
    yield "rule: second order", "g detached", unrecorded_g
    saved = [j for j, n in enumerate(names) if n in (*op.arguments, "out")]
    for j in saved:
        yield "rule: saved value", f"{names[j]} ignored", partial(with_value, j, ones)
        yield "rule: saved value", f"stale {names[j]}", partial(with_value, j, moved)
        yield "rule: second order", f"{names[j]} detached", partial(unrecorded, j)
    for a, b in combinations(saved, 2):
        yield "rule: saved value", f"{names[a]} and {names[b]} swapped", partial(swapped, a, b)
    for j, name in enumerate(names):
        if name in op.options or name == "i":
            yield "rule: option", f"another {name}", partial(with_option, j, name)


def rule_mutants() -> Iterator[Mutant]:
    for name, op in all_ops().items():
        for i, rule in enumerate(op.rules):
            if rule is not None:
                argument = op.arguments[i] if i < len(op.arguments) else op.rest
                for kind, fault, apply in faults_of_rule(op, i):
                    plant = partial(_plant_rule, op, i, apply)
                    yield Mutant(
                        kind, f"{name}, gradient of {argument}", fault, source_of(rule), (("rule", name, i),), plant
                    )


@contextmanager
def _plant_rule(op: Op, i: int, apply: Callable[..., Any]) -> Iterator[Effect]:
    rule: Any = op.rules[i]
    effect = Effect()

    def faulty(g: Any, *values: Any) -> Any:
        out = apply(rule, g, list(values))
        if out is UNCHANGED:
            return rule(g, *values)
        effect.seen = True
        return out

    with rule_replaced(op, i, faulty):
        yield effect


# --- faults of functions: of the function, its arguments and options


def scaled_result(function: Any, args: Any, options: Any) -> Any:
    out = function(*args, **options)
    kind = out.dtype.kind
    changed = out * out.dtype.type(1.001) if kind == "f" else ~out if kind == "b" else out + 1
    return UNCHANGED if np.array_equal(changed, out, equal_nan=kind == "f") else changed


def one_more(function: Any, args: Any, options: Any) -> Any:
    out = function(*args, **options)
    return out + out.dtype.type(1) if out.dtype.kind == "f" else UNCHANGED


def noisy_result(function: Any, args: Any, options: Any) -> Any:
    out = function(*args, **options)
    if out.dtype.kind != "f" or not out.any():
        return UNCHANGED
    signs = np.where(np.arange(out.size) % 2, 1, -1).reshape(out.shape)
    return (out * (1 + 1e-3 * signs)).astype(out.dtype)


def other_dtype(function: Any, args: Any, options: Any) -> Any:
    out = function(*args, **options)
    others = {"float32": "float64", "float64": "float32", "float16": "float32", "int64": "int32", "bool": "uint8"}
    return out.astype(others[out.dtype.name]) if out.dtype.name in others else UNCHANGED


def finite_result(function: Any, args: Any, options: Any) -> Any:
    out = function(*args, **options)
    if out.dtype.kind != "f" or np.isfinite(out).all():
        return UNCHANGED
    return np.nan_to_num(out)


def other_layout(function: Any, args: Any, options: Any) -> Any:
    out = function(*args, **options)
    if sum(n > 1 for n in out.shape) < 2:
        return UNCHANGED
    other = np.asarray(out.T.copy("C").T if out.flags.c_contiguous else out.copy("C"))
    return UNCHANGED if other.strides == out.strides else other


def copied_result(function: Any, args: Any, options: Any) -> Any:
    return function(*args, **options).copy("K")


def aliased_result(function: Any, args: Any, options: Any) -> Any:
    out = function(*args, **options)
    return args[0] if args[0].shape == out.shape and args[0].dtype == out.dtype else UNCHANGED


def with_function_option(name: str, default: Any, function: Any, args: Any, options: Any) -> Any:
    value = other_option(name, args[0].ndim if is_array(args[0]) else 0, options.get(name, default))
    return UNCHANGED if value is UNCHANGED else function(*args, **{**options, name: value})


def last_of_ties(function: Any, args: Any, options: Any) -> Any:
    """The index found from the other end."""
    x, rest = args[0], args[1:]
    dim = options.get("dim", rest[0] if rest else None)
    n = x.size if dim is None else x.shape[dim] if x.ndim else 1
    flipped = np.flip(x, dim) if x.ndim else x
    return n - 1 - function(flipped, *rest, **options)


def half_away_from_zero(function: Any, args: Any, options: Any) -> Any:
    x = args[0]
    return (
        np.sign(x) * np.floor(np.abs(x) + x.dtype.type(0.5))
        if x.dtype.kind == "f" and not options.get("decimals")
        else UNCHANGED
    )


TIES = ("argmax", "argmin", "argsort", "first")
COPIES = ("clone", "contiguous_copy", "reshape_copy", "convert")


def faults_of_function(op: Op) -> Iterator[tuple[str, str, Callable[..., Any]]]:
    """(kind, fault, how the function is called with it)."""
    yield "forward: value", "scaled by 1.001", scaled_result
    yield "forward: value", "1 added", one_more
    yield "forward: value", "noise of 1e-3", noisy_result
    yield "forward: value", "NaN and infinities lost", finite_result
    yield "forward: dtype", "another dtype", other_dtype
    yield "forward: layout", "another order of memory", other_layout
    if op.view:
        yield "forward: layout", "a copy, no view", copied_result
    if op.name in COPIES:
        yield "forward: layout", "no copy", aliased_result
    for name, default in op.defaults.items():
        yield "forward: option", f"another {name}", partial(with_function_option, name, default)
    if op.name in TIES:
        yield "forward: choice", "the last of ties", last_of_ties
    if op.name == "round":
        yield "forward: choice", "halves away from zero", half_away_from_zero


def function_mutants() -> Iterator[Mutant]:
    for name, op in all_ops().items():
        for kind, fault, apply in faults_of_function(op):
            yield Mutant(kind, name, fault, source_of_op(op), (("op", name),), partial(_plant_function, op, apply))


@contextmanager
def _plant_function(op: Op, apply: Callable[..., Any]) -> Iterator[Effect]:
    function = op.function
    effect = Effect()

    def faulty(*args: Any, **options: Any) -> Any:
        out = apply(function, args, options)
        if out is UNCHANGED:
            return function(*args, **options)
        effect.seen = True
        return out

    with function_replaced(op, faulty):
        yield effect
