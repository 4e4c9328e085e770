"""Faults in the text of a module: one expression or statement changed, compiled, and put in the place of the old code.

In modules that are formulas (optimizers, schedulers, losses, initialisation, layers) the changes are made by rule: numbers,
operators, comparisons, conditions, arguments, defaults, whole statements. In the engine, the tape and the random streams,
where most such changes only make things slower, they are listed in `listed.py` by what they break.

What only checks arguments, warns or explains is passed over: the cases of the family "refused" are there for the errors.
"""

from __future__ import annotations

import ast
import gc
import importlib
import re
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from parity.faults import ROOT, Effect, Mutant
from parity.listed import LISTED

EDITED = {  # kind: the modules whose text is changed by rule
    "optimizer": "optim/adadelta optim/adagrad optim/adam optim/adamax optim/adamw optim/arithmetic optim/asgd optim/nadam optim/radam optim/rmsprop optim/sgd",
    "scheduler": "optim/lr_cycles optim/lr_scheduler optim/schedules",
    "loss": "nn/functional_loss nn/loss",
    "layer": "nn/linear nn/embedding nn/dropout nn/functional_dropout nn/functional",
    "initialisation": "nn/init",
}  # fmt: skip
OFF_BY_ONE = "scheduler"  # where < is confused with <=; elsewhere it is with >=
TALK = (
    "warn",
    "check",
    "refuse",
    "need",
    "no_op",
    "not_implemented",
    "deprecated",
)  # functions that warn or raise begin so


@cache
def files() -> frozenset[str]:
    """The modules in which it must be known which case runs which line."""
    return frozenset(f"{name}.py" for names in EDITED.values() for name in names.split()) | {x.file for x in LISTED}


@dataclass(frozen=True)
class Edit:
    """A change of one node: `apply` makes it and returns how to take it back."""

    line: int
    last: int
    fault: str
    apply: Callable[[], Callable[[], None]]


@cache
def module_tree(file: str) -> ast.Module:
    return ast.parse((Path(ROOT) / file).read_text(), str(Path(ROOT) / file))


@cache
def _functions(file: str) -> dict[types.CodeType, list[types.FunctionType]]:
    """The living functions of a module, by their code."""
    importlib.import_module("minitorch." + file.removesuffix(".py").replace("/", "."))
    found: dict[types.CodeType, list[types.FunctionType]] = {}
    for thing in gc.get_objects():
        if type(thing) is types.FunctionType and thing.__code__.co_filename == str(Path(ROOT) / file):
            found.setdefault(thing.__code__, []).append(thing)
    return found


@cache
def _sound_code(file: str) -> types.CodeType:
    return compile(module_tree(file), str(Path(ROOT) / file), "exec")


@contextmanager
def planted(file: str, edit: Edit) -> Iterator[Effect]:
    """With the edited code in every living function of the module."""
    sound, functions = _sound_code(file), _functions(file)
    undo = edit.apply()
    try:
        faulty = compile(ast.fix_missing_locations(module_tree(file)), str(Path(ROOT) / file), "exec")
    finally:
        undo()
    changed = [(f, old, new) for old, new in _pairs(sound, faulty) if old != new for f in functions.get(old, [])]
    if not changed:
        raise LookupError(f"{file}:{edit.line}: {edit.fault}: no living function has this code")
    for f, _, new in changed:
        f.__code__ = new
    try:
        yield Effect(seen=True)
    finally:
        for f, old, _ in changed:
            f.__code__ = old


def _pairs(old: types.CodeType, new: types.CodeType) -> Iterator[tuple[types.CodeType, types.CodeType]]:
    """Both codes, and those of the functions within that stand at the same place."""
    yield old, new
    known = {_place(code): code for code in new.co_consts if isinstance(code, types.CodeType)}
    for code in old.co_consts:
        if isinstance(code, types.CodeType) and _place(code) in known:
            yield from _pairs(code, known[_place(code)])


def _place(code: types.CodeType) -> tuple[Any, ...]:
    return (
        code.co_qualname,
        code.co_firstlineno,
        min(p[2] or 0 for p in code.co_positions() if p[0] == code.co_firstlineno),
    )


