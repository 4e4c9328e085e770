"""One case in one library: every number it gives, as NumPy arrays and plain Python values under the names of quantities."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from parity.case import FLOATS, Case


@dataclass
class Array:
    """What a tensor of either library was."""

    values: np.ndarray
    dtype: str
    requires_grad: bool
    strides: tuple[int, ...] | None  # None where nothing depends on them


@dataclass
class Outcome:
    """What a case gave: quantities in the order in which they came to be, or an error."""

    quantities: dict[str, Any] = field(default_factory=dict)
    error: Exception | None = None


def evaluate(
    case: Case,
    library: Any,
    dtype: str,
    *,
    seed: int = 0,
    precise: bool = False,
    nudge: int | None = None,
    wiggle: int | None = None,
    device: str = "cpu",
) -> Outcome:
    """Run a case.

    precise: the same inputs, computed in float64. nudge: with every input an ulp up or down, drawn by this seed. wiggle:
    with every input, of the precise run, moved by `STEP` of itself, up or down.
    """
    outcome = Outcome()
    run = _Run(case, library, "float64" if precise else dtype, _rng(nudge), _rng(wiggle), device, outcome, precise)
    default = library.float64 if precise and not dtype else library.get_default_dtype()
    library.manual_seed(seed)
    with warnings.catch_warnings(), np.errstate(all="ignore"), _default_dtype(library, default):
        warnings.simplefilter("ignore")
        try:
            tensors = [run.tensor(a) for a in case.inputs(dtype, seed)]
            if case.build is None:
                run.judge(tensors, [], "")
                return outcome
            for mode in ("train", "eval"):
                library.manual_seed(seed)
                module = run.module().train(mode == "train")
                if mode == "train":
                    state = module.state_dict()
                    outcome.quantities |= {f"initial {name}": _seen(p) for name, p in state.items()}
                run.judge(tensors, [module], f"{mode}: ")
        except Exception as error:
            outcome.error = error
    return outcome


STEP = 2.0**-30


def _rng(seed: int | None) -> np.random.Generator | None:
    return None if seed is None else np.random.default_rng(seed)


@contextmanager
def _default_dtype(library: Any, dtype: Any) -> Iterator[None]:
    before = library.get_default_dtype()
    if dtype is before:
        yield
        return
    library.set_default_dtype(dtype)
    try:
        yield
    finally:
        library.set_default_dtype(before)


def _moved(a: np.ndarray, rng: np.random.Generator | None, step: float) -> np.ndarray:
    """`a` with every element moved by about `step` of itself, up or down; never by quite as much as another."""
    if rng is None:
        return a
    moves = rng.choice([-1.0, 1.0], a.shape) * rng.uniform(0.5, 1.5, a.shape)
    return np.asarray(a * (1 + step * moves)).astype(a.dtype)


class _InDoubles:
    """A library as a precise run sees it: `x.sum(dtype=t.float32)` too is computed in float64."""

    def __init__(self, library: Any) -> None:
        self._library = library

    def __getattr__(self, name: str) -> Any:
        return getattr(self._library, "float64" if name in FLOATS else name)


@dataclass
class _Run:
    case: Case
    library: Any
    dtype: str
    nudge: np.random.Generator | None
    wiggle: np.random.Generator | None
    device: str
    outcome: Outcome
    precise: bool

    def tensor(self, a: np.ndarray) -> Any:
        """An input on its way into the library: the one place that knows of devices."""
        floating = a.dtype.kind == "f"
        if floating:
            a = _moved(a, self.nudge, float(np.finfo(a.dtype).eps))
            a = _moved(a.astype(self.dtype or a.dtype), self.wiggle, STEP)
        tensor = self.library.from_numpy(a.copy()).to(self.device)
        return tensor.requires_grad_() if floating and self.case.order else tensor

    def module(self) -> Any:
        """The case's module: its weights drawn in float32, then converted."""
        assert self.case.build is not None
        module = self.case.build(self.library)
        self._move(module, self.nudge, 2.0**-23)
        if self.dtype not in ("", "float32"):
            module = module.to(getattr(self.library, self.dtype))
        self._move(module, self.wiggle, STEP)
        return module.to(self.device)

    def _move(self, module: Any, rng: np.random.Generator | None, step: float) -> None:
        for p in module.parameters() if rng is not None else ():
            p.data = self.library.from_numpy(_moved(p.detach().numpy(), rng, step))

    def judge(self, tensors: list[Any], first: list[Any], prefix: str) -> None:
        """The value; the gradients, by a plain backward pass and by a recorded one; the gradients of these, weighted."""
        case, library, quantities = self.case, self.library, self.outcome.quantities
        seen = _InDoubles(library) if self.precise else library
        found = list(flatten(case.function(seen, *first, *tensors), "value"))
        for name, leaf in found:
            quantities[prefix + name] = _seen(leaf)
        sources = {n: x for n, x in zip(case.arguments, tensors) if x.requires_grad}
        for module in first:
            sources |= dict(module.named_parameters())
        outs = [leaf for _, leaf in found if _is_tensor(leaf) and leaf.requires_grad]
        if not case.order or not outs or not sources:
            return
        leaves = list(sources.values())
        outer, inner = (
            [self.weight(w, like) for w, like in zip(ws, likes)]
            for ws, likes in zip(weights_for([o.shape for o in outs], [x.shape for x in leaves]), (outs, leaves))
        )
        grad = library.autograd.grad
        for name, g in zip(sources, grad(outs, leaves, outer, retain_graph=True, allow_unused=True)):
            quantities[f"{prefix}gradient of {name}"] = _seen(g)
        if case.order < 2:
            return
        recorded = grad(outs, leaves, outer, create_graph=True, allow_unused=True)
        for name, g in zip(sources, recorded):
            quantities[f"{prefix}gradient of {name}, create_graph"] = _seen(g)
        varying = [(g, w) for g, w in zip(recorded, inner) if g is not None and g.requires_grad]
        if varying:
            outs, weights = [g for g, _ in varying], [w for _, w in varying]
            for name, g in zip(sources, grad(outs, leaves, weights, allow_unused=True)):
                quantities[f"{prefix}second gradient of {name}"] = _seen(g)

    def weight(self, w: np.ndarray, like: Any) -> Any:
        kind = str(like.dtype).rpartition(".")[2]
        return self.library.from_numpy(_moved(w, self.wiggle, STEP).astype(kind)).to(like.device)


