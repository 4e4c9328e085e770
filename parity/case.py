"""What a case is: a function of a library `t`, minitorch or PyTorch, and of tensors; and how to draw those tensors."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

Draw = Callable[[np.random.Generator], np.ndarray]
FLOATS = ("float32", "float64", "float16")
CASE_FILE = "<case>"  # where functions made of text say they come from
NUMBERS = ("bool", "uint8", "int8", "int16", "int32", "int64", *FLOATS)


# --- inputs. What is drawn as floating point takes the dtype under test; integers and bools stay what they are.


def real(*shape: int) -> Draw:
    """Numbers around zero, away from the kinks at integers and halves."""
    return lambda rng: rng.uniform(-2, 2, shape) + 0.013


def positive(*shape: int) -> Draw:
    return lambda rng: rng.uniform(0.3, 2.5, shape)


def unit(*shape: int) -> Draw:
    """In (-1, 1)."""
    return lambda rng: rng.uniform(-0.9, 0.9, shape)


def probability(*shape: int) -> Draw:
    return lambda rng: rng.uniform(0.05, 0.95, shape)


def above_one(*shape: int) -> Draw:
    return lambda rng: rng.uniform(1.1, 3, shape)


def distinct(*shape: int) -> Draw:
    """All different, so that no order is a tie."""
    return lambda rng: rng.permutation(np.prod(shape, dtype=int)).reshape(shape) * 0.37 - 1.1


def whole(low: int, high: int, *shape: int) -> Draw:
    """Whole numbers, in the dtype under test."""
    return lambda rng: rng.integers(low, high, shape).astype(np.float64)


def ints(low: int, high: int, *shape: int) -> Draw:
    return lambda rng: rng.integers(low, high, shape)


def mask(*shape: int) -> Draw:
    return lambda rng: rng.integers(0, 2, shape).astype(bool)


def given(values: Any, dtype: Any = None) -> Draw:
    """Always these values."""
    return lambda rng: np.array(values, dtype)


# --- cases


@dataclass(frozen=True, eq=False)
class Case:
    """One row of the table. `function(t, *tensors)` may return any structure of tensors, numbers and text."""

    name: str
    function: Callable[..., Any]
    draws: tuple[Draw, ...] = ()
    family: str = ""
    dtypes: tuple[str, ...] = FLOATS  # of the floating inputs, one at a time; () for a case that has none
    order: int = 2  # up to which derivative PyTorch can be asked
    measured: bool = True  # errors are wanted even where the results are equal
    numeric: bool = True  # smooth enough for finite differences
    exact: bool = False  # equal to the bit: random streams, copies, comparisons
    build: Callable[[Any], Any] | None = None  # makes a module, which the function then takes before the tensors
    strides: bool = True  # the results lie in memory as PyTorch's do
    size: float = 0.0  # PyTorch's result is the truth, to a few ulp of numbers as large as this
    base: Case | None = None  # the case that this is another form of: their truth is one
    known: str = ""  # why the result is another than PyTorch's
    cpu: bool = False  # asks whether a tensor is on the CPU, as PyTorch's are: left out where minitorch's are not
    calls: str = ""  # the name of the one function that it calls, where mpmath may know that
    reference: Callable[..., Any] | None = None  # the same in mpmath, of object arrays: the truth in float64

    def __str__(self) -> str:
        return self.name

    def inputs(self, dtype: str, seed: int = 0) -> list[np.ndarray]:
        rng = np.random.default_rng(seed)
        arrays = [np.asarray(draw(rng)) for draw in self.draws]
        return [a.astype(dtype) if dtype and a.dtype.kind == "f" else a for a in arrays]

    @property
    def coarsest(self) -> Any:
        """Of cases whose inputs have dtypes of their own: that with the fewest digits."""
        floats = [a.dtype for a in self.inputs("") if a.dtype.kind == "f"] if not self.dtypes else []
        return min(floats, key=lambda dtype: dtype.itemsize, default=np.dtype(np.float64))

    @property
    def arguments(self) -> list[str]:
        """The names of the tensors."""
        code = inspect.unwrap(self.function).__code__
        first = 1 if self.build is None else 2
        return list(code.co_varnames[first : first + len(self.draws)])


def case(name: str, function: Callable[..., Any], *draws: Draw, **options: Any) -> Case:
    return Case(name, function, draws, **options)


def unary(
    names: str, draw: Draw, *, of: str = "t", argument: str = "x", options: str = "", suffix: str = "", **more: Any
) -> list[Case]:
    """A case `of.name(argument, options)` for each of the names."""
    return [
        Case(f"{n}{suffix}", lambda_of(f"lambda t, x: {of}.{n}({argument}{options})"), (draw,), calls=n, **more)
        for n in names.split()
    ]


def binary(names: str, x: Draw, y: Draw, *, of: str = "t", suffix: str = "", **more: Any) -> list[Case]:
    """A case `of.name(x, y)` for each of the names."""
    return [
        Case(f"{n}{suffix}", lambda_of(f"lambda t, x, y: {of}.{n}(x, y)"), (x, y), calls=n, **more)
        for n in names.split()
    ]


def family(name: str, *cases: Case, order: int = 2, **options: Any) -> list[Case]:
    """Cases as members of one family; the options hold for all, `order` at most."""
    return [replace(c, family=name, order=min(c.order, order), **options) for c in cases]


def lambda_of(source: str) -> Callable[..., Any]:
    """A function that remembers its text."""
    return compiled(source, {})


def compiled(source: str, names: dict[str, Any]) -> Any:
    """The same, that may use `names`."""
    function = eval(compile(source, CASE_FILE, "eval"), names)
    function.source = source
    return function
