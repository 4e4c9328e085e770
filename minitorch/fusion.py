"""A formula of several elementwise steps as one CUDA kernel, its source made by the formula itself.

On a GPU each step of `a * b + c` is a kernel of its own, which costs more to launch than to run, and writes to memory
what the next one reads again. So for CuPy arrays the formula is called on symbols: whatever is done to a symbol is
written down, as a line of CUDA. NumPy offers this to any class: `np.exp(symbol)` and `symbol *= 2` arrive at
`__array_ufunc__` (NEP 13). Numbers become arguments of the kernel, so that a new learning rate needs no new kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from minitorch.device import Array, xp

# NumPy's functions in CUDA; {0} and {1} are the operands, all of one type T.
_CUDA = {
    "add": "{0} + {1}", "subtract": "{0} - {1}", "multiply": "{0} * {1}", "divide": "{0} / {1}", "negative": "-{0}",
    "reciprocal": "1 / {0}", "absolute": "fabs({0})", "sqrt": "sqrt({0})", "exp": "exp({0})", "expm1": "expm1({0})",
    "log": "log({0})", "log1p": "log1p({0})", "tanh": "tanh({0})", "square": "{0} * {0}",
    "maximum": "{0} != {0} || {0} > {1} ? {0} : {1}",  # a NaN stays, as NumPy and PyTorch have it
    "minimum": "{0} != {0} || {0} < {1} ? {0} : {1}",
    "power": "pow({0}, {1})", "greater": "{0} > {1}",
}  # fmt: skip


class Symbol(NDArrayOperatorsMixin):
    """A value in the kernel to be: the variable that holds it at this point of the formula."""

    ndim = 1  # not 0, of which NumPy would make a scalar

    def __init__(self, source: _Source, variable: str, dtype: np.dtype) -> None:
        self._source, self.variable, self.dtype, self.written = source, variable, dtype, False

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = None, **options: Any) -> Any:
        if method != "__call__" or options or ufunc.__name__ not in _CUDA:
            raise NotImplementedError(f"fusion: no CUDA for numpy.{ufunc.__name__} ({method}, {list(options)})")
        operands = [self._source.operand(x) for x in inputs]
        variable = self._source.line(_CUDA[ufunc.__name__].format(*operands))
        if out is None:
            return Symbol(self._source, variable, self.dtype)
        (target,) = out
        target._assign(variable)
        return target

    def __setitem__(self, index: Any, value: Any) -> None:
        if index is not ...:
            raise NotImplementedError("fusion: a symbol has no elements")
        self._assign(self._source.operand(value))

    def _assign(self, variable: str) -> None:
        self.variable, self.written = variable, True


class _Source:
    """The lines written so far, and the numbers that they name."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.numbers: list[float] = []

    def line(self, expression: str) -> str:
        """The variable that the value of the expression gets."""
        variable = f"v{len(self.lines)}"
        self.lines.append(f"const T {variable} = {expression};")
        return variable

    def operand(self, x: Any) -> str:
        if isinstance(x, Symbol):
            return x.variable
        self.numbers.append(float(x))
        return f"static_cast<T>(n{len(self.numbers) - 1})"


def in_one_kernel(
    formula: Callable[..., Any],
    arrays: Sequence[Array],
    buffers: Mapping[str, Array] | None = None,
    options: Mapping[str, Any] | None = None,
    spares: int = 0,
) -> Any:
    """formula(*arrays, *spares, **buffers, **options), all its steps in one kernel.

    arrays, buffers: CuPy arrays of one floating dtype that broadcast; what the formula writes into must have the whole
    shape. options: numbers, on the host or in CuPy's 0-d arrays, and whatever the formula branches on. spares: how many
    arrays it wants to write to on its way; they need not exist. Returns what the formula returns: None, or one new
    array. NotImplementedError for a step that _CUDA does not have.
    """
    given = {f"x{i}": x for i, x in enumerate(arrays)} | dict(buffers or {})
    lib, dtype = xp(arrays[0]), arrays[0].dtype
    source = _Source()
    symbols = {name: Symbol(source, f"{name}_", dtype) for name in given}
    positional = [*list(symbols.values())[: len(arrays)], *[Symbol(source, "", dtype) for _ in range(spares)]]
    numbers = {name: x for name, x in (options or {}).items() if hasattr(x, "ndim")}
    values = {name: Symbol(source, f"static_cast<T>({name}_)", dtype) for name in numbers}
    result = formula(*positional, **{name: symbols[name] for name in buffers or {}}, **{**(options or {}), **values})

    read = [name for name, symbol in symbols.items() if not symbol.written]
    written = [name for name, symbol in symbols.items() if symbol.written]
    lines = source.lines + [f"{name}_ = {symbols[name].variable};" for name in written]
    outputs = [f"T {name}_" for name in written]
    if result is not None:
        lines.append(f"result = {result.variable};")
        outputs.append("T result")
    inputs = [f"T {name}_" for name in read] + [f"{x.dtype.name} {name}_" for name, x in numbers.items()]
    inputs += [f"float64 n{i}" for i in range(len(source.numbers))]
    kernel = _kernel(lib, ", ".join(inputs), ", ".join(outputs), "\n".join(lines), _name(formula))
    targets = [given[name] for name in written]
    if result is not None:
        targets.append(lib.empty_like(arrays[0], shape=np.broadcast_shapes(*[x.shape for x in arrays])))
    kernel(*[given[name] for name in read], *numbers.values(), *source.numbers, *targets)
    return targets[-1] if result is not None else None


def select(condition: Any, x: Any, y: Any) -> Any:
    """x where the condition holds, y elsewhere: of CuPy arrays, and in a formula for one kernel."""
    if not isinstance(condition, Symbol):
        return xp(condition).where(condition, x, y)
    source = condition._source
    chosen, otherwise = source.operand(x), source.operand(y)
    return Symbol(source, source.line(f"{condition.variable} != 0 ? {chosen} : {otherwise}"), condition.dtype)


def _name(formula: Any) -> str:
    return getattr(formula, "func", formula).__name__.strip("_")  # of a partial, its function's


@cache
def _kernel(lib: Any, inputs: str, outputs: str, operation: str, name: str) -> Any:
    return lib.ElementwiseKernel(inputs, outputs, operation, f"minitorch_{name}")