# --- which places


def edit_mutants() -> Iterator[Mutant]:
    for kind, names in EDITED.items():
        for file in (f"{name}.py" for name in names.split()):
            for edit in _Edits(file, kind == OFF_BY_ONE).all():
                yield _mutant(f"{kind}: text", file, edit)
            for line, last, fault, plant in _defaults(file):
                keys = tuple(("line", file, n) for n in range(line, last + 1))
                yield Mutant(
                    f"{kind}: default", f"{file} {_function_at(file, line)}", fault, f"{file}:{line}", keys, plant
                )
    for listed in LISTED:
        for edit in _of_listed(listed.file, listed.old, listed.new, listed.fault, listed.everywhere):
            yield _mutant(listed.kind, listed.file, edit)


def _mutant(kind: str, file: str, edit: Edit) -> Mutant:
    keys = tuple(("line", file, line) for line in range(edit.line, edit.last + 1))
    return Mutant(
        kind,
        f"{file} {_function_at(file, edit.line)}",
        edit.fault,
        f"{file}:{edit.line}",
        keys,
        partial(planted, file, edit),
    )


@cache
def _function_at(file: str, line: int) -> str:
    """'StepLR.get_lr'."""
    inside = [
        node for node in ast.walk(module_tree(file))
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.lineno <= line <= (node.end_lineno or 0)
    ]  # fmt: skip
    return ".".join(node.name for node in sorted(inside, key=lambda node: node.lineno))


# Names that hold a hyperparameter though nothing annotates them as a number.
NUMBERS = set("lr weight_decay mu rho decay gamma label_smoothing gain std bound low high".split())
ARITHMETIC: dict[type, type] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Add, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip
OPPOSITE: dict[type, type] = {
    ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
NEXT: dict[type, type] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
}


AIMLESS = ("out", "strict", "stacklevel")  # where a result goes, and checks


