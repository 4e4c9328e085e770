"""Compare a piece of your own code under minitorch and PyTorch, from within Python or a test.

    import numpy as np
    import parity

    x = np.random.default_rng(0).normal(size=(8, 3))
    report = parity.check(lambda torch: torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh()), x, steps=5)
    print(report)

    def test_my_loss():
        parity.assert_parity(lambda torch, x, y: torch.nn.functional.huber_loss(x.exp(), y), x, x + 1)

The code asks for the library under the name `torch`, as an argument; all else about it is a PyTorch program.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from parity.judge import FACTOR, Truth, worst_error

DTYPES = ("float16", "float32", "float64")
TOLERANCE = 4.0  # units, beyond twice PyTorch's own error; judge.py tells what a unit is
WITHOUT_TRUTH = 64.0  # units of an array's largest value: what another order of summation makes
MOVES, MOVE = 4, 2.0**-30  # how often, and how far relatively, all inputs are moved to see how sensitive the result is
JUMP = 2.0**20  # sensitive beyond this: it is a jump, and a move says nothing


@dataclass(frozen=True)
class Row:
    """One quantity in both libraries. Differences and errors are the array's largest, in units (see judge.py)."""

    quantity: str
    shape: str
    difference: float  # between the libraries
    mine: float  # minitorch's error against PyTorch in float64; nan where there is none
    theirs: float
    agrees: bool
    note: str = ""


@dataclass(frozen=True, repr=False)
class Report:
    """What `check` found. It is true if all agrees, and prints as a table."""

    rows: tuple[Row, ...]
    dtype: str

    @property
    def agrees(self) -> bool:
        return all(row.agrees for row in self.rows)

    def __bool__(self) -> bool:
        return self.agrees

    def __str__(self) -> str:
        from rich.console import Console
        from rich.markup import escape
        from rich.table import Table

        title = f"minitorch and PyTorch in {self.dtype}, in units of the last place"
        table = Table("quantity", "shape", title=title, title_justify="left")
        for column in ("difference", "minitorch's error", "PyTorch's error", ""):
            table.add_column(column, justify="right")
        for row in self.rows:
            numbers = [_shown(x) for x in (row.difference, row.mine, row.theirs)]
            table.add_row(escape(row.quantity), row.shape, *numbers, "agree" if row.agrees else "differ")
        console = Console(width=130, color_system=None, force_terminal=False)
        with console.capture() as captured:
            console.print(table)
        text = captured.get() + ("They agree." if self.agrees else "They differ.")
        return "\n".join([text, *(f"{row.quantity}: {row.note}" for row in self.rows if row.note)])

    __repr__ = __str__

    def raise_if_different(self) -> None:
        """AssertionError with the table, unless all agrees."""
        if not self.agrees:
            raise AssertionError(f"minitorch and PyTorch differ\n{self}")


def _shown(x: float) -> str:
    return "" if math.isnan(x) else "equal" if x == 0 else f"{x:.3g}"


def check(
    build: Callable[..., Any],
    *inputs: Any,
    steps: int = 0,
    lr: float = 0.01,
    loss: Callable[..., Any] | None = None,
    seed: int = 0,
    dtype: str = "float32",
    tolerance: float = TOLERANCE,
) -> Report:
    """Run the same code in both libraries and compare every number on the way.

    build: `build(torch)` gives a module (or a function), which is called with the inputs; or `build(torch, *inputs)`
        computes the result itself. It runs after `manual_seed(seed)`.
    inputs: NumPy arrays (numbers and lists too); floating ones become tensors of `dtype` that require gradients.

    Compared are the parameters at the start; the result (any nest of tensors and numbers); the gradients of inputs and
    parameters, from a fixed random gradient of the result; and with `steps` that many steps of SGD at rate `lr`: each
    loss, and the parameters at the end. Training minimises `loss(torch, result)`; by default the result itself if it is
    one number, else its mean square distance from fixed random numbers.

    The truth is PyTorch in float64 on the same numbers. Two arrays agree if minitorch's largest error is at most twice
    PyTorch's and `tolerance` units (n + 1 times that after n steps); a unit is the last place of a value, or of how far
    it moves when the inputs do. Whole numbers, dtypes, shapes and the random generator's state at the end must be equal.
    An error in one library alone is a difference; the same type of error in both is raised.
    """
    try:
        import torch
    except ImportError as error:
        raise ImportError('parity.check needs PyTorch: `pip install "minitorch[parity]"` brings it') from error
    import minitorch

    if dtype not in DTYPES:
        raise ValueError(f"check: dtype must be one of {', '.join(DTYPES)}, but got {dtype!r}")
    if not isinstance(steps, int) or steps < 0:
        raise ValueError(f"check: steps must be a whole number from 0 on, but got {steps!r}")
    plan = _Plan(build, tuple(map(_array, inputs)), steps, lr, loss, seed, dtype)
    theirs, their_error = plan.run(torch)
    mine, my_error = plan.run(minitorch)
    if their_error is not None and type(their_error) is type(my_error):
        their_error.add_note("minitorch raises the same type of error: there is nothing to compare")
        raise their_error
    if their_error is not None or my_error is not None:
        note = f"PyTorch {_ended(their_error)}, minitorch {_ended(my_error)}"
        return Report((Row("error", "", math.nan, math.nan, math.nan, False, note),), dtype)
    if set(theirs) | set(mine) == {"random state"}:
        raise ValueError("check: build gave no tensor and no number in either library; did it forget to return?")
    truth = plan.truth(torch, theirs)
    names = [*theirs, *(name for name in mine if name not in theirs)]
    return Report(tuple(_row(n, mine, theirs, truth.get(n), tolerance * (plan.step_of(n) + 1)) for n in names), dtype)