def weights_for(outs: Any, leaves: Any) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """By how much each output, and then each gradient, counts; of so few digits that every dtype holds them."""
    rng = np.random.default_rng(9)
    draw = lambda shape: np.asarray(rng.uniform(0.5, 1.5, tuple(shape))).astype(np.float16).astype(np.float64)
    return [draw(shape) for shape in outs], [draw(shape) for shape in leaves]


def flatten(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    """(name, leaf) of everything in nested dicts, lists and tuples; a named tuple by its names."""
    if isinstance(value, dict):
        yield name, f"{type(value).__name__} of {', '.join(map(str, value))}"
        for key, item in value.items():
            yield from flatten(item, f"{name}[{key!r}]")
    elif isinstance(value, list | tuple) and type(value).__name__ != "Size":
        kind = type(value).__name__.rpartition(".")[2]
        yield name, f"{kind} of {len(value)}"
        fields = getattr(value, "_fields", None) or [
            n for n in ("values", "indices", "min", "max") if kind not in ("list", "tuple") and hasattr(value, n)
        ]
        for i, item in enumerate(value):
            yield from flatten(item, f"{name}.{fields[i]}" if fields else f"{name}[{i}]")
    else:
        yield name, value


def _is_tensor(x: Any) -> bool:
    return hasattr(x, "requires_grad") and hasattr(x, "detach")


def _seen(leaf: Any) -> Any:
    """A leaf as a thing that two libraries can be compared by."""
    if _is_tensor(leaf):
        strides = tuple(leaf.stride()) if leaf.numel() > 1 else None
        if strides is not None:
            strides = tuple(s for s, n in zip(strides, leaf.shape) if n > 1)
        values = leaf.detach().cpu().numpy(force=True).copy(order="K")
        return Array(values, str(leaf.dtype), leaf.requires_grad, strides)
    if leaf is None or isinstance(leaf, bool | int | float | str | bytes | np.ndarray | np.generic):
        return leaf
    if isinstance(leaf, type):
        return leaf.__name__
    return repr(leaf).replace("minitorch", "torch")
