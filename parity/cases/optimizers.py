"""Optimizers: 50 steps on a small regression, every option; schedulers: 50 learning rates, equal to the last bit."""

from __future__ import annotations

from typing import Any

from parity.case import Case, case, family, real

STEPS = 50
X, Y, W, V = real(12, 4), real(12, 3), real(3, 4), real(3)


def trained(t: Any, make: Any, x: Any, y: Any, w: Any, v: Any, steps: int) -> Any:
    """Losses, weights and state after some steps of least squares with a linear layer."""
    w, v = t.nn.Parameter(w.detach().clone()), t.nn.Parameter(v.detach().clone())
    optimizer = make(t, [w, v])
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = ((t.nn.functional.linear(x, w, v) - y) ** 2).mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return {"losses": t.stack(losses), "w": w.detach(), "v": v.detach(), "state": optimizer.state_dict()["state"]}


def option(name: str, make: Any, **options: Any) -> Case:
    """`make(t, parameters)` trained."""
    return case(name, lambda t, x, y, w, v: trained(t, make, x, y, w, v, STEPS), X, Y, W, V, **options)


CASES = family(
    "optimizer",
    option("SGD", lambda t, p: t.optim.SGD(p, lr=0.1)),
    option("SGD momentum", lambda t, p: t.optim.SGD(p, lr=0.05, momentum=0.9)),
    option("SGD dampening", lambda t, p: t.optim.SGD(p, lr=0.05, momentum=0.9, dampening=0.3, weight_decay=0.1)),
    option("SGD nesterov", lambda t, p: t.optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.01)),
    option("SGD maximize", lambda t, p: t.optim.SGD(p, lr=0.01, maximize=True)),
    option("SGD foreach", lambda t, p: t.optim.SGD(p, lr=0.05, momentum=0.9, foreach=True)),
    option("Adam", lambda t, p: t.optim.Adam(p, lr=0.01)),
    option("Adam betas", lambda t, p: t.optim.Adam(p, lr=0.01, betas=(0.8, 0.99), eps=1e-6)),
    option("Adam of a short memory", lambda t, p: t.optim.Adam(p, lr=0.01, betas=(0.3, 0.99))),
    option("Adam weight_decay", lambda t, p: t.optim.Adam(p, lr=0.01, weight_decay=0.1)),
    option("Adam amsgrad", lambda t, p: t.optim.Adam(p, lr=0.01, amsgrad=True)),
    option("Adam maximize", lambda t, p: t.optim.Adam(p, lr=0.01, maximize=True)),
    option("Adam decoupled", lambda t, p: t.optim.Adam(p, lr=0.01, weight_decay=0.1, decoupled_weight_decay=True)),
    option("AdamW", lambda t, p: t.optim.AdamW(p, lr=0.01)),
    option("AdamW amsgrad", lambda t, p: t.optim.AdamW(p, lr=0.01, weight_decay=0.2, amsgrad=True)),
    option("Adamax", lambda t, p: t.optim.Adamax(p, lr=0.02, weight_decay=0.01)),
    option("NAdam", lambda t, p: t.optim.NAdam(p, lr=0.01)),
    option("NAdam weight_decay", lambda t, p: t.optim.NAdam(p, lr=0.01, weight_decay=0.1, momentum_decay=0.05)),
    option("NAdam decoupled", lambda t, p: t.optim.NAdam(p, lr=0.01, weight_decay=0.1, decoupled_weight_decay=True)),
    option("RAdam", lambda t, p: t.optim.RAdam(p, lr=0.02)),
    option("RAdam weight_decay", lambda t, p: t.optim.RAdam(p, lr=0.02, weight_decay=0.1)),
    option("RAdam decoupled", lambda t, p: t.optim.RAdam(p, lr=0.02, weight_decay=0.1, decoupled_weight_decay=True)),
    option("RMSprop", lambda t, p: t.optim.RMSprop(p, lr=0.01)),
    option("RMSprop centered", lambda t, p: t.optim.RMSprop(p, lr=0.01, momentum=0.9, centered=True, weight_decay=0.01)),
    option("Adagrad", lambda t, p: t.optim.Adagrad(p, lr=0.1, lr_decay=0.01, weight_decay=0.01)),
    option("Adagrad accumulator", lambda t, p: t.optim.Adagrad(p, lr=0.1, initial_accumulator_value=0.5)),
    option("Adadelta", lambda t, p: t.optim.Adadelta(p, lr=1.0, rho=0.8, weight_decay=0.01)),
    option("ASGD", lambda t, p: t.optim.ASGD(p, lr=0.05, t0=20, lambd=1e-3, weight_decay=0.01)),
    option("two groups", lambda t, p: t.optim.Adam([{"params": [p[0]], "lr": 0.02}, {"params": [p[1]], "weight_decay": 0.1}], lr=0.01)),
    order=0, dtypes=("float32", "float64"),
)  # fmt: skip