def assert_parity(build: Callable[..., Any], *inputs: Any, **options: Any) -> None:
    """`check` as an assertion: AssertionError with the table if anything differs."""
    check(build, *inputs, **options).raise_if_different()


def _ended(error: Exception | None) -> str:
    return "raises nothing" if error is None else f"raises {type(error).__name__}: {error}"


def _array(x: Any) -> np.ndarray:
    if hasattr(x, "detach"):
        raise TypeError("check: inputs belong to neither library: pass NumPy arrays (x.detach().numpy()), not tensors")
    array = np.asarray(x)
    if array.dtype.kind not in "bif" and array.dtype != np.uint8:
        raise TypeError(f"check: inputs must be arrays of real or whole numbers or bools, but got dtype {array.dtype}")
    return array


# --- running


@dataclass(frozen=True)
class _Plan:
    """What is run in each library."""

    build: Callable[..., Any]
    inputs: tuple[np.ndarray, ...]
    steps: int
    lr: float
    loss: Callable[..., Any] | None
    seed: int
    dtype: str

    def __post_init__(self) -> None:
        if not callable(self.build) or hasattr(self.build, "state_dict"):
            raise TypeError(
                "check: build must be a function of the library, such as lambda torch: torch.nn.Linear(2, 1), "
                f"but got {type(self.build).__name__}"
            )
        signature, n = inspect.signature(self.build), len(self.inputs)
        if not (_binds(signature, 1 + n) or _binds(signature, 1)):
            raise TypeError(f"check: build takes (torch) or (torch, *inputs); with {n} inputs, {signature} is neither")

    def step_of(self, quantity: str) -> int:
        """How many steps lie before a quantity."""
        before, _, number = quantity.rpartition(", step ")
        return int(number) if before and number.isdigit() else 0

    def truth(self, torch: Any, theirs: dict[str, np.ndarray]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """PyTorch's float64 values of each floating quantity, and how sensitive they are.

        Nothing if the code fails there, or draws other random numbers: then it computes something else.
        """
        still, error = self.run(torch, precise=True)
        moved = [self.run(torch, precise=True, moves=np.random.default_rng(i))[0] for i in range(MOVES)]
        if error is not None or not np.array_equal(still["random state"], theirs["random state"]):
            return {}
        most = max((float(np.abs(a[np.isfinite(a)]).max(initial=0)) for a in self.inputs), default=0.0)
        known = {}
        for name, values in still.items():
            if values.dtype.kind == "f":
                others = [run[name] for run in moved if name in run and run[name].shape == values.shape]
                with np.errstate(all="ignore"):
                    sensitivity = np.max([np.zeros_like(values), *(np.abs(x - values) for x in others)], axis=0) / MOVE
                    jump = JUMP * max(most, 1.0, float(np.abs(values[np.isfinite(values)]).max(initial=0)))
                known[name] = values, np.where(sensitivity < jump, sensitivity, 0.0)
        return known

    def run(
        self, torch: Any, precise: bool = False, moves: np.random.Generator | None = None
    ) -> tuple[dict[str, np.ndarray], Exception | None]:
        """All quantities by name in the order in which they came to be, and what ended it early."""
        found: dict[str, np.ndarray] = {}
        state = torch.get_rng_state()
        try:
            torch.manual_seed(self.seed)
            self._run(torch, precise, moves, found)
            found["random state"] = torch.get_rng_state().numpy()
        except Exception as error:
            return found, error
        finally:
            torch.set_rng_state(state)
        return found, None

    def _run(self, torch: Any, precise: bool, moves: np.random.Generator | None, found: dict[str, np.ndarray]) -> None:
        own, work = getattr(torch, self.dtype), getattr(torch, "float64" if precise else self.dtype)

        def worked(tensor: Any) -> Any:
            """A floating tensor rounded to the dtype, in the one to work in, and moved if it is to be."""
            tensor = tensor.detach().to(own).to(work)
            if moves is None:
                return tensor
            return tensor * torch.from_numpy(np.asarray(1 + MOVE * moves.choice([-1.0, 1.0], tuple(tensor.shape))))

        tensors = []
        for array in self.inputs:
            tensor = torch.from_numpy(array.copy())
            tensors.append(worked(tensor).requires_grad_() if array.dtype.kind == "f" else tensor)
        module: Any = None
        if tensors and _binds(inspect.signature(self.build), 1 + len(tensors)):
            call = lambda: self.build(torch, *tensors)
        else:
            made = self.build(torch)
            if isinstance(made, torch.nn.Module):
                module = made = made.to(own).to(work)
                for p in module.parameters():
                    p.data = worked(p)
                found |= {f"initial {name}": _values(t) for name, t in module.state_dict().items()}
            elif tensors and not callable(made):
                raise TypeError(f"check: build(torch) gave a {type(made).__name__}, which does not take the inputs")
            call = (lambda: made(*tensors)) if callable(made) else (lambda: made)
        parameters = {} if module is None else dict(module.named_parameters())
        if self.steps and not any(p.requires_grad for p in parameters.values()):
            raise ValueError(f"check: steps={self.steps} needs a module with parameters to train")

        result = call()
        leaves = dict(_leaves(result, "result"))
        found |= {name: _values(leaf) for name, leaf in leaves.items()}
        outputs = [t for t in leaves.values() if isinstance(t, torch.Tensor) and t.requires_grad]
        if outputs:
            torch.autograd.backward(outputs, [self._random(torch, t) for t in outputs])
            sources = {f"input {i}": t for i, t in enumerate(tensors)} | parameters
            found |= {f"gradient of {n}": _values(t.grad) for n, t in sources.items() if t.grad is not None}
        if self.steps:
            self._train(torch, module, call, found)

    def _random(self, torch: Any, like: Any) -> Any:
        numbers = np.random.default_rng(0).standard_normal(tuple(like.shape)).astype(self.dtype)
        return torch.from_numpy(np.asarray(numbers)).to(like.dtype)

    def _train(self, torch: Any, module: Any, call: Callable[[], Any], found: dict[str, np.ndarray]) -> None:
        optimizer = torch.optim.SGD(module.parameters(), lr=self.lr)
        for step in range(self.steps):
            loss = self._loss(torch, call())
            found[f"loss, step {step}"] = _values(loss)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        found |= {f"{name}, step {self.steps}": _values(t) for name, t in module.state_dict().items()}

    def _loss(self, torch: Any, result: Any) -> Any:
        if self.loss is not None:
            return self.loss(torch, result)
        outputs = [t for _, t in _leaves(result, "") if isinstance(t, torch.Tensor) and t.requires_grad]
        if len(outputs) == 1 and outputs[0].numel() == 1:
            return outputs[0].reshape(())
        return sum(((t - self._random(torch, t)) ** 2).mean() for t in outputs)


def _binds(signature: inspect.Signature, n: int) -> bool:
    try:
        signature.bind(*range(n))
    except TypeError:
        return False
    return True


def _leaves(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    """(name, leaf) of everything in nested lists, tuples and dicts."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, f"{name}[{key!r}]")
    elif isinstance(value, list | tuple):
        for i, item in enumerate(value):
            yield from _leaves(item, f"{name}[{i}]")
    elif value is not None:
        yield name, value


def _values(leaf: Any) -> np.ndarray:
    if hasattr(leaf, "detach"):
        return leaf.detach().cpu().numpy().copy()
    if isinstance(leaf, bool | int | float | np.ndarray | np.generic):
        return np.array(leaf)
    raise TypeError(
        f"check: results must be tensors and numbers, in lists, tuples and dicts, not {type(leaf).__name__}"
    )


# --- judging


def _row(
    name: str,
    mine: dict[str, np.ndarray],
    theirs: dict[str, np.ndarray],
    known: tuple[np.ndarray, np.ndarray] | None,
    tolerance: float,
) -> Row:
    nan = math.nan
    if name not in mine or name not in theirs:
        return Row(name, "", nan, nan, nan, False, f"only {'PyTorch' if name in theirs else 'minitorch'} has it")
    a, b = mine[name], theirs[name]
    shape = str(tuple(b.shape))
    if a.shape != b.shape or a.dtype != b.dtype:
        note = f"{b.dtype} {shape} in PyTorch, {a.dtype} {tuple(a.shape)} in minitorch"
        return Row(name, shape, nan, nan, nan, False, note)
    if b.dtype.kind != "f":
        same = np.array_equal(a, b)
        return Row(name, shape, 0.0 if same else nan, nan, nan, same, "" if same else "not equal")
    if known is None or known[0].shape != b.shape:
        largest = np.abs(b[np.isfinite(b)]).max(initial=0)
        difference = worst_error(a, Truth(b.astype(np.float64), np.full(b.shape, float(largest)), "PyTorch"), b)
        errors, limit = (nan, nan), WITHOUT_TRUTH * tolerance / TOLERANCE
        agrees = difference <= limit
    else:
        difference = worst_error(a, Truth(b.astype(np.float64), np.fmax(np.abs(known[0]), known[1]), "PyTorch"), b)
        errors = worst_error(a, Truth(*known, "float64"), b), worst_error(b, Truth(*known, "float64"), b)
        limit = FACTOR * errors[1] + tolerance
        agrees = errors[0] <= limit or difference == 0
    note = "" if agrees else f"{difference:.3g} units apart, where {limit:.3g} are allowed"
    return Row(
        name, shape, difference, *errors, agrees, "nan or inf in other places" if math.isinf(difference) else note
    )
