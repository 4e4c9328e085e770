"""Schedulers from any epoch, fresh, saved and loaded, on Adam's betas, and by a metric that moves just enough."""

from __future__ import annotations

from typing import Any

from parity.case import Case, case, family


def optimizer_of(t: Any, name: str = "SGD", **options: Any) -> Any:
    """Two groups of different rates."""
    parameters = [t.nn.Parameter(t.ones(2)) for _ in range(2)]
    return getattr(t.optim, name)(
        [{"params": [parameters[0]]}, {"params": [parameters[1]], "lr": 0.3}], lr=0.1, **options
    )


def shown(optimizer: Any) -> Any:
    """Everything of the groups but their parameters."""
    return [{k: v for k, v in g.items() if k in SHOWN} for g in optimizer.param_groups]


SHOWN = ("lr", "momentum", "betas", "initial_lr", "max_lr", "min_lr", "base_momentum", "max_momentum")


def state_of(scheduler: Any) -> Any:
    """What can be compared of a state_dict."""
    plain = int | float | str | bool | list | tuple | dict | None
    return {k: v for k, v in sorted(scheduler.state_dict().items()) if isinstance(v, plain) and k in KEPT}


KEPT = (
    "last_epoch",
    "base_lrs",
    "best",
    "num_bad_epochs",
    "cooldown_counter",
    "_last_lr",
    "T_cur",
    "T_i",
    "lr_lambdas",
    "total_steps",
    "min_lrs",
    "_scale_fn_custom",
    "scale_mode",
)


def at_epochs(name: str, make: Any, *epochs: float) -> Case:
    """`step(epoch)`, there and back."""

    def run(t: Any) -> Any:
        optimizer = optimizer_of(t)
        scheduler = make(t.optim.lr_scheduler, optimizer)
        seen = [shown(optimizer)]
        for epoch in epochs or (1, 2, 3, 4, 5, 9, 10, 30, 7, 0):
            scheduler.step(epoch)
            seen.append((shown(optimizer), scheduler.last_epoch))
        return seen

    return case(f"{name} at epochs", run)


def loaded(name: str, make: Any, optimizer: str = "SGD", metrics: Any = None, **options: Any) -> Case:
    """Fresh; after some steps; the state in a second one, which goes on."""

    def run(t: Any) -> Any:
        make_both = lambda: (o := optimizer_of(t, optimizer, **options), make(t.optim.lr_scheduler, o))
        (first, one), (second, two) = make_both(), make_both()
        seen = [shown(first), one.get_last_lr(), state_of(one), one.optimizer is first]
        for i in range(12):
            first.step()
            one.step(*([] if metrics is None else [metrics[i]]))
            seen.append((shown(first), one.get_last_lr(), state_of(one) if metrics else None))
        seen.append(state_of(one))
        second.load_state_dict(first.state_dict())
        two.load_state_dict(one.state_dict())
        for i in range(12, 24):
            second.step()
            two.step(*([] if metrics is None else [metrics[i]]))
            seen.append((shown(second), two.get_last_lr()))
        return [*seen, state_of(two)]

    return case(f"{name} saved and loaded", run)