class _Edits:
    """Every change by rule in the functions of a module."""

    def __init__(self, file: str, off_by_one: bool) -> None:
        self.tree, self.off_by_one = module_tree(file), off_by_one
        self.numbers: set[str] = set()

    def all(self) -> Iterator[Edit]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef) and not node.name.lstrip("_").startswith(TALK):
                arguments = [*node.args.args, *node.args.kwonlyargs]
                self.numbers = NUMBERS | {
                    a.arg for a in arguments if a.annotation and "float" in ast.unparse(a.annotation).split(" | ")
                }
                for statement in node.body:
                    yield from self.in_statement(statement)

    def in_statement(self, statement: ast.stmt) -> Iterator[Edit]:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef | ast.Raise | ast.Assert) or _is_talk(statement):
            return  # nested functions are walked on their own
        if isinstance(statement, ast.If) and (
            isinstance(statement.body[-1], ast.Raise) or all(map(_is_talk, statement.body))
        ):
            for other in statement.orelse:
                yield from self.in_statement(other)
            return
        yield from self.of_statement(statement)
        for field, value in ast.iter_fields(statement):
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.stmt):
                    yield from self.in_statement(child)
                elif isinstance(child, ast.expr) and field not in ("annotation", "target", "targets"):
                    yield from self.in_expression(
                        child, statement, _setter(statement, field, value, child), field == "test"
                    )
                elif isinstance(child, ast.withitem):
                    yield from self.in_expression(
                        child.context_expr, statement, partial(setattr, child, "context_expr")
                    )

    def of_statement(self, statement: ast.stmt) -> Iterator[Edit]:
        """The changes of a whole statement."""
        first, last = statement.lineno, statement.end_lineno or statement.lineno
        say = lambda what: f"line {first}: {what}"
        if isinstance(statement, ast.If):
            negated = ast.UnaryOp(ast.Not(), statement.test)
            put = partial(setattr, statement, "test")
            yield Edit(
                first,
                statement.test.end_lineno or first,
                say(f"if not ({ast.unparse(statement.test)})"),
                partial(_replace, put, statement.test, negated),
            )
        elif isinstance(statement, ast.AugAssign):
            if type(statement.op) in ARITHMETIC:
                yield Edit(
                    first,
                    last,
                    say(f"{ast.unparse(statement)} with the opposite operator"),
                    partial(_opposite, statement),
                )
            yield Edit(first, last, say(f"{ast.unparse(statement)} left out"), partial(_without, statement))
        elif isinstance(statement, ast.Expr) or (
            isinstance(statement, ast.Assign) and not isinstance(statement.targets[0], ast.Name | ast.Tuple)
        ):
            if "super()" in ast.unparse(statement):
                return  # nothing works without
            yield Edit(first, last, say(f"{ast.unparse(statement)} left out"), partial(_without, statement))

    def in_expression(
        self,
        node: ast.expr,
        statement: ast.stmt,
        put: Callable[[Any], None],
        truth: bool = False,
        compared: bool = False,
    ) -> Iterator[Edit]:
        """The changes of an expression and of those within it. truth: only its truth counts. compared: it is one side of a comparison."""
        simple = not hasattr(statement, "body")  # a compound statement is executed line by line
        first, last = (statement.lineno, statement.end_lineno) if simple else (node.lineno, node.end_lineno)
        for new, what in self.changes(node, truth, compared):
            yield Edit(first, last or first, f"line {node.lineno}: {what}", partial(_replace, put, node, new))
        if isinstance(node, ast.JoinedStr):
            return
        within = isinstance(node, ast.BoolOp) or (isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not))
        for field, value in ast.iter_fields(node):
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.expr):
                    inner = within or field == "test"
                    yield from self.in_expression(
                        child, statement, _setter(node, field, value, child), inner, isinstance(node, ast.Compare)
                    )
                elif isinstance(child, ast.keyword) and child.arg not in AIMLESS:
                    yield Edit(
                        first,
                        last or first,
                        f"line {child.value.lineno}: {ast.unparse(child)} left out",
                        partial(_removed, value, child),
                    )
                    yield from self.in_expression(child.value, statement, partial(setattr, child, "value"))
                elif isinstance(child, ast.comprehension):
                    for i, test in enumerate(child.ifs):
                        yield from self.in_expression(test, statement, partial(child.ifs.__setitem__, i), True)

    def changes(self, node: ast.expr, truth: bool, compared: bool) -> Iterator[tuple[ast.expr, str]]:
        """Other expressions in the place of this one, and how to say so."""
        was = ast.unparse(node)
        to: Callable[[ast.expr], tuple[ast.expr, str]] = lambda new: (new, f"{was} is {ast.unparse(new)}")
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            number: int | float = node.value  # type: ignore[assignment]
            if isinstance(number, int):
                yield to(ast.Constant(number + 1))
            elif not compared:
                yield to(ast.Constant(number * 1.001 or 0.001))
        elif (
            isinstance(node, ast.Name)
            and isinstance(node.ctx, ast.Load)
            and node.id in self.numbers
            and not truth
            and not compared
        ):
            yield to(ast.BinOp(node, ast.Mult(), ast.Constant(1.001)))
        elif isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC:
            yield to(ast.BinOp(node.left, ARITHMETIC[type(node.op)](), node.right))
        elif isinstance(node, ast.UnaryOp) and not isinstance(node.operand, ast.Constant):
            yield to(node.operand)
        elif isinstance(node, ast.Compare) and len(node.ops) == 1:
            other = (NEXT if self.off_by_one else OPPOSITE).get(type(node.ops[0]), OPPOSITE[type(node.ops[0])])
            yield to(ast.Compare(node.left, [other()], node.comparators))
        elif isinstance(node, ast.BoolOp):
            yield to(ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values))
        elif isinstance(node, ast.IfExp):
            yield node.body, f"always {ast.unparse(node.body)}"
            yield node.orelse, f"always {ast.unparse(node.orelse)}"


def _is_talk(statement: ast.stmt) -> bool:
    """A docstring, a warning, a check that raises, an import."""
    if not isinstance(statement, ast.Expr):
        return isinstance(statement, ast.Import | ast.ImportFrom | ast.Raise)
    call = statement.value
    if not isinstance(call, ast.Call):
        return isinstance(call, ast.Constant)
    return ast.unparse(call.func).rpartition(".")[2].lstrip("_").startswith(TALK)


