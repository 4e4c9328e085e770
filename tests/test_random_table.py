"""Every function that draws, as programs call it: PyTorch's bytes, and PyTorch's state afterwards.

The rows are called for every dtype, sizes around the blocks of the normal kernel, and several seeds. Where PyTorch
refuses a dtype minitorch must, with the same type of error, and leave the generator alone.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_helpers import DTYPES, SEEDS, SIZES

import minitorch

pytestmark = pytest.mark.filterwarnings("ignore:.*is out of bounds:UserWarning")

KINDS = [str(kind) for kind in DTYPES]


def spread(t: Any, n: int, kind: Any, low: float, high: float) -> Any:
    """n numbers from low to high, without a draw."""
    return t.from_numpy(np.linspace(low, high, n, dtype=np.float32)).to(kind)


# name: f(t, n, kind, g) of the library, a size, a dtype and a generator
ROWS: dict[str, Any] = {
    "rand": lambda t, n, kind, g: t.rand(n, dtype=kind, generator=g),
    "randn": lambda t, n, kind, g: t.randn(n, dtype=kind, generator=g),
    "randn 2-d": lambda t, n, kind, g: t.randn((n, 3), dtype=kind, generator=g),
    "randint": lambda t, n, kind, g: t.randint(10, (n,), dtype=kind, generator=g),
    "randint bits": lambda t, n, kind, g: t.randint(0, 2, (n,), dtype=kind, generator=g),
    "randint negative": lambda t, n, kind, g: t.randint(-7, 100, (n,), dtype=kind, generator=g),
    "randint 2**28 - 1": lambda t, n, kind, g: t.randint(0, 2**28 - 1, (n,), dtype=kind, generator=g),
    "randint 2**28": lambda t, n, kind, g: t.randint(-5, 2**28 - 5, (n,), dtype=kind, generator=g),
    "randint 2**40": lambda t, n, kind, g: t.randint(-3, 2**40, (n,), dtype=kind, generator=g),
    "randint all": lambda t, n, kind, g: t.randint(-(2**63), 2**63 - 1, (n,), dtype=kind, generator=g),
    "randperm": lambda t, n, kind, g: t.randperm(n, dtype=kind, generator=g),
    "normal of numbers": lambda t, n, kind, g: t.normal(0.3, 2.0, (n,), dtype=kind, generator=g),
    "normal of a mean": lambda t, n, kind, g: t.normal(spread(t, n, kind, -2, 9), 0.7, generator=g),
    "normal of a std": lambda t, n, kind, g: t.normal(0.3, spread(t, n, kind, 0, 9), generator=g),
    "normal of both": lambda t, n, kind, g: t.normal(spread(t, n, kind, -2, 9), spread(t, n, kind, 0, 9), generator=g),
    "bernoulli": lambda t, n, kind, g: t.bernoulli(spread(t, n, kind, 0, 1), generator=g),
    "bernoulli p": lambda t, n, kind, g: t.bernoulli(t.zeros(n, dtype=kind), 0.3, generator=g),
    "multinomial of one": lambda t, n, kind, g: t.multinomial(spread(t, n, kind, 0, 5), 1, generator=g),
    "multinomial": lambda t, n, kind, g: t.multinomial(spread(t, n, kind, 1, 5), (n + 1) // 2, generator=g),
    "multinomial of all": lambda t, n, kind, g: t.multinomial(spread(t, n, kind, 0, 5), n, generator=g),
    "multinomial with": lambda t, n, kind, g: t.multinomial(spread(t, n, kind, 0, 5), n + 1, True, generator=g),
    "multinomial of rows": lambda t, n, kind, g: t.multinomial(spread(t, 3 * n, kind, 1, 5).view(3, n), 1, generator=g),
    "poisson": lambda t, n, kind, g: t.poisson(spread(t, n, kind, 0, 30), g),
    "rand_like": lambda t, n, kind, g: t.rand_like(t.zeros(n, dtype=kind), generator=g),
    "randn_like": lambda t, n, kind, g: t.randn_like(t.zeros(n, dtype=kind), generator=g),
    "randint_like": lambda t, n, kind, g: t.randint_like(t.zeros(n, dtype=kind), 2, 9, generator=g),
    "rand_like of another": lambda t, n, kind, g: t.rand_like(t.zeros(n, dtype=kind), dtype=t.float32, generator=g),
    "uniform_": lambda t, n, kind, g: t.zeros(n, dtype=kind).uniform_(generator=g),
    "uniform_ symmetric": lambda t, n, kind, g: t.zeros(n, dtype=kind).uniform_(-0.3, 0.3, generator=g),
    "uniform_ from to": lambda t, n, kind, g: t.zeros(n, dtype=kind).uniform_(0.7, to=2.9, generator=g),
    "uniform_ subnormal": lambda t, n, kind, g: t.zeros(n, dtype=kind).uniform_(0, 3e-45, generator=g),
    "normal_": lambda t, n, kind, g: t.zeros(n, dtype=kind).normal_(generator=g),
    "normal_ mean std": lambda t, n, kind, g: t.zeros(n, dtype=kind).normal_(1, std=2, generator=g),
    "normal_ rounded": lambda t, n, kind, g: t.zeros(n, dtype=kind).normal_(-0.3, 0.7, generator=g),
    "random_": lambda t, n, kind, g: t.zeros(n, dtype=kind).random_(generator=g),
    "random_ to": lambda t, n, kind, g: t.zeros(n, dtype=kind).random_(100, generator=g),
    "random_ from to": lambda t, n, kind, g: t.zeros(n, dtype=kind).random_(3, 90, generator=g),
    "random_ from": lambda t, n, kind, g: t.zeros(n, dtype=kind).random_(5, None, generator=g),
    "random_ all": lambda t, n, kind, g: t.zeros(n, dtype=kind).random_(-(2**63), None, generator=g),
    "bernoulli_": lambda t, n, kind, g: t.zeros(n, dtype=kind).bernoulli_(generator=g),
    "bernoulli_ p": lambda t, n, kind, g: t.zeros(n, dtype=kind).bernoulli_(0.2, generator=g),
    "bernoulli_ p float32": lambda t, n, kind, g: t.zeros(n, dtype=kind).bernoulli_(
        spread(t, n, t.float32, 0, 1), generator=g
    ),
    "bernoulli_ p float64": lambda t, n, kind, g: t.zeros(n, dtype=kind).bernoulli_(
        spread(t, n, t.float64, 0, 1), generator=g
    ),
    "bernoulli_ p of no dimension": lambda t, n, kind, g: t.zeros(n, dtype=kind).bernoulli_(t.tensor(0.2), generator=g),
    "exponential_": lambda t, n, kind, g: t.zeros(n, dtype=kind).exponential_(generator=g),
    "exponential_ lambd": lambda t, n, kind, g: t.zeros(n, dtype=kind).exponential_(0.4, generator=g),
    "log_normal_": lambda t, n, kind, g: t.zeros(n, dtype=kind).log_normal_(generator=g),
    "log_normal_ mean std": lambda t, n, kind, g: t.zeros(n, dtype=kind).log_normal_(0.5, 0.1, generator=g),
    "geometric_": lambda t, n, kind, g: t.zeros(n, dtype=kind).geometric_(0.3, generator=g),
    "cauchy_": lambda t, n, kind, g: t.zeros(n, dtype=kind).cauchy_(generator=g),
    "cauchy_ median sigma": lambda t, n, kind, g: t.zeros(n, dtype=kind).cauchy_(0.5, 2, generator=g),
}
DEFAULT = object()  # the global generator


def drawn(library: Any, row: str, n: int, kind: str, g: Any) -> Any:
    """The dtype, shape, and bytes that the row gives, or its type of error."""
    try:
        x = ROWS[row](library, n, getattr(library, kind), g)
    except Exception as error:
        return type(error)
    return str(x.dtype), tuple(x.shape), x.numpy().tobytes()


def both(row: str, n: int, kind: str, seed: int) -> Any:
    results = []
    for library in (torch, minitorch):
        g = library.Generator().manual_seed(seed)
        results.append((drawn(library, row, n, kind, g), g.get_state().numpy().tobytes()))
    (theirs, their_state), (ours, our_state) = results
    assert ours == theirs, f"{row}, {n} x {kind}, seed {seed}"
    assert our_state == their_state, f"state after {row}, {n} x {kind}, seed {seed}"
    return theirs


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("kind", KINDS)
def test_bytes_and_state(row: str, kind: str) -> None:
    for n, seed in itertools.product(SIZES, SEEDS):
        if n > 1000 and seed not in SEEDS[1:3]:
            continue
        both(row, n, kind, seed)


def test_every_row_draws_for_some_dtype() -> None:
    """A row whose lambda is wrong would agree with PyTorch about the error."""
    for row in ROWS:
        accepted = [kind for kind in KINDS if not isinstance(both(row, 16, kind, 3), type)]
        assert accepted, row
        if not row.startswith(("multinomial", "rand_like of")):
            assert len({both(row, 16, kind, seed) for kind in accepted[-1:] for seed in (3, 4)}) == 2, row


@pytest.mark.parametrize("row", ROWS)
def test_without_a_generator_the_global_one_is_drawn_from(row: str) -> None:
    kind = next(kind for kind in ("float32", "int64") if not isinstance(both(row, 16, kind, 3), type))
    results = []
    for library in (torch, minitorch):
        library.manual_seed(11)
        results.append([drawn(library, row, 33, kind, None), library.get_rng_state().numpy().tobytes()])
    assert results[0] == results[1]
    own = minitorch.Generator().manual_seed(11)
    before = minitorch.get_rng_state().numpy().tobytes()
    assert drawn(minitorch, row, 33, kind, own) == results[1][0]
    assert minitorch.get_rng_state().numpy().tobytes() == before


# --- layouts that are not index order

LAYOUTS = {
    "transposed": lambda x: x.transpose(0, 1),
    "permuted": lambda x: x.permute(2, 0, 1),
    "every other": lambda x: x[:, ::2],
    "every other, transposed": lambda x: x.transpose(0, 2)[1:, :, ::2],
    "expanded": lambda x: x[:, :1].expand(6, 5, 7),
}
LIKE = {
    "rand_like": lambda t, x, g: t.rand_like(x, generator=g),
    "rand_like contiguous": lambda t, x, g: t.rand_like(x, generator=g, memory_format=t.contiguous_format),
    "randn_like": lambda t, x, g: t.randn_like(x, generator=g),
    "randint_like": lambda t, x, g: t.randint_like(x, 100, generator=g),
    "bernoulli": lambda t, x, g: t.bernoulli(x, generator=g),
    "poisson": lambda t, x, g: t.poisson(x, generator=g),
    "normal": lambda t, x, g: t.normal(x, x, generator=g),
}
INTO = {
    name: lambda t, x, g, name=name, args=args: getattr(x, name)(*args, generator=g)
    for name, args in {
        "uniform_": (-1, 3),
        "normal_": (1, 2),
        "random_": (),
        "bernoulli_": (0.4,),
        "exponential_": (),
        "log_normal_": (),
        "geometric_": (0.5,),
        "cauchy_": (),
    }.items()
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", [*LIKE, *INTO])
def test_memory_order(name: str, layout: str) -> None:
    if layout == "expanded" and name in INTO:
        return  # refused; see test_random.py
    results = []
    for library in (torch, minitorch):
        g = library.Generator().manual_seed(1)
        x = LAYOUTS[layout](library.full((6, 5, 7), 0.6))
        y = {**LIKE, **INTO}[name](library, x, g)
        results.append([tuple(y.shape), y.stride(), y.numpy().tobytes(), g.get_state().numpy().tobytes()])
    assert results[0] == results[1]


ON_CUDA = {
    **LIKE,
    **INTO,
    "multinomial": lambda t, x, g: t.multinomial(x.reshape(-1)[:50], 20, generator=g),
    "bernoulli_ of a tensor": lambda t, x, g: x.bernoulli_(x.clone(), generator=g),
    "rrelu": lambda t, x, g: t.rrelu(x - 0.6, training=True, generator=g),
    "dropout": lambda t, x, g: t.nn.functional.dropout(x, 0.4),
    "alpha_dropout": lambda t, x, g: t.nn.functional.alpha_dropout(x, 0.4, True),
    "feature_alpha_dropout": lambda t, x, g: t.nn.functional.feature_alpha_dropout(x, 0.4, True),
}


@pytest.mark.parametrize("layout", ["contiguous", *LAYOUTS])
@pytest.mark.parametrize("name", ON_CUDA)
def test_cuda_draws_what_the_cpu_draws(name: str, layout: str, cuda: str) -> None:
    """On the host, in the order of the GPU's memory."""
    if layout == "expanded" and (name in INTO or "_ of" in name):
        return
    results = []
    for device in ("cpu", "cuda"):
        minitorch.manual_seed(3)
        g = minitorch.Generator().manual_seed(4)
        x = {"contiguous": lambda x: x, **LAYOUTS}[layout](minitorch.full((6, 5, 7), 0.6, device=device))
        y = ON_CUDA[name](minitorch, x, g)
        assert y.device.type == device
        results.append(y.cpu().numpy())
    assert results[0].dtype == results[1].dtype
    np.testing.assert_array_equal(results[0], results[1])


