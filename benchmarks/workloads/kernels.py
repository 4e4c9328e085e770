"""Single ops over sizes: where the kernels, not the calls, decide."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.backends import Backend
from benchmarks.timing import Step
from benchmarks.workload import Workload

Arrays = tuple[np.ndarray, ...]
FLOAT = 4  # bytes


def forward(function: Callable[..., Any], arrays: Callable[[], Arrays]) -> Callable[[Backend], Step]:
    """Builds the step function(library, *tensors), with nothing recorded."""

    def build(backend: Backend) -> Step:
        torch, tensors = backend.torch, [backend.tensor(a) for a in arrays()]
        compiled = backend.compile(lambda *xs: function(torch, *xs))
        return lambda: compiled(*tensors)

    return build


def both(function: Callable[..., Any], arrays: Callable[[], Arrays]) -> Callable[[Backend], Step]:
    """Builds the step of function and its backward pass, from a gradient of ones to the floating-point inputs."""

    def build(backend: Backend) -> Step:
        torch = backend.torch
        tensors = [backend.tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays()]
        leaves = [t for t in tensors if t.requires_grad]
        compiled = backend.compile(lambda *xs: function(torch, *xs))
        with torch.no_grad():
            gradient = torch.ones_like(function(torch, *tensors))

        def step() -> Any:
            for leaf in leaves:
                leaf.grad = None
            compiled(*tensors).backward(gradient)
            return [leaf.grad for leaf in leaves]

        return step

    return build


def by_hand(function: Callable[..., Any], arrays: Callable[[], Arrays]) -> Callable[[], Step]:
    """The step function(*arrays) in NumPy."""

    def build() -> Step:
        inputs = arrays()
        return lambda: function(*inputs)

    return build


def normal(*shapes: tuple[int, ...]) -> Callable[[], Arrays]:
    """Standard normal float32 arrays, the same at each call."""

    def make() -> Arrays:
        rng = np.random.default_rng(0)
        return tuple(rng.standard_normal(shape, np.float32) for shape in shapes)

    return make


# --- matmul


def matmul() -> Iterator[Workload]:
    for n in (32, 64, 128, 256, 512, 1024, 2048, 4096):
        arrays = normal((n, n), (n, n))
        rest: dict[str, Any] = {"label": f"{n:,} x {n:,}", "quick": n <= 1024}
        product = lambda torch, x, y: x @ y
        yield Workload(
            "matmul", "forward", n, forward(product, arrays), by_hand(np.matmul, arrays),
            flops=2 * n**3, bytes=3 * n * n * FLOAT, **rest,
        )  # fmt: skip
        yield Workload("matmul", "forward and backward", n, both(product, arrays), flops=6 * n**3, **rest)


# --- elementwise: name -> (how many arrays, in either library, in NumPy, operations per element)


def _gelu_by_hand(x: np.ndarray) -> np.ndarray:
    """The approximation by tanh: NumPy has no erf."""
    return 0.5 * x * (1 + np.tanh(0.7978845608 * (x + 0.044715 * x * x * x)))


ELEMENTWISE: dict[str, tuple[int, Callable[..., Any], Callable[..., Any] | None, int]] = {
    "a*b + c": (3, lambda torch, a, b, c: a * b + c, lambda a, b, c: a * b + c, 2),
    "exp": (1, lambda torch, x: x.exp(), np.exp, 1),
    "tanh": (1, lambda torch, x: x.tanh(), np.tanh, 1),
    "relu": (1, lambda torch, x: x.relu(), lambda x: np.maximum(x, 0), 1),
    "sigmoid": (1, lambda torch, x: x.sigmoid(), lambda x: 1 / (1 + np.exp(-x)), 1),
    "gelu": (1, lambda torch, x: torch.nn.functional.gelu(x), None, 1),
    "gelu (tanh)": (1, lambda torch, x: torch.nn.functional.gelu(x, approximate="tanh"), _gelu_by_hand, 1),
}


def elementwise() -> Iterator[Workload]:
    for name, (count, function, hand, operations) in ELEMENTWISE.items():
        for n in (1_000, 10_000, 100_000, 1_000_000, 10_000_000):
            arrays = normal(*[(n,)] * count)
            quick = n in (1_000, 100_000, 1_000_000)
            yield Workload(
                "elementwise", name, n, forward(function, arrays), hand and by_hand(hand, arrays),
                flops=operations * n, bytes=(count + 1) * n * FLOAT, quick=quick,
            )  # fmt: skip
            yield Workload("elementwise", f"{name}, both passes", n, both(function, arrays), quick=quick and n > 1_000)


# --- softmax and its relatives


def _softmax_by_hand(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(1, keepdims=True))
    e /= e.sum(1, keepdims=True)
    return e


def _log_softmax_by_hand(x: np.ndarray) -> np.ndarray:
    x = x - x.max(1, keepdims=True)
    x -= np.log(np.exp(x).sum(1, keepdims=True))
    return x


def _cross_entropy_by_hand(x: np.ndarray, y: np.ndarray) -> Any:
    return -_log_softmax_by_hand(x)[np.arange(len(y)), y].mean()


def softmax() -> Iterator[Workload]:
    for n, classes in ((128, 10), (8192, 10), (65536, 10), (128, 1000), (8192, 1000)):
        logits = normal((n, classes))

        def labelled(n: int = n, classes: int = classes, logits: Any = logits) -> Arrays:
            return (*logits(), np.random.default_rng(1).integers(0, classes, n))

        ops: dict[str, Any] = {
            "softmax": (lambda torch, x: x.softmax(1), _softmax_by_hand, logits, 2),
            "log_softmax": (lambda torch, x: x.log_softmax(1), _log_softmax_by_hand, logits, 2),
            "cross_entropy": (
                lambda torch, x, y: torch.nn.functional.cross_entropy(x, y), _cross_entropy_by_hand, labelled, 1
            ),
        }  # fmt: skip
        for name, (function, hand, arrays, traffic) in ops.items():
            rest: dict[str, Any] = {"label": f"{n:,} x {classes:,}", "quick": n * classes < 1e6}
            line, size = f"{name}, {classes:,} classes", n * classes
            yield Workload(
                "softmax", line, size, forward(function, arrays), by_hand(hand, arrays),
                flops=4 * size, bytes=traffic * size * FLOAT, **rest,
            )  # fmt: skip
            yield Workload("softmax", f"{line}, both passes", size, both(function, arrays), **rest)


# --- layer normalization


def _layer_norm_by_hand(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    off = x - x.mean(1, keepdims=True)
    off /= np.sqrt((off * off).mean(1, keepdims=True) + 1e-5)
    off *= weight
    off += bias
    return off


def layer_norm() -> Iterator[Workload]:
    function = lambda torch, x, weight, bias: torch.nn.functional.layer_norm(x, x.shape[1:], weight, bias)
    for rows, width in ((32, 64), (1024, 64), (128, 768), (8192, 768)):
        arrays, size = normal((rows, width), (width,), (width,)), rows * width
        rest: dict[str, Any] = {"label": f"{rows:,} x {width:,}", "quick": size < 1e6}
        yield Workload(
            "layer norm", f"{width} wide", size, forward(function, arrays), by_hand(_layer_norm_by_hand, arrays),
            flops=8 * size, bytes=2 * size * FLOAT, **rest,
        )  # fmt: skip
        yield Workload("layer norm", f"{width} wide, both passes", size, both(function, arrays), **rest)


# --- reductions

REDUCTIONS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "sum": (lambda torch, x: x.sum(), np.sum),
    "sum(0)": (lambda torch, x: x.sum(0), lambda x: x.sum(0)),
    "sum(1)": (lambda torch, x: x.sum(1), lambda x: x.sum(1)),
    "max": (lambda torch, x: x.max(), np.max),
    "max(1)": (lambda torch, x: x.max(1).values, lambda x: x.max(1)),
    "var(1)": (lambda torch, x: x.var(1), lambda x: x.var(1, ddof=1)),
}


def reductions() -> Iterator[Workload]:
    for name, (function, hand) in REDUCTIONS.items():
        for rows, columns in ((100, 100), (1000, 100), (1000, 1000), (10_000, 1000)):
            arrays, n = normal((rows, columns)), rows * columns
            rest: dict[str, Any] = {"label": f"{rows:,} x {columns:,}", "quick": n in (10_000, 1_000_000)}
            yield Workload(
                "reductions", name, n, forward(function, arrays), by_hand(hand, arrays),
                flops=n, bytes=n * FLOAT, **rest,
            )  # fmt: skip
            yield Workload("reductions", f"{name}, both passes", n, both(function, arrays), **rest)


# --- rows of a table, some of them more than once


def embedding() -> Iterator[Workload]:
    words, width = 10_000, 64
    ops: dict[str, Callable[..., Any]] = {
        "table[index]": lambda torch, table, index: table[index],
        "index_select": lambda torch, table, index: torch.index_select(table, 0, index),
        "embedding": lambda torch, table, index: torch.nn.functional.embedding(index, table),
    }
    for name, function in ops.items():
        for n in (100, 1_000, 10_000, 100_000):

            def arrays(n: int = n) -> Arrays:
                rng = np.random.default_rng(2)
                table = rng.standard_normal((words, width), np.float32)
                return table, (words * rng.random(n) ** 3).astype(np.int64)  # low numbers are common, as words are

            quick = n in (1_000, 100_000)
            hand = by_hand(lambda table, index: table[index], arrays)
            yield Workload(
                "embedding", name, n, forward(function, arrays), hand, bytes=2 * n * width * FLOAT, quick=quick
            )
            yield Workload("embedding", f"{name}, both passes", n, both(function, arrays), quick=quick)
