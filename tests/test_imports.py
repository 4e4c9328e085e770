"""Who may import what: CuPy in device.py alone; and in ops NumPy for types, numbers and what is declared to be of the host."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "minitorch"
NAMES = sorted(str(path.relative_to(ROOT)) for path in ROOT.rglob("*.py"))

# np.* that is no work on arrays: an op may use it whatever library its arrays are of.
PLAIN = {
    "ndarray", "generic", "dtype", "integer", "number", "iinfo", "finfo", "inf", "nan", "pi", "errstate", "ndindex",
    "bool_", "uint8", "int8", "int16", "int32", "int64", "uint32", "uint64", "float16", "float32", "float64",
    "broadcast_shapes", "promote_types", "prod",
}  # fmt: skip
# The files of ops and optimizers: any other np.* in a function stands in one that says np.ndarray of an argument or of
# its result, or is one of these.
OPS = [name for name in NAMES if name.startswith(("ops/", "optim/", "nn/")) or name in ("summation.py", "choosing.py")]
ON_HOST = {
    "choosing.py": {"asarray", "maximum"},
    "ops/elementwise.py": {"log"},  # of a number
    "ops/extremes.py": {"ascontiguousarray", "maximum", "minimum"},
    "ops/index.py": {"asarray"},  # of lists
    "ops/join.py": {"array"},
    "ops/sort.py": {"isnan", "bincount"},
    "optim/fused.py": {"arange"},  # of addresses
    "optim/optimizer.py": {"array"},
    "optim/segment.py": {"concatenate", "cumsum"},  # of numbers that stay on the host, and of sizes
    "summation.py": {"count_nonzero", "full"},
}  # fmt: skip


@cache
def tree(name: str) -> ast.Module:
    return ast.parse((ROOT / name).read_text())


def imports(name: str) -> set[str]:
    """The top-level packages that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add((node.module or "").partition(".")[0])
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "importlib.import_module":
            found |= {str(a.value).partition(".")[0] for a in node.args if isinstance(a, ast.Constant)}
    return found


@pytest.mark.parametrize("name", NAMES)
def test_cupy_is_imported_in_one_file(name: str) -> None:
    assert not imports(name) & {"cupy", "cupyx", "cupy_backends"} or name == "device.py"


@pytest.mark.parametrize("name", NAMES)
def test_numpy_is_all_there_is(name: str) -> None:
    assert not imports(name) & {"torch", "scipy", "pandas", "numba"}


def is_of_the_host(function: ast.FunctionDef) -> bool:
    arguments = [*function.args.args, *function.args.kwonlyargs]
    said = [a.annotation for a in arguments] + [function.returns]
    return any(annotation is not None and "np.ndarray" in ast.unparse(annotation) for annotation in said)


def numpy_used(node: ast.AST, inside: bool = False) -> Iterator[str]:
    """Every np.something in a function or lambda, but for those in functions of the host."""
    if isinstance(node, ast.FunctionDef) and is_of_the_host(node):
        return
    inside = inside or isinstance(node, ast.FunctionDef | ast.Lambda)
    if inside and isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "np":
        yield node.attr
    for child in ast.iter_child_nodes(node):
        yield from numpy_used(child, inside)


@pytest.mark.parametrize("name", OPS)
def test_ops_work_with_the_library_of_their_arrays(name: str) -> None:
    """`np.exp(x)` of a CuPy array would be dispatched, or fail: ops say `xp(x).exp(x)`."""
    assert not set(numpy_used(tree(name))) - PLAIN - ON_HOST.get(name, set())


@pytest.mark.parametrize("name", ON_HOST)
def test_the_exceptions_are_needed(name: str) -> None:
    assert ON_HOST[name] <= set(numpy_used(tree(name)))
