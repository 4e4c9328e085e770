"""Random streams: the same seed gives the same bits, and leaves the generator at the same place."""

from __future__ import annotations

from typing import Any

from parity.case import Case, case, family, positive, probability, real

KINDS = ("float32", "float64", "float16")


def stream(name: str, draw: Any, *draws: Any, **options: Any) -> Case:
    """The numbers drawn, twice, and the state after them."""
    return case(name, lambda t, *xs: (draw(t, *xs), draw(t, *xs), t.get_rng_state()), *draws, **options)


def filled(name: str, **arguments: Any) -> list[Case]:
    """A filling method on tensors of 5, of 100 and of 2 x 3 elements of every floating dtype."""
    fill = lambda t: [
        getattr(t.empty(n, dtype=getattr(t, kind)), name)(**arguments) for kind in KINDS for n in ((5,), (100,), (2, 3))
    ]
    words = " ".join(f"{k}={v}" for k, v in arguments.items())
    return [stream(f"{name} {words}".strip(), fill)]


def initialised(name: str, shape: tuple[int, ...] = (6, 5), **arguments: Any) -> Case:
    """A function of nn.init on a fresh tensor."""
    words = " ".join([*([] if shape == (6, 5) else [str(shape)]), *(f"{k}={v}" for k, v in arguments.items())])
    return stream(
        f"init.{name} {words}".strip(), lambda t: getattr(t.nn.init, name)(t.empty(*shape).fill_(0.5), **arguments)
    )


def states(t: Any) -> Any:
    """Seeding, saving and restoring, in both the default generator and one of its own."""
    t.manual_seed(7)
    saved = t.get_rng_state()
    first = t.rand(3)
    t.set_rng_state(saved)
    again = t.rand(3)
    own = t.Generator()
    own.manual_seed(5)
    kept, drawn = own.get_state(), t.randn(3, generator=own)
    own.set_state(kept)
    modern = t.Generator("cpu").manual_seed(5).clone_state()
    same = t.randn(3, generator=modern)
    t.random.manual_seed(3)
    with t.random.fork_rng():
        inner = t.rand(2)
    outer = t.rand(2)
    return (
        [first, again, drawn, t.randn(3, generator=own), same, inner, outer, t.initial_seed(), own.initial_seed()],
        [own.device, t.default_generator.initial_seed(), t.random.initial_seed(), t.random.get_rng_state()],
        t.random.set_rng_state(saved),
        [isinstance(t.seed(), int), isinstance(own.seed(), int), isinstance(t.random.seed(), int)],
    )


def own_generator(t: Any, p: Any, x: Any) -> Any:
    """Every function that draws, from a generator of its own: the default one stays where it is."""
    g = t.Generator().manual_seed(3)
    e = lambda: t.empty(5)
    return [
        e().uniform_(generator=g), e().normal_(generator=g), e().exponential_(generator=g), e().log_normal_(generator=g),
        e().cauchy_(generator=g), e().geometric_(0.3, generator=g), e().bernoulli_(0.4, generator=g), e().bernoulli_(p, generator=g),
        e().random_(generator=g), e().random_(9, generator=g), t.bernoulli(p, generator=g), t.poisson(x, generator=g),
        t.multinomial(p, 2, generator=g), t.multinomial(p, 9, True, generator=g), t.normal(x, x, generator=g), t.randperm(9, generator=g),
        t.randint(9, (5,), generator=g), t.rand(5, generator=g), t.randn(20, generator=g), t.nn.init.xavier_normal_(t.empty(3, 4), generator=g),
        t.rrelu(-x, 0.1, 0.5, True, generator=g), g.get_state(),
    ]  # fmt: skip


def initialised_from(t: Any) -> Any:
    """Every function of nn.init that draws, from a generator of its own."""
    g, init, e = t.Generator().manual_seed(3), t.nn.init, lambda: t.empty(20, 30)
    return [
        init.uniform_(e(), generator=g), init.normal_(e(), generator=g), init.trunc_normal_(e(), generator=g),
        init.trunc_normal_(e(), 0.2, 0.5, 0.9, 1.3, generator=g), init.sparse_(e(), 0.5, generator=g),
        init.xavier_uniform_(e(), generator=g), init.xavier_normal_(e(), generator=g),
        init.kaiming_uniform_(e(), generator=g), init.kaiming_normal_(e(), generator=g), g.get_state(),
    ]  # fmt: skip


