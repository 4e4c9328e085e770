"""The text of a case's function: to print it in a script, and to rewrite `t.f(x)` as `x.f()` and `x.clone().f_()`."""

from __future__ import annotations

import ast
import inspect
import linecache
import textwrap
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

from parity.case import Case, compiled


def text_of(function: Callable[..., Any]) -> str:
    """A lambda's own text, or the lines of a `def`."""
    known = getattr(function, "source", None)
    if known is not None:
        return str(known)
    if function.__name__ != "<lambda>":
        return textwrap.dedent(inspect.getsource(function)).rstrip()
    return ast.unparse(_lambda_node(function.__code__))


def _lambda_node(code: Any) -> ast.Lambda:
    """Several lambdas may begin on one line: the instructions span the body of the right one."""
    places = [p for p in code.co_positions() if None not in p and p[2:] != (0, 0)]
    start, end = min((p[0], p[2]) for p in places), max((p[1], p[3]) for p in places)
    for node in _lambdas(code.co_filename):
        body = node.body
        if ((body.lineno, body.col_offset), (body.end_lineno, body.end_col_offset)) == (start, end):
            return node
    raise LookupError(f"no lambda at {code.co_filename}:{code.co_firstlineno}")


@cache
def _lambdas(filename: str) -> list[ast.Lambda]:
    tree = ast.parse("".join(linecache.getlines(filename)))
    return [node for node in ast.walk(tree) if isinstance(node, ast.Lambda)]


# --- other forms of a call

# Methods whose first argument is not the tensor they belong to.
OTHER_ORDER = {"where", "polygamma"}


def forms(case: Case, methods: set[str]) -> list[Case]:
    """The case itself; with methods for functions; with the in-place method, where Tensor has them."""
    if case.function.__name__ != "<lambda>" or case.build is not None or case.function.__defaults__:
        return [case]
    found = [case]
    for form, tree in ("method", _as_methods(case, methods)), ("in place", _in_place(case, methods)):
        if tree is not None:
            source = ast.unparse(ast.fix_missing_locations(tree))
            function = compiled(source, case.function.__globals__)
            found.append(replace(case, name=f"{case.name} ({form})", function=function, base=case))
    return found


def _tree(case: Case) -> ast.Lambda:
    body: Any = ast.parse(text_of(case.function), mode="eval").body
    return body


def _as_methods(case: Case, methods: set[str]) -> ast.Lambda | None:
    tree, changed = _tree(case), False
    for node in ast.walk(tree):
        if (name := _function_of_tensor(node)) in methods:
            assert isinstance(node, ast.Call)
            node.func = ast.Attribute(node.args.pop(0), name, ast.Load())
            changed = True
    return tree if changed else None


def _in_place(case: Case, methods: set[str]) -> ast.Lambda | None:
    tree = _tree(case)
    name = _function_of_tensor(tree.body)
    if f"{name}_" not in methods:
        return None
    call: Any = tree.body
    copied = ast.Call(ast.Attribute(call.args.pop(0), "clone", ast.Load()), [], [])
    call.func = ast.Attribute(copied, f"{name}_", ast.Load())
    return tree


def _function_of_tensor(node: ast.AST) -> str:
    """'add' of `t.add(x, ...)`; '' of anything else."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or not node.args:
        return ""
    of, first = node.func.value, node.args[0]
    tensor = isinstance(first, ast.Name | ast.Attribute | ast.Call | ast.BinOp | ast.Subscript)
    known = isinstance(of, ast.Name) and of.id == "t" and tensor and node.func.attr not in OTHER_ORDER
    return node.func.attr if known else ""
