"""What the tests of schedulers share: a table of them, made and run in either library, and exact comparison."""

import torch

import minitorch as mt

LIBS = (mt, torch)
STEPS = 60


class Power:
    """A callable object: its attribute is saved with the scheduler."""

    def __init__(self, base):
        self.base = base

    def __call__(self, t):
        return self.base**t


def halves(t):
    return 1 / (t + 1)


# name, positional and keyword arguments after the optimizer, which has two groups
TABLE = [
    ("LambdaLR", [Power(0.95)], {}),
    ("LambdaLR", [[Power(0.9), halves]], {}),
    ("MultiplicativeLR", [halves], {}),
    ("MultiplicativeLR", [(Power(0.99), lambda t: 0.97)], {}),
    ("StepLR", [3], {}),
    ("StepLR", [7, 0.37], {}),
    ("StepLR", [2.5, 0.9], {}),
    ("MultiStepLR", [[3, 9, 9, 40]], {}),
    ("MultiStepLR", [range(0, 60, 7)], {"gamma": 0.7}),
    ("MultiStepLR", [[]], {}),
    ("ConstantLR", [], {}),
    ("ConstantLR", [0.7, 11], {}),
    ("ConstantLR", [0.5], {"total_iters": 0}),
    ("LinearLR", [], {}),
    ("LinearLR", [0.1, 0.3, 17], {}),
    ("LinearLR", [], {"end_factor": 0.0, "total_iters": 50}),
    ("LinearLR", [0.3, 1, 0], {}),
    ("ExponentialLR", [0.93], {}),
    ("ExponentialLR", [1.01], {}),
    ("CosineAnnealingLR", [9], {}),
    ("CosineAnnealingLR", [50, 1e-3], {}),
    ("CosineAnnealingLR", [100], {"eta_min": 0.5}),
    ("CosineAnnealingWarmRestarts", [7], {}),
    ("CosineAnnealingWarmRestarts", [3, 2, 0.01], {}),
    ("CosineAnnealingWarmRestarts", [1], {"T_mult": 3}),
    ("PolynomialLR", [], {}),
    ("PolynomialLR", [43, 0.9], {}),
    ("PolynomialLR", [100], {"power": 2.5}),
    ("OneCycleLR", [1.0, 61], {}),
    ("OneCycleLR", [[0.3, 0.1], 100], {"anneal_strategy": "linear"}),
    ("OneCycleLR", [0.5], {"epochs": 7, "steps_per_epoch": 9, "three_phase": True, "pct_start": 0.4}),
    ("OneCycleLR", [0.5, 90], {"cycle_momentum": False, "div_factor": 10, "final_div_factor": 3, "pct_start": 1.0}),
    ("OneCycleLR", [1, 77], {"base_momentum": [0.7, 0.8], "max_momentum": (0.9, 0.99), "pct_start": 0.0}),
    ("OneCycleLR", [1.0, 80], {"three_phase": True, "anneal_strategy": "linear", "pct_start": 0.1}),
    ("CyclicLR", [0.01, 0.1], {}),
    ("CyclicLR", [[0.01, 0.02], [0.1, 0.3], 5, 9], {"mode": "triangular2"}),
    ("CyclicLR", [0.01, 1.0, 7], {"mode": "exp_range", "gamma": 0.97, "base_momentum": [0.5, 0.6]}),
    ("CyclicLR", [0.01, 1.0, 4], {"scale_fn": Power(0.9), "scale_mode": "iterations"}),
    ("CyclicLR", [0.01, 1.0, 4, 0], {"scale_fn": halves, "mode": "any", "cycle_momentum": False}),
]
IDS = [f"{name}-{i}" for i, (name, _, _) in enumerate(TABLE)]
PLATEAUS = [
    {},
    {"patience": 0},
    {"mode": "max", "patience": 1, "factor": 0.5, "threshold": 0.1},
    {"patience": 1, "cooldown": 3, "threshold_mode": "abs", "threshold": 0.05, "min_lr": [0.01, 0.05]},
    {"mode": "max", "patience": 0, "threshold_mode": "abs", "factor": 0.9, "eps": 0.02},
    {"patience": 2, "factor": 0, "min_lr": 0.001},
]