# --- how a change is made, and taken back


def _setter(parent: ast.AST, field: str, value: Any, child: ast.AST) -> Callable[[Any], None]:
    if isinstance(value, list):
        return partial(value.__setitem__, value.index(child))
    return partial(setattr, parent, field)


def _replace(put: Callable[[Any], None], old: ast.AST, new: ast.AST) -> Callable[[], None]:
    put(ast.copy_location(new, old))
    return partial(put, old)


def _removed(held: list[Any], child: Any) -> Callable[[], None]:
    at = held.index(child)
    del held[at]
    return partial(held.insert, at, child)


def _opposite(statement: ast.AugAssign) -> Callable[[], None]:
    before = statement.op
    statement.op = ARITHMETIC[type(before)]()
    return partial(setattr, statement, "op", before)


def _without(statement: Any) -> Callable[[], None]:
    """`pass` in its place; it stays the same object, since its parents hold it."""
    kind, statement.__class__ = statement.__class__, ast.Pass
    return partial(setattr, statement, "__class__", kind)


def _of_listed(file: str, old: str, new: str, fault: str, everywhere: bool) -> Iterator[Edit]:
    """Faults given by their text: what matches `old` is replaced by `new`, at its only place or at one place after the other."""
    path = Path(ROOT) / file
    text = path.read_text()
    found = list(re.finditer(old, text)) if everywhere else list(re.finditer(re.escape(old), text))
    if not found or (len(found) > 1 and not everywhere):
        raise LookupError(f"{file} has {len(found)} times {old!r}: bring parity/listed.py up to date")
    for match in found:
        first = text[: match.start()].count("\n") + 1
        faulty = text[: match.start()] + (match.expand(new) if everywhere else new) + text[match.end() :]
        yield Edit(
            first,
            first + match[0].rstrip("\n").count("\n"),
            fault + (f", {match[1]}" if everywhere else ""),
            partial(_other_text, file, faulty),
        )


def _other_text(file: str, text: str) -> Callable[[], None]:
    tree = module_tree(file)
    body, tree.body = tree.body, ast.parse(text, str(Path(ROOT) / file)).body
    return partial(setattr, tree, "body", body)


# --- defaults of arguments: they belong to the function, not to its code


def _defaults(file: str) -> Iterator[tuple[int, int, str, Callable[[], Any]]]:
    """(first and last line of a body, fault, how to plant it)."""
    for code, living in _functions(file).items():
        if code.co_name.lstrip("_").startswith(TALK) or code.co_name.startswith("<"):
            continue
        lines = [n for _, _, n in code.co_lines() if n is not None]
        names = code.co_varnames[: code.co_argcount]
        function = living[0]
        given = dict(zip(names[::-1], (function.__defaults__ or ())[::-1])) | (function.__kwdefaults__ or {})
        for name, value in given.items():
            other = (
                not value
                if isinstance(value, bool)
                else value + 1
                if isinstance(value, int)
                else value * 1.001 or 0.001
                if isinstance(value, float)
                else value
            )
            if other is not value:
                yield (
                    min(lines) + 1,
                    max(lines),
                    f"default {name}={other}, not {value}",
                    partial(_default_replaced, living, name, other),
                )


@contextmanager
def _default_replaced(living: list[types.FunctionType], name: str, value: Any) -> Iterator[Effect]:
    before = [(f, f.__defaults__, f.__kwdefaults__) for f in living]
    for f, defaults, keyword in before:
        if keyword and name in keyword:
            f.__kwdefaults__ = {**keyword, name: value}
        elif defaults:
            names = f.__code__.co_varnames[f.__code__.co_argcount - len(defaults) : f.__code__.co_argcount]
            f.__defaults__ = tuple(value if n == name else d for n, d in zip(names, defaults))
    try:
        yield Effect(seen=True)
    finally:
        for f, defaults, keyword in before:
            f.__defaults__, f.__kwdefaults__ = defaults, keyword
