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
from dataclasses import dataclass
from functools import wraps
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray
from numpy.lib.mixins import NDArrayOperatorsMixin

from minitorch import blocks
from minitorch.changing import Again, Number
from minitorch.device import Array, is_on_gpu, xp
from minitorch.dtypes import halves_in_single
from minitorch.kernels import Launch, Operation, for_any_layout, for_dense, may_be_dense

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
        shapes = {x.shape for x in inputs if isinstance(x, Symbol)}
        shape = shapes.pop() if len(shapes) == 1 else np.broadcast_shapes(*shapes)
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
        self.numbers: list[float | Number] = []

    def line(self, kind: str, expression: str) -> str:
        """The variable that the value of the expression gets."""
        variable = f"v{len(self.lines)}"
        self.lines.append(f"const {kind} {variable} = {expression};")
        return variable

    def operand(self, x: Any) -> str:
        if isinstance(x, Symbol):
            return x.variable
        self.numbers.append(x if isinstance(x, Number) else float(x))
        return f"static_cast<T>(n{len(self.numbers) - 1})"


class Given(NamedTuple):
    """What is known of an array when the formula is called."""

    dtype: np.dtype
    shape: tuple[int, ...]
    dense: bool  # in one piece of memory, in C order


@dataclass(frozen=True)
class Trace:
    """A formula as the operation of a kernel. read, written: which of its arguments are what; shape: of what is made, None if
    nothing; dense: whether all arguments are; seen: what the formula has seen of numbers that change."""

    operation: Operation
    read: list[int]
    written: list[int]
    numbers: list[float | Number]
    shape: tuple[int, ...] | None
    dense: bool
    seen: list[tuple[Again, Any]]

    def serves(self, given: Sequence[float]) -> bool:
        """Whether the formula would take the same way with these numbers."""
        return all(again(given) == found for again, found in self.seen)


def in_one_kernel(
    formula: Callable[..., Any], args: Sequence[Any], named: Mapping[str, Any] | None = None, spares: int = 0
) -> Any:
    """formula(*args, *spares, **named), all its steps in one kernel.

    args, named: CuPy arrays of one floating dtype (that of the first, args[0] or args[1]) that broadcast, and 0-d ones of
    any; numbers, and whatever the formula branches on. What the formula writes into must have the whole shape. spares:
    how many arrays it wants to write to on its way; they need not exist. Returns what the formula returns: None, or one new
    array. NotImplementedError for a step that has no CUDA.
    """
    names, values = tuple(named or ()), [*args, *named.values()] if named else args
    first = args[0] if is_on_gpu(args[0]) else args[1]
    key = (first.__class__, formula, names, spares, *[_kind(x) for x in values])
    trace, launch, lib = _kept.get(key) or _keep(key, first, values)
    targets = [values[i] for i in trace.written]
    if trace.shape is not None:
        targets.append(lib.empty(trace.shape, first.dtype) if trace.dense else lib.empty_like(first, shape=trace.shape))
    launch([values[i] for i in trace.read], trace.numbers, targets, targets[0].size)  # type: ignore[arg-type]
    return targets[-1] if trace.shape is not None else None


def _kind(x: Any) -> Any:
    """What a trace depends on of an argument. Numbers as text: 0.0 equals -0.0, and 1 True."""
    if is_on_gpu(x):
        return x.dtype, x.shape, x.flags.c_contiguous
    return (x.__class__, repr(x)) if x.__class__ in _NUMBERS else x


_NUMBERS = (float, int, bool)
_MOST = 4096  # traces
_kept: dict[Any, tuple[Trace, Launch, Any]] = {}


def _keep(key: Any, first: Array, values: Sequence[Any]) -> tuple[Trace, Launch, Any]:
    """The trace of a call of this kind, what launches its kernel, and CuPy."""
    _, formula, names, spares, *_ = key
    lib = xp(first)
    known = tuple([Given(x.dtype, x.shape, x.flags.c_contiguous) if is_on_gpu(x) else x for x in values])
    trace = traced(formula, names, spares, known, [])
    if len(_kept) >= _MOST:
        _kept.clear()
    launch = (for_dense if trace.dense else for_any_layout)(lib, trace.operation)
    _kept[key] = found = trace, launch, lib
    return found