def sequential(*parts, milestones, **options):
    return lambda lib, o: lib.optim.lr_scheduler.SequentialLR(
        o, [p(lib, o) for p in parts], list(milestones), **options
    )


def chained(*parts):
    return lambda lib, o: lib.optim.lr_scheduler.ChainedScheduler([p(lib, o) for p in parts])


def plain(name, *args, **kwargs):
    return lambda lib, o: getattr(lib.optim.lr_scheduler, name)(o, *args, **kwargs)


warmup, decay, waves = plain("LinearLR", 0.1, 1.0, 6), plain("ExponentialLR", 0.9), plain("CosineAnnealingLR", 7, 0.01)
COMPOUNDS = [
    sequential(decay, milestones=[]),
    sequential(warmup, waves, milestones=[6]),
    sequential(warmup, plain("LambdaLR", Power(0.9)), plain("StepLR", 4), milestones=[6, 20]),
    sequential(warmup, plain("MultiplicativeLR", halves), plain("ConstantLR"), milestones=[5, 5]),
    sequential(decay, plain("CosineAnnealingWarmRestarts", 5, 2), milestones=[11]),
    sequential(plain("CosineAnnealingWarmRestarts", 5, 2), decay, milestones=[11]),
    sequential(decay, plain("OneCycleLR", 1.0, 70), milestones=[9]),
    sequential(decay, plain("CyclicLR", 0.1, 1.0, 4, mode="exp_range", gamma=0.9), milestones=[9], last_epoch=2),
    sequential(plain("PolynomialLR", 30), plain("MultiStepLR", [3, 8]), milestones=[25]),
    chained(decay),
    chained(warmup, decay, plain("StepLR", 5, 0.5)),
    chained(plain("ConstantLR", 0.5, 7), sequential(warmup, waves, milestones=[6])),
    sequential(sequential(warmup, decay, milestones=[3]), waves, milestones=[12]),
]
ALL = [plain(name, *args, **kwargs) for name, args, kwargs in TABLE] + COMPOUNDS


def optimizer(lib, name="SGD", rate=0.1):
    """One with two groups, rates `rate` and 3 * `rate`, and momentum or betas."""
    params = [lib.nn.Parameter(lib.ones(2)) for _ in range(2)]
    options = {"momentum": 0.9} if name == "SGD" else {}
    groups = [{"params": [params[0]]}, {"params": [params[1]], "lr": rate * 3}]
    return getattr(lib.optim, name)(groups, lr=rate, **options)


def exact(x):
    """A value with its type; floats to the last bit."""
    if hasattr(x, "numpy"):
        return str(x.dtype), tuple(x.shape), x.detach().numpy().tobytes()
    if isinstance(x, float):
        return x.hex()
    if isinstance(x, dict):
        return type(x).__name__, [(key, exact(value)) for key, value in x.items() if key != "params"]
    if isinstance(x, list | tuple):
        return type(x).__name__, [exact(value) for value in x]
    return type(x).__name__, x


def course(scheduler, steps=STEPS, metrics=None):
    """All that `scheduler` sets in some steps, and in the end its state."""
    seen = []
    for i in range(steps + 1):
        seen.append(exact([scheduler.get_last_lr(), scheduler.optimizer.param_groups]))
        if i < steps:
            scheduler.optimizer.step()
            scheduler.step(*([] if metrics is None else [metrics[i]]))
    return [*seen, exact(scheduler.state_dict())]


def same(function):
    """Call it for both libraries; what it returns must be equal."""
    mine, theirs = (function(lib) for lib in LIBS)
    assert mine == theirs