def seeded_anew(t: Any) -> Any:
    """A seed forgets the second normal of the last pair."""
    t.manual_seed(1)
    first = t.randn(3)
    t.manual_seed(2)
    return first, t.randn(3), t.get_rng_state()


def waiting_normal(t: Any) -> Any:
    """Normals are born in pairs: the state holds the second one of the last."""
    first = t.randn(3)
    saved = t.get_rng_state()
    return [first, t.randn(3), saved, t.set_rng_state(saved), t.randn(3)]


def other_layouts(t: Any) -> Any:
    """Numbers go where memory has its place, not in the order of the indices."""
    drawn = []
    for fill in ("uniform_", "normal_", "exponential_"):
        whole = t.zeros(6, 8)
        drawn += [getattr(t.zeros(4, 5).t(), fill)(), getattr(whole[::2, 1:5], fill)(), whole]
        drawn.append(getattr(t.zeros(2, 3, 4).permute(2, 0, 1), fill)())
    return drawn


CASES = family(
    "random",
    stream("rand", lambda t: [t.rand(3), t.rand(2, 50), t.rand(5, dtype=t.float64), t.rand(3, dtype=t.float16)]),
    stream("randn", lambda t: [t.randn(3), t.randn(40), t.randn(20, dtype=t.float64), t.randn(2, 3)]),
    stream("randn of many", lambda t: t.randn(10_007)),
    stream("rand of many", lambda t: t.rand(10_007, dtype=t.float64)),
    stream("randint", lambda t: [t.randint(10, (5,)), t.randint(-3, 4, (20,)), t.randint(0, 2**40, (5,)), t.randint(2, (3,), dtype=t.float32)]),
    stream("randperm", lambda t: [t.randperm(10), t.randperm(1000), t.randperm(5, dtype=t.int32)]),
    stream("*_like", lambda t: [t.rand_like(t.ones(2, 3)), t.randn_like(t.ones(40)), t.randint_like(t.ones(5), 3, 9)]),
    stream("normal", lambda t, m, s: [t.normal(m, s), t.normal(m, 2.0), t.normal(0.5, s), t.normal(1.0, 2.0, (5,))], real(20), positive(20)),
    stream("bernoulli", lambda t, p: [t.bernoulli(p), t.bernoulli(p, 0.3), p.bernoulli()], probability(50)),
    stream("poisson", lambda t, x: [t.poisson(x), t.poisson(x * 20)], positive(30)),
    stream("multinomial", lambda t, p: [t.multinomial(p, 3), t.multinomial(p, 20, replacement=True), p.multinomial(2)], probability(3, 6)),
    stream("generator", lambda t: t.rand(3, generator=t.Generator().manual_seed(11))),
    *filled("uniform_"), *filled("normal_"), *filled("exponential_"), *filled("log_normal_"), *filled("cauchy_"),
    *filled("geometric_", p=0.3), *filled("bernoulli_"), *filled("random_"), *filled("bernoulli_", p=0.2),
    stream("uniform_ a b", lambda t: t.empty(30).uniform_(-1, 3)),
    stream("normal_ mean std", lambda t: t.empty(30).normal_(2, 0.5)),
    stream("exponential_ rate", lambda t: t.empty(30).exponential_(2.5)),
    stream("cauchy_ median sigma", lambda t: t.empty(30).cauchy_(1, 2)),
    stream("log_normal_ mean std", lambda t: t.empty(30).log_normal_(0.5, 0.25)),
    stream("random_ bounds", lambda t: [t.empty(9, dtype=t.int64).random_(5), t.empty(9).random_(-4, 4), t.empty(9, dtype=t.uint8).random_()]),
    stream("bernoulli_ tensor", lambda t, p: t.empty(50).bernoulli_(p), probability(50)),
    stream("generator everywhere", own_generator, probability(5), positive(5)),
    stream("into other layouts", other_layouts),
    stream("normal_ of 16 and more", lambda t: [t.empty(n, dtype=getattr(t, kind)).normal_(0.3, 2) for kind in KINDS for n in (15, 16, 17, 40)]),
    stream("uniform_ bounds", lambda t: [t.empty(300, dtype=getattr(t, kind)).uniform_(a, b) for kind in KINDS for a, b in ((0, 3), (-2, 2), (1, 4), (-0.1, 0.7))]),
    stream("bernoulli_ float64", lambda t, p: t.empty(50).bernoulli_(p.double()), probability(50)),
    stream("normal_ of any width", lambda t: [t.empty(1000, dtype=getattr(t, kind)).normal_(0.3, 0.7) for kind in KINDS]),
    stream("many halves", lambda t: t.empty(100_000, dtype=t.float16).cauchy_()),
    case("states", states),
    case("state between two normals", waiting_normal),
    case("seeded between two normals", seeded_anew),
    order=0, exact=True, dtypes=("float32",),
)  # fmt: skip