def rates(t: Any, make: Any, metrics: Any = None) -> Any:
    """The learning rates and momenta of `STEPS` steps of a scheduler on two groups, and its state."""
    parameters = [t.nn.Parameter(t.ones(2)) for _ in range(2)]
    groups = [{"params": [parameters[0]]}, {"params": [parameters[1]], "lr": 0.3}]
    optimizer = t.optim.SGD(groups, lr=0.1, momentum=0.9)
    scheduler = make(t.optim.lr_scheduler, optimizer)
    seen = []
    for i in range(STEPS):
        optimizer.step()
        seen.append([(g["lr"], g["momentum"]) for g in optimizer.param_groups])
        scheduler.step(*([] if metrics is None else [metrics[i]]))
    state = {k: v for k, v in scheduler.state_dict().items() if not k.startswith("_")}
    return seen, scheduler.get_last_lr(), {k: v for k, v in state.items() if isinstance(v, int | float | list)}


def scheduler(name: str, make: Any, metrics: Any = None) -> Case:
    return case(name, lambda t: rates(t, make, metrics), exact=True)


def own_scheduler(s: Any, o: Any) -> Any:
    """A scheduler of the user's own."""

    class Halving(s.LRScheduler):
        def get_lr(self) -> Any:
            return [base / 2**self.last_epoch for base in self.base_lrs]

    return Halving(o)


def reloaded(t: Any) -> Any:
    """The state of a scheduler into another."""
    make = lambda: t.optim.lr_scheduler.StepLR(t.optim.SGD([t.nn.Parameter(t.ones(1))], lr=1.0), 2)
    first, second = make(), make()
    for _ in range(5):
        first.optimizer.step()
        first.step()
    second.load_state_dict(first.state_dict())
    return second.last_epoch, second.get_last_lr(), first.get_lr(), isinstance(first, t.optim.lr_scheduler.LRScheduler)


def own_optimizer(t: Any, w: Any) -> Any:
    """An optimizer of the user's own."""

    class Sign(t.optim.Optimizer):
        def __init__(self, params: Any, lr: float) -> None:
            super().__init__(params, {"lr": lr})

        @t.no_grad()
        def step(self, closure: Any = None) -> None:
            for group in self.param_groups:
                for p in group["params"]:
                    p.add_(p.grad.sign(), alpha=-group["lr"])
                    self.state[p]["steps"] = self.state[p].get("steps", 0) + 1

    w = t.nn.Parameter(w.detach().clone())
    optimizer = Sign([w], lr=0.5)
    for _ in range(4):
        optimizer.zero_grad()
        (w**2).sum().backward()
        optimizer.step()
    return w.detach(), optimizer.state_dict(), repr(optimizer)


NOISY = [1 / (1 + i) + 0.05 * (i % 4) for i in range(STEPS)]

SCHEDULERS = family(
    "scheduler",
    scheduler("LambdaLR", lambda s, o: s.LambdaLR(o, [lambda i: 0.95**i, lambda i: 1 / (i + 1)])),
    scheduler("MultiplicativeLR", lambda s, o: s.MultiplicativeLR(o, lambda i: 1 - 1 / (i + 3))),
    scheduler("StepLR", lambda s, o: s.StepLR(o, 7, 0.37)),
    scheduler("MultiStepLR", lambda s, o: s.MultiStepLR(o, [3, 9, 9, 40], gamma=0.7)),
    scheduler("ConstantLR", lambda s, o: s.ConstantLR(o, 0.7, 11)),
    scheduler("LinearLR", lambda s, o: s.LinearLR(o, 0.1, 0.3, 17)),
    scheduler("ExponentialLR", lambda s, o: s.ExponentialLR(o, 0.93)),
    scheduler("CosineAnnealingLR", lambda s, o: s.CosineAnnealingLR(o, 9, eta_min=1e-3)),
    scheduler("CosineAnnealingWarmRestarts", lambda s, o: s.CosineAnnealingWarmRestarts(o, 3, 2, 0.01)),
    scheduler("PolynomialLR", lambda s, o: s.PolynomialLR(o, 43, 0.9)),
    scheduler("OneCycleLR", lambda s, o: s.OneCycleLR(o, 0.5, 90, div_factor=10, final_div_factor=3)),
    scheduler("OneCycleLR three_phase", lambda s, o: s.OneCycleLR(o, [1.0, 0.5], epochs=7, steps_per_epoch=9, three_phase=True, anneal_strategy="linear")),
    scheduler("CyclicLR", lambda s, o: s.CyclicLR(o, 0.01, 0.1, 5, 9, mode="triangular2")),
    scheduler("CyclicLR exp_range", lambda s, o: s.CyclicLR(o, 0.01, 1.0, 7, mode="exp_range", gamma=0.97, base_momentum=0.6)),
    scheduler("CyclicLR scale_fn", lambda s, o: s.CyclicLR(o, 0.01, 1.0, 4, scale_fn=lambda i: 0.9**i, scale_mode="iterations", cycle_momentum=False)),
    scheduler("ReduceLROnPlateau", lambda s, o: s.ReduceLROnPlateau(o, patience=2, factor=0.5, cooldown=1), NOISY),
    scheduler("ReduceLROnPlateau max", lambda s, o: s.ReduceLROnPlateau(o, "max", patience=0, threshold_mode="abs", min_lr=[0.01, 0.05]), NOISY),
    scheduler("LRScheduler", own_scheduler),
    case("load_state_dict", reloaded, exact=True),
    scheduler("SequentialLR", lambda s, o: s.SequentialLR(o, [s.LinearLR(o, 0.1, 1.0, 6), s.CosineAnnealingLR(o, 20), s.StepLR(o, 4)], [6, 30])),
    scheduler("ChainedScheduler", lambda s, o: s.ChainedScheduler([s.ConstantLR(o, 0.5, 7), s.ExponentialLR(o, 0.9), s.StepLR(o, 5)])),
    order=0, dtypes=(),
)  # fmt: skip


