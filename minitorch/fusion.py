"""A formula of several elementwise steps as one CUDA kernel, its source made by the formula itself.

On a GPU each step of `a * b + c` is a kernel of its own, which costs more to launch than to run, and writes to memory
what the next one reads again. So for CuPy arrays the formula is called on symbols: whatever is done to a symbol is
written down, as a line of CUDA. NumPy offers this to any class: `np.exp(symbol)` and `symbol *= 2` arrive at
`__array_ufunc__` (NEP 13), `np.where` at `__array_function__` (NEP 18). Numbers become arguments of the kernel, so that
a new learning rate needs no new kernel.

What is traced: the optimizers' formulas, activations and losses, and the rules of ops declared `elementwise`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache, wraps
from typing import Any

import numpy as np
from numpy import ndarray
from numpy.lib.mixins import NDArrayOperatorsMixin

from minitorch.device import Array, is_on_gpu, xp

# NumPy's functions in CUDA; {0} and {1} are the operands: of type T, or bool.
_CUDA = {
    "add": "{0} + {1}", "subtract": "{0} - {1}", "multiply": "{0} * {1}", "divide": "{0} / {1}", "negative": "-{0}",
    "reciprocal": "1 / {0}", "absolute": "fabs({0})", "sqrt": "sqrt({0})", "exp": "exp({0})", "expm1": "expm1({0})",
    "log": "log({0})", "log1p": "log1p({0})", "tanh": "tanh({0})", "square": "{0} * {0}", "power": "pow({0}, {1})",
    "maximum": "{0} != {0} || {0} > {1} ? {0} : {1}",  # a NaN stays, as NumPy and PyTorch have it
    "minimum": "{0} != {0} || {0} < {1} ? {0} : {1}",
    "where": "{0} ? {1} : {2}",
    "erf": "erf({0})",
}  # fmt: skip
_CONDITIONS = {
    "greater": "{0} > {1}", "greater_equal": "{0} >= {1}", "less": "{0} < {1}", "less_equal": "{0} <= {1}",
    "equal": "{0} == {1}", "not_equal": "{0} != {1}",
    "bitwise_and": "{0} && {1}", "bitwise_or": "{0} || {1}", "invert": "!{0}",
}  # fmt: skip
_BOOL = np.dtype(bool)


class Symbol(NDArrayOperatorsMixin):
    """A value in the kernel to be: the variable that holds it at this point of the formula."""

    ndim = 1  # not 0, of which NumPy would make a scalar

    def __init__(self, source: _Source, variable: str, dtype: np.dtype, shape: tuple[int, ...] = ()) -> None:
        self._source, self.variable, self.dtype, self.shape, self.written = source, variable, dtype, shape, False

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = None, **options: Any) -> Any:
        if method != "__call__" or options:
            raise NotImplementedError(f"fusion: no CUDA for numpy.{ufunc.__name__} ({method}, {list(options)})")
        found = self.step(ufunc.__name__, *inputs)
        if out is None:
            return found
        (target,) = out
        target._assign(found.variable)
        return target

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function is not np.where or kwargs or len(args) != 3:
            raise NotImplementedError(f"fusion: no CUDA for numpy.{function.__name__} of {len(args)} arguments")
        return self.step("where", *args)

    def step(self, name: str, *inputs: Any) -> Symbol:
        """The value of one of the functions above."""
        table = _CONDITIONS if name in _CONDITIONS else _CUDA
        if name not in table:
            raise NotImplementedError(f"fusion: no CUDA for numpy.{name}")
        source = self._source
        expression = table[name].format(*[source.operand(x) for x in inputs])
        kind, dtype = ("bool", _BOOL) if table is _CONDITIONS else ("T", source.dtype)
        shape = np.broadcast_shapes(*[x.shape for x in inputs if isinstance(x, Symbol)])
        return Symbol(source, source.line(kind, expression), dtype, shape)

    def astype(self, dtype: Any, copy: bool = True) -> Symbol:
        """Itself, whether it is not 0, or of a condition 0 or 1."""
        if np.dtype(dtype) == self.dtype:
            return self
        if np.dtype(dtype) == _BOOL:
            return self != 0
        if np.dtype(dtype) == self._source.dtype:
            return Symbol(self._source, self._source.line("T", self.variable), np.dtype(dtype), self.shape)
        raise NotImplementedError(f"fusion: no conversion to {dtype}")

    def __bool__(self) -> bool:
        raise NotImplementedError("fusion: a formula cannot branch on values; use where")

    def __setitem__(self, index: Any, value: Any) -> None:
        if index is not ...:
            raise NotImplementedError("fusion: a symbol has no elements")
        self._assign(self._source.operand(value))

    def _assign(self, variable: str) -> None:
        self.variable, self.written = variable, True


class _Source:
    """The lines written so far, and the numbers that they name."""

    def __init__(self, dtype: np.dtype) -> None:
        self.dtype = dtype
        self.lines: list[str] = []
        self.numbers: list[float] = []

    def line(self, kind: str, expression: str) -> str:
        """The variable that the value of the expression gets."""
        variable = f"v{len(self.lines)}"
        self.lines.append(f"const {kind} {variable} = {expression};")
        return variable

    def operand(self, x: Any) -> str:
        if isinstance(x, Symbol):
            return x.variable
        self.numbers.append(float(x))
        return f"static_cast<T>(n{len(self.numbers) - 1})"


@dataclass(frozen=True)
class _Given:
    """What is known of an array when the formula is called."""

    dtype: np.dtype
    shape: tuple[int, ...]


@dataclass
class _Trace:
    """A formula as a kernel: its source, and which arrays by which names it reads and writes."""

    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    operation: str = ""
    read: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    numbers: list[float] = field(default_factory=list)
    returns: bool = False


def in_one_kernel(
    formula: Callable[..., Any],
    args: Sequence[Any],
    named: Mapping[str, Any] | None = None,
    spares: int = 0,
    *,
    lasting: bool = True,
) -> Any:
    """formula(*args, *spares, **named), all its steps in one kernel.

    args, named: CuPy arrays of one floating dtype (that of args[0]) that broadcast, and 0-d ones of any; numbers, and
    whatever the formula branches on. What the formula writes into must have the whole shape. spares: how many arrays it
    wants to write to on its way; they need not exist. lasting: the source is kept for calls with the same numbers and
    shapes; if not, for the next few with the same numbers: an optimizer's, whose formula asks for no shape. Returns
    what the formula returns: None, or one new array. NotImplementedError for a step that has no CUDA.
    """
    values = {f"x{i}": x for i, x in enumerate(args)} | dict(named or {})
    arrays = {name: x for name, x in values.items() if is_on_gpu(x)}
    shape_of = (lambda x: x.shape) if lasting else (lambda x: ())
    known = tuple((name, _Given(x.dtype, shape_of(x)) if name in arrays else x) for name, x in values.items())
    trace = (_traced_to_stay if lasting else _traced_for_now)(formula, len(args), spares, known)
    first = args[0]
    lib = xp(first)
    kernel = _kernel(lib, ", ".join(trace.inputs), ", ".join(trace.outputs), trace.operation, _name(formula))
    targets = [arrays[name] for name in trace.written]
    if trace.returns:
        shape = np.broadcast_shapes(*[x.shape for x in arrays.values()])
        targets.append(lib.empty_like(first, shape=shape) if shape != first.shape else lib.empty_like(first))
    kernel(*[arrays[name] for name in trace.read], *trace.numbers, *targets)
    return targets[-1] if trace.returns else None


def _traced(formula: Callable[..., Any], positional: int, spares: int, known: tuple[tuple[str, Any], ...]) -> _Trace:
    """Call the formula on symbols."""
    dtype = known[0][1].dtype
    source, trace = _Source(dtype), _Trace()
    symbols = {}
    for name, x in known:
        if isinstance(x, _Given):
            number = x.dtype != dtype  # 0-d: read as it is
            symbols[name] = Symbol(source, f"static_cast<T>({name}_)" if number else f"{name}_", dtype, x.shape)
    values = [(name, symbols.get(name, x)) for name, x in known]
    spare = [Symbol(source, "", dtype) for _ in range(spares)]
    result = formula(*[x for _, x in values[:positional]], *spare, **dict(values[positional:]))

    kinds = {name: "T" if x.dtype == dtype else x.dtype.name for name, x in known if name in symbols}
    trace.written = [name for name, symbol in symbols.items() if symbol.written]
    trace.read = [name for name, symbol in symbols.items() if not symbol.written]
    lines = source.lines + [f"{name}_ = {symbols[name].variable};" for name in trace.written]
    trace.outputs = [f"T {name}_" for name in trace.written]
    if result is not None:
        lines.append(f"result = {source.operand(result)};")
        trace.outputs.append("T result")
        trace.returns = True
    trace.numbers = source.numbers
    trace.inputs = [f"{kinds[name]} {name}_" for name in trace.read]
    trace.inputs += [f"float64 n{i}" for i in range(len(source.numbers))]
    trace.operation = "\n".join(lines)
    return trace


_traced_to_stay, _traced_for_now = lru_cache(4096)(_traced), lru_cache(16)(_traced)


def elementwise(formula: Callable[..., Any]) -> Callable[..., Any]:
    """Let a formula on arrays, and numbers and the like after the first, be one kernel on a GPU."""

    @wraps(formula)
    def fused(x: Any, *args: Any) -> Any:
        if x.__class__ is ndarray or not is_on_gpu(x) or not _alike(x, args):
            return formula(x, *args)
        return in_one_kernel(formula, (x, *args))

    return fused


def _alike(x: Array, args: tuple[Any, ...]) -> bool:
    """Whether all arrays have the floating dtype of `x`."""
    return x.dtype.char in "fd" and all(y.dtype == x.dtype for y in args if is_on_gpu(y))


def _name(formula: Any) -> str:
    name = formula.__name__.strip("_")
    return name if name.isidentifier() else "rule"  # of a lambda


@cache
def _kernel(lib: Any, inputs: str, outputs: str, operation: str, name: str) -> Any:
    return lib.ElementwiseKernel(inputs, outputs, operation, f"minitorch_{name}")