def traced(
    formula: Callable[..., Any],
    names: tuple[str, ...],
    spares: int,
    known: tuple[Any, ...],
    seen: list[tuple[Again, Any]],
) -> Trace:
    """Call the formula on symbols. known: its arguments, arrays as `Given`, the last ones those with `names`. seen: where
    the numbers among them note what it sees of them."""
    given = {i: x for i, x in enumerate(known) if isinstance(x, Given)}
    dtype = next(iter(given.values())).dtype
    source = _Source(dtype)
    symbols = {
        i: Symbol(source, f"x{i}" if x.dtype == dtype else f"static_cast<T>(x{i})", dtype, x.shape)
        for i, x in given.items()
    }
    values = [symbols.get(i, x) for i, x in enumerate(known)]
    spare = [Symbol(source, "", dtype) for _ in range(spares)]
    positional = len(known) - len(names)
    result = formula(*values[:positional], *spare, **dict(zip(names, values[positional:])))

    written = [i for i, symbol in symbols.items() if symbol.written]
    read = [i for i in symbols if i not in written]
    lines = source.lines + [f"x{i} = {symbols[i].variable};" for i in written]
    if result is not None:
        lines.append(f"result = {source.operand(result)};")
    shapes = {x.shape for x in given.values()} - {()}
    operation = Operation(
        _name(formula),
        "\n".join(lines),
        dtype.name,
        tuple((f"x{i}", given[i].dtype.name) for i in read),
        tuple(f"x{i}" for i in written) + ("result",) * (result is not None),
        len(source.numbers),
        frozenset(f"x{i}" for i, x in given.items() if x.shape == ()),
    )
    dense = len(shapes) == 1 and all(x.dense for x in given.values()) and may_be_dense(operation)
    return Trace(
        operation,
        read,
        written,
        source.numbers,
        None if result is None else np.broadcast_shapes(*shapes),
        dense,
        seen,
    )


def elementwise(formula: Callable[..., Any], in_single: bool = False) -> Callable[..., Any]:
    """Let a formula be one kernel on a GPU, and go through large arrays on the CPU in blocks.

    It takes an array and then arrays, numbers and the like; options are no arrays. It returns one array of the shape that
    they broadcast to, or has written into arguments of that shape and returns None. On the CPU it may be given flat pieces,
    so it must not ask for shapes, sizes or axes. (Arrays that broadcast are not cut: formulas with sums of rows are
    here for the GPU's sake.) in_single: float16 arrays go in, and the result comes out, as float32.
    """

    @wraps(formula)
    def fused(x: Any, *args: Any, **options: Any) -> Any:
        on_cpu = x.__class__ is ndarray
        if not on_cpu and not is_on_gpu(x):
            return formula(x, *args, **options)
        if in_single and x.dtype.char == "e":
            return fused(*halves_in_single((x, *args)), **options)
        if on_cpu and x.nbytes > blocks.LARGE:
            return blocks.elementwise(formula, (x, *args), options)
        if on_cpu or not _alike(x, args):
            return formula(x, *args, **options)
        return in_one_kernel(formula, (x, *args), options)

    return fused


def one_step(formula: Callable[..., Any]) -> Callable[..., Any]:
    """The same for a single step on one or two operands, where CuPy's own kernel is no match: its launch takes a little
    longer, of many elements it takes longer itself, and it gives every result C order, where PyTorch keeps that of the
    operand. Few elements and a number are left to it, since a new number is a new trace."""

    @wraps(formula)
    def better(*args: Any, **named: Any) -> Any:
        x, y = args[0], args[-1]
        if x.__class__ is y.__class__ and not named:  # written out, since ops of a few microseconds come this way
            alike = is_on_gpu(x) and x.dtype.char in "fd" and x.dtype == y.dtype
            fits = alike and (x.shape == y.shape or not x.flags.c_contiguous)
        else:
            arrays = [x for x in args if is_on_gpu(x)]
            alike = bool(arrays) and _alike(arrays[0], args)
            fits = alike and ((len(arrays) == 1 and arrays[0].size >= _LARGE) or not arrays[0].flags.c_contiguous)
        return in_one_kernel(formula, args, named) if fits else formula(*args, **named)

    return better


_LARGE = 1 << 22  # elements: then a trace takes a few times as long as the kernel, and not many times


def _alike(x: Array, args: tuple[Any, ...]) -> bool:
    """Whether all arrays have the floating dtype of `x`."""
    return x.dtype.char in "fd" and all(y.dtype == x.dtype for y in args if is_on_gpu(y))


def _name(formula: Any) -> str:
    name = formula.__name__.strip("_")
    return f"minitorch_{name if name.isidentifier() else 'rule'}"  # of a lambda