INIT = family(
    "init",
    *[initialised(name) for name in (
        "uniform_ normal_ trunc_normal_ ones_ zeros_ eye_ xavier_uniform_ xavier_normal_ kaiming_uniform_ kaiming_normal_"
    ).split()],
    initialised("uniform_", a=-0.5, b=0.25),
    initialised("normal_", mean=1.0, std=0.1),
    initialised("trunc_normal_", mean=0.2, std=0.5, a=-0.3, b=0.4),
    initialised("trunc_normal_", (40, 50), mean=0.2, std=0.5, a=-0.3, b=0.4),
    initialised("trunc_normal_", (40, 50), mean=0.2, std=0.5, a=-1.0, b=-0.9),
    initialised("trunc_normal_", (40, 50), mean=-0.2, std=0.5, a=0.9, b=1.3),
    initialised("trunc_normal_", (40, 50), mean=0.2, std=0.1, a=0.19, b=0.25),
    # [a, b] holds a little more than 30 % of the mass, and a little less.
    initialised("trunc_normal_", mean=0.2, std=0.5, a=-0.3, b=0.1481),
    initialised("trunc_normal_", mean=0.2, std=0.5, a=-0.3, b=0.14808),
    initialised("trunc_normal_", (40, 50), mean=100.0, std=0.1, a=99.99, b=100.02),
    initialised("trunc_normal_", mean=2.0, std=0.001),
    stream("init.trunc_normal_ of halves", lambda t: t.nn.init.trunc_normal_(t.empty(40, 50, dtype=t.float16), 0.2, 0.3, 0.5, 0.9)),
    initialised("trunc_normal_", mean=-2.0, std=0.001),
    initialised("constant_", val=0.7),
    initialised("dirac_", (4, 3, 5)),
    initialised("dirac_", (6, 2, 5)),
    initialised("kaiming_uniform_", (6, 5, 3)),
    initialised("kaiming_normal_", (1, 4, 3), a=0.3),
    initialised("xavier_normal_", (6, 5, 2, 3)),
    initialised("orthogonal_", (0, 3)),
    initialised("dirac_", (4, 3, 3)),
    initialised("dirac_", (4, 2, 3, 3), groups=2),
    initialised("sparse_", sparsity=0.4),
    initialised("sparse_", sparsity=0.5),
    stream("init.* from a generator", initialised_from),
    initialised("xavier_uniform_", gain=2.0),
    initialised("kaiming_uniform_", (6, 5, 3), a=0.3, mode="fan_out"),
    initialised("kaiming_normal_", nonlinearity="relu"),
    *[initialised(name) for name in "uniform normal eye xavier_uniform xavier_normal kaiming_uniform kaiming_normal".split()],
    initialised("constant", val=0.7), initialised("dirac", (4, 3, 3)), initialised("sparse", sparsity=0.4),
    case("calculate_gain", lambda t: [t.nn.init.calculate_gain(n) for n in ("linear", "sigmoid", "tanh", "relu", "leaky_relu", "selu")]),
    case("calculate_gain param", lambda t: t.nn.init.calculate_gain("leaky_relu", 0.3)),
    order=0, exact=True, dtypes=(),
)  # fmt: skip

# Orthogonal matrices come from a QR decomposition: to rounding.
ORTHOGONAL = family(
    "init",
    case("init.orthogonal_", lambda t: [t.nn.init.orthogonal_(t.empty(4, 6)), t.nn.init.orthogonal_(t.empty(6, 3), gain=2.0)]),
    case("init.orthogonal_ float64", lambda t: t.nn.init.orthogonal_(t.empty(4, 2, 3, dtype=t.float64))),
    case("init.orthogonal_ from a generator", lambda t: t.nn.init.orthogonal_(t.empty(6, 3), generator=t.Generator().manual_seed(3))),
    case("init.orthogonal", lambda t: t.nn.init.orthogonal(t.empty(3, 3))),
    order=0, dtypes=(), size=1.0,
)  # fmt: skip