class Decay:
    """A callable object: its attributes are part of a scheduler's state."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.epochs: tuple[float, ...] = ()

    def __call__(self, epoch: float) -> float:
        if epoch not in self.epochs:
            self.epochs = (*self.epochs, epoch)
        return float(self.rate**epoch) + len(self.epochs) / 1000


# Better by a little more or less than the threshold; equal; worse; twice the cooldown.
FALLING = [
    1.0,
    0.9995,
    0.99,
    0.9899,
    0.98895,
    1.0,
    1.0,
    1.0,
    0.5,
    0.5,
    0.5,
    0.5,
    0.5,
    0.4999,
    0.6,
    0.6,
    0.6,
    0.6,
    0.2,
    0.199,
    0.3,
    0.3,
    0.3,
    0.3,
]
RISING = [5 * (2 - m) for m in FALLING]


def plateau(words: str, metrics: list[float], **options: Any) -> Case:
    make = lambda s, o: s.ReduceLROnPlateau(o, **options)
    return loaded(f"ReduceLROnPlateau {words}".strip(), make, metrics=metrics)


def resumed(name: str, make: Any) -> Case:
    """From the fourth epoch on, in a program that was started anew."""

    def run(t: Any) -> Any:
        optimizer = optimizer_of(t, momentum=0.8)
        for group in optimizer.param_groups:
            group |= {
                "initial_lr": 2 * group["lr"],
                "max_lr": 0.5,
                "min_lr": 0.001,
                "base_momentum": 0.7,
                "max_momentum": 0.9,
            }
        scheduler = make(t.optim.lr_scheduler, optimizer, 4)
        seen = [(shown(optimizer), scheduler.get_last_lr(), scheduler.last_epoch)]
        for _ in range(9):
            optimizer.step()
            scheduler.step()
            seen.append((shown(optimizer), scheduler.get_last_lr(), scheduler.last_epoch))
        return seen

    return case(f"{name} resumed", run)


def loaded_by_another(t: Any) -> Any:
    """The state of one CyclicLR in another of other options."""
    s, seen = t.optim.lr_scheduler, []
    for kept, fresh in (
        ({"mode": "triangular2"}, {}),
        ({"mode": "exp_range", "gamma": 0.9}, {}),
        ({}, {"scale_fn": Decay(0.9)}),
        ({"scale_fn": Decay(0.9)}, {"scale_fn": Decay(0.7)}),
    ):
        (first, one), (second, two) = (
            (o := optimizer_of(t, momentum=0.8), s.CyclicLR(o, 0.01, 0.1, 3, **options)) for options in (kept, fresh)
        )
        for _ in range(8):
            first.step()
            one.step()
        second.load_state_dict(first.state_dict())
        two.load_state_dict(one.state_dict())
        for _ in range(8):
            second.step()
            two.step()
            seen.append(shown(second))
    return seen


def rates_in_mode(t: Any, mode: str, scale_mode: str) -> Any:
    optimizer = optimizer_of(t, momentum=0.8)
    scheduler = t.optim.lr_scheduler.CyclicLR(optimizer, 0.01, 0.1, 3, mode=mode, gamma=0.9, scale_mode=scale_mode)
    seen = []
    for _ in range(14):
        optimizer.step()
        scheduler.step()
        seen.append(shown(optimizer))
    return seen, scheduler.scale_mode


def regrouped(t: Any) -> Any:
    """A group that is added later, to a scheduler that watches a metric."""
    optimizer = optimizer_of(t)
    scheduler = t.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, factor=0.5, min_lr=0.06)
    optimizer.add_param_group({"params": [t.nn.Parameter(t.ones(1))], "lr": 0.8})
    for metric in (1.0, 1.0, 2.0, 2.0):
        scheduler.step(metric)
    return shown(optimizer), scheduler.get_last_lr(), scheduler.min_lrs


def before_a_step(t: Any, resumed_from: int = -1) -> Any:
    """What get_lr() says when no step has been made."""
    optimizer = optimizer_of(t)
    for group in optimizer.param_groups:
        group["initial_lr"] = 2 * group["lr"]
    scheduler = t.optim.lr_scheduler.CosineAnnealingLR(optimizer, 9, 0.01, last_epoch=resumed_from)
    return scheduler.get_lr(), shown(optimizer)


def cycles_of_own_rates(t: Any) -> Any:
    """The momenta that a cycle begins with, where a subclass gives the rates and leaves the momenta alone."""
    seen = []
    for kind, options in (("OneCycleLR", {"total_steps": 9}), ("CyclicLR", {"base_lr": 0.01})):
        own = type(kind, (getattr(t.optim.lr_scheduler, kind),), {"get_lr": lambda self: [0.1, 0.2]})
        for name, momentum in ("SGD", {"momentum": 0.8}), ("Adam", {}):
            optimizer = optimizer_of(t, name, **momentum)
            own(optimizer, max_lr=0.5, **options)
            seen.append(shown(optimizer))
    return seen


CASES = family(
    "scheduler",
    at_epochs("StepLR", lambda s, o: s.StepLR(o, 3, 0.37)),
    at_epochs("MultiStepLR", lambda s, o: s.MultiStepLR(o, [3, 9, 9, 20], gamma=0.7)),
    at_epochs("ConstantLR", lambda s, o: s.ConstantLR(o, 0.7, 5)),
    at_epochs("LinearLR", lambda s, o: s.LinearLR(o, 0.1, 0.3, 9)),
    at_epochs("ExponentialLR", lambda s, o: s.ExponentialLR(o, 0.93)),
    at_epochs("CosineAnnealingLR", lambda s, o: s.CosineAnnealingLR(o, 9, eta_min=1e-3)),
    at_epochs("PolynomialLR", lambda s, o: s.PolynomialLR(o, 9, 0.9)),
    at_epochs("CosineAnnealingWarmRestarts", lambda s, o: s.CosineAnnealingWarmRestarts(o, 3, 2, 0.01), 0.5, 2.75, 3, 3.25, 8.5, 9, 9.5, 21.5, 60, 92.95, 2999, 1),
    at_epochs("CosineAnnealingWarmRestarts three times as long", lambda s, o: s.CosineAnnealingWarmRestarts(o, 3, 3), 2.5, 3, 11.75, 12, 38.97, 39, 120.5, 2),
    at_epochs("CosineAnnealingWarmRestarts of one length", lambda s, o: s.CosineAnnealingWarmRestarts(o, 3), 0.5, 2.75, 3, 3.25, 8.5, 60, 1),
    resumed("LambdaLR", lambda s, o, e: s.LambdaLR(o, lambda i: 0.8**i, last_epoch=e)),
    resumed("MultiplicativeLR", lambda s, o, e: s.MultiplicativeLR(o, lambda i: 0.8, last_epoch=e)),
    resumed("StepLR", lambda s, o, e: s.StepLR(o, 3, 0.37, last_epoch=e)),
    resumed("MultiStepLR", lambda s, o, e: s.MultiStepLR(o, [3, 5, 9], last_epoch=e)),
    resumed("ConstantLR", lambda s, o, e: s.ConstantLR(o, 0.5, 7, last_epoch=e)),
    resumed("LinearLR", lambda s, o, e: s.LinearLR(o, 0.5, 0.9, 7, last_epoch=e)),
    resumed("ExponentialLR", lambda s, o, e: s.ExponentialLR(o, 0.9, last_epoch=e)),
    resumed("PolynomialLR", lambda s, o, e: s.PolynomialLR(o, 9, last_epoch=e)),
    resumed("CosineAnnealingLR", lambda s, o, e: s.CosineAnnealingLR(o, 9, 0.01, last_epoch=e)),
    resumed("CosineAnnealingWarmRestarts", lambda s, o, e: s.CosineAnnealingWarmRestarts(o, 6, 2, last_epoch=e)),
    resumed("OneCycleLR", lambda s, o, e: s.OneCycleLR(o, 0.5, 20, last_epoch=e)),
    resumed("CyclicLR", lambda s, o, e: s.CyclicLR(o, 0.01, 0.1, 3, last_epoch=e)),
    case("CyclicLR loaded by another", loaded_by_another),
    case("CyclicLR in a mode of its own scale", lambda t: [
        rates_in_mode(t, mode, scale) for mode in ("triangular", "triangular2", "exp_range") for scale in ("cycle", "iterations")
    ]),
    loaded("LambdaLR", lambda s, o: s.LambdaLR(o, [Decay(0.9), lambda i: 0.8**i])),
    loaded("MultiplicativeLR", lambda s, o: s.MultiplicativeLR(o, Decay(0.9))),
    loaded("StepLR", lambda s, o: s.StepLR(o, 3, 0.37)),
    loaded("MultiStepLR", lambda s, o: s.MultiStepLR(o, [3, 9, 20])),
    loaded("ConstantLR", lambda s, o: s.ConstantLR(o)),
    loaded("LinearLR", lambda s, o: s.LinearLR(o)),
    loaded("PolynomialLR", lambda s, o: s.PolynomialLR(o)),
    loaded("CosineAnnealingLR", lambda s, o: s.CosineAnnealingLR(o, 5)),
    loaded("CosineAnnealingWarmRestarts", lambda s, o: s.CosineAnnealingWarmRestarts(o, 3, 2)),
    loaded("OneCycleLR", lambda s, o: s.OneCycleLR(o, 0.5, 30), momentum=0.8),
    loaded("OneCycleLR without momentum", lambda s, o: s.OneCycleLR(o, 0.5, 30, cycle_momentum=False), momentum=0.8),
    loaded("OneCycleLR of Adam", lambda s, o: s.OneCycleLR(o, 0.5, epochs=3, steps_per_epoch=9, pct_start=0.4, base_momentum=0.7, max_momentum=0.9), "Adam"),
    loaded("CyclicLR", lambda s, o: s.CyclicLR(o, 0.01, 0.1, 5), momentum=0.8),
    loaded("CyclicLR by default", lambda s, o: s.CyclicLR(o, 0.01, 0.1), momentum=0.8),
    loaded("CyclicLR of Adam", lambda s, o: s.CyclicLR(o, [0.01, 0.02], [0.1, 0.2], 5, 3, base_momentum=0.7, max_momentum=0.9), "Adam"),
    loaded("CyclicLR scale_fn", lambda s, o: s.CyclicLR(o, 0.01, 0.1, 4, scale_fn=Decay(0.9)), momentum=0.8),
    loaded("SequentialLR", lambda s, o: s.SequentialLR(o, [s.LinearLR(o, 0.1, 1.0, 6), s.StepLR(o, 4), s.ExponentialLR(o, 0.9)], [6, 15])),
    loaded("SequentialLR of two", lambda s, o: s.SequentialLR(o, [s.StepLR(o, 2), s.ConstantLR(o, 0.5, 3)], [4])),
    loaded("ChainedScheduler", lambda s, o: s.ChainedScheduler([s.ConstantLR(o, 0.5, 7), s.ExponentialLR(o, 0.9)])),
    plateau("by default", [1.0] * 24),
    plateau("", FALLING, patience=1, factor=0.5, threshold=1e-3),
    plateau("cooldown", FALLING, patience=0, factor=0.5, threshold=1e-3, cooldown=2),
    plateau("abs", FALLING, patience=1, factor=0.5, threshold=1e-3, threshold_mode="abs", min_lr=0.04),
    plateau("max", RISING, mode="max", patience=1, factor=0.5, threshold=1e-3, min_lr=[0.02, 0.1]),
    plateau("max of equals", [1.0] * 24, mode="max", patience=2, threshold=0.0),
    plateau("max abs", RISING, mode="max", patience=1, factor=0.5, threshold=1e-3, threshold_mode="abs", eps=0.05),
    case("CosineAnnealingLR before a step", lambda t: [before_a_step(t), before_a_step(t, 0), before_a_step(t, 4)]),
    case("cycles of own rates", cycles_of_own_rates),
    case("ReduceLROnPlateau and a new group", regrouped),
    order=0, dtypes=(), exact=True,
)  # fmt: skip