def interrupted(t: Any, name: str, x: Any, w: Any) -> Any:
    """Save after 5 steps, load into a new optimizer, go on for 5; with every hook and group method on the way."""
    w, seen = t.nn.Parameter(w.detach().clone()), []
    extra = t.nn.Parameter(t.ones(2, dtype=w.dtype, device=w.device))
    make = lambda: getattr(t.optim, name)([w], lr=0.01)
    first = make()
    first.add_param_group({"params": [extra], "lr": 0.5})
    handles = [
        first.register_step_pre_hook(lambda *_: seen.append("before step")),
        first.register_step_post_hook(lambda *_: seen.append("after step")),
        first.register_state_dict_pre_hook(lambda *_: seen.append("before state_dict")),
        first.register_state_dict_post_hook(lambda *_: seen.append("after state_dict")),
    ]

    def closure() -> Any:
        optimizer.zero_grad(set_to_none=False)
        loss = ((x @ w) ** 2).mean() + extra.sum()
        loss.backward()
        return loss

    optimizer = first
    values = [optimizer.step(closure).detach() for _ in range(5)]
    saved = first.state_dict()
    handles[0].remove()
    second = make()
    second.add_param_group({"params": [extra], "lr": 0.5})
    second.register_load_state_dict_pre_hook(lambda *_: seen.append("before load"))
    second.register_load_state_dict_post_hook(lambda *_: seen.append("after load"))
    second.load_state_dict(saved)
    optimizer = second
    values += [optimizer.step(closure).detach() for _ in range(5)]
    return t.stack(values), w.detach(), extra.detach(), seen, saved["param_groups"], repr(second)


OPTIMIZERS = ("SGD", "Adam", "AdamW", "Adamax", "NAdam", "RAdam", "RMSprop", "Adagrad", "Adadelta", "ASGD")


def by_default(t: Any) -> Any:
    """Whether each can be made without options."""
    found = []
    for name in OPTIMIZERS:
        try:
            found.append(repr(getattr(t.optim, name)([t.nn.Parameter(t.ones(1))])))
        except NotImplementedError:
            found.append(f"no {name}")
    return found


def first_step(t: Any, name: str, w: Any, **options: Any) -> Any:
    """The groups and the state before and after the first step, everything else at its default."""
    optimizer = getattr(t.optim, name)([t.nn.Parameter(w.detach().clone()) for _ in range(2)], **options)
    optimizer.add_param_group({"params": [t.nn.Parameter(w.detach() * 2)]})
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    before = optimizer.state_dict()
    sum((p**3).sum() for p in parameters).backward()
    optimizer.step()
    return before, optimizer.state_dict(), [p.detach() for p in parameters]


def from_an_older_release(t: Any, w: Any) -> Any:
    """AdamW's state from before it shared its code with Adam."""
    make = lambda: t.optim.AdamW([t.nn.Parameter(w.detach().clone())], weight_decay=0.3)
    saved = make().state_dict()
    del saved["param_groups"][0]["decoupled_weight_decay"]
    optimizer = make()
    optimizer.load_state_dict(saved)
    p = optimizer.param_groups[0]["params"][0]
    (p**2).sum().backward()
    optimizer.step()
    return p.detach(), optimizer.param_groups[0]["decoupled_weight_decay"]


STATE = family(
    "optimizer state",
    *[case(f"{name} first step", lambda t, w, name=name: first_step(t, name, w), real(3, 2)) for name in OPTIMIZERS],
    case(
        "AdamW with options",
        lambda t, w: first_step(
            t, "AdamW", w, maximize=True, foreach=False, fused=False, capturable=False, differentiable=False
        ),
        real(3, 2),
    ),
    *[
        case(f"AdamW {n}", lambda t, n=n: t.optim.AdamW([t.ones(2)], **{n: True}).defaults[n])
        for n in ("capturable", "differentiable")
    ],
    case("by default", by_default, dtypes=()),
    case("AdamW from an older release", from_an_older_release, real(3, 2)),
    *[case(name, lambda t, x, w, name=name: interrupted(t, name, x, w), real(6, 3), real(3, 2)) for name in OPTIMIZERS],
    case("Optimizer", own_optimizer, real(3, 2)),
    order=0,
    dtypes=("float32", "float64"),
)