# --- long sequences of calls

steps = st.one_of(
    st.tuples(st.just("row"), st.sampled_from(sorted(ROWS)), st.sampled_from([*SIZES[:-1], 7, 100]), st.booleans()),
    st.tuples(st.just("dropout"), st.sampled_from(["float32", "float64"]), st.integers(0, 50), st.booleans()),
    st.tuples(st.just("linear"), st.integers(1, 20), st.integers(1, 20), st.booleans()),
    st.tuples(st.just("seed"), st.integers(-(2**63), 2**64 - 1), st.none(), st.booleans()),
    st.tuples(st.just("state"), st.none(), st.none(), st.booleans()),
    st.tuples(st.just("clone"), st.none(), st.none(), st.booleans()),
    st.tuples(st.just("fork"), st.sampled_from(sorted(ROWS)), st.integers(0, 40), st.booleans()),
    st.tuples(st.just("loader"), st.integers(1, 40), st.integers(1, 9), st.booleans()),
)


class Program:
    """Runs steps in one library, with the global generator and one of its own."""

    def __init__(self, library: Any, seed: int) -> None:
        self.library = library
        library.manual_seed(seed)
        self.own = library.Generator().manual_seed(seed // 2)
        self.outcome: list[Any] = []

    def states(self) -> list[bytes]:
        return [self.library.get_rng_state().numpy().tobytes(), self.own.get_state().numpy().tobytes()]

    def run(self, step: tuple[Any, ...]) -> None:
        what, a, b, own = step
        t, g = self.library, self.own if own else None
        if what == "row":
            kind = "int64" if a.startswith(("randint", "randperm", "random_")) else "float32"
            self.outcome.append(drawn(t, a, b, kind, g))
        elif what == "dropout":
            self.outcome.append(t.nn.functional.dropout(t.ones(b, 3, dtype=getattr(t, a)), 0.3).numpy().tobytes())
        elif what == "linear":
            self.outcome += [p.detach().numpy().tobytes() for p in t.nn.Linear(a, b, bias=own).parameters()]
        elif what == "seed":
            (self.own if own else t).manual_seed(a)
        elif what == "state":
            if own:
                self.own.set_state(t.get_rng_state())
            else:
                t.set_rng_state(self.own.get_state())
        elif what == "clone":
            self.own = self.own.clone_state() if own else t.default_generator.clone_state()
        elif what == "fork":
            with t.random.fork_rng(enabled=own):
                self.outcome.append(drawn(t, a, b, "float32", None))
        elif what == "loader":
            loader = t.utils.data.DataLoader(range(a), b, shuffle=True, generator=g)
            self.outcome += [batch.tolist() for batch in loader]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**63), st.lists(steps, max_size=25))
def test_long_programs_stay_equal(seed: int, program: list[tuple[Any, ...]]) -> None:
    theirs, ours = Program(torch, seed), Program(minitorch, seed)
    for step in program:
        theirs.run(step)
        ours.run(step)
        assert ours.outcome == theirs.outcome, step
        assert ours.states() == theirs.states(), step
        theirs.outcome, ours.outcome = [], []
