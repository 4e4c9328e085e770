"""Schedulers of the learning rate: their warnings and errors, beside PyTorch's."""

import warnings

import pytest
from lr_helpers import (
    COMPOUNDS,
    IDS,
    LIBS,
    TABLE,
    chained,
    course,
    decay,
    exact,
    halves,
    optimizer,
    plain,
    same,
    sequential,
)
from optim_helpers import outcome

import minitorch as mt

# --- warnings


def warned(function):
    """The first words of the warnings of a call, and whether they point here."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        function()
    return [(w.category, str(w.message)[:40], w.filename == __file__) for w in caught]


def test_warnings():
    def run(lib):
        seen = []
        s = plain("StepLR", 3)(lib, optimizer(lib))
        seen += [warned(s.step), warned(s.step)]  # before optimizer.step: once
        s = plain("StepLR", 3)(lib, optimizer(lib))
        s.optimizer.step = lambda: None
        seen += [warned(s.step), warned(s.step)]
        s = plain("StepLR", 3)(lib, optimizer(lib))
        s.optimizer.step()
        seen += [warned(s.step), warned(lambda: s.step(4)), warned(lambda: s.step(epoch=2))]
        seen.append(warned(lambda: plain("StepLR", 3)(lib, s.optimizer).step()))  # a second scheduler
        s = plain("ReduceLROnPlateau")(lib, optimizer(lib))
        seen += [warned(lambda: s.step(1.0)), warned(lambda: s.step(1.0, 3))]
        s = plain("CosineAnnealingWarmRestarts", 3)(lib, optimizer(lib))
        seen += [warned(s.step), warned(lambda: s.step(3))]
        return seen

    same(run)


@pytest.mark.parametrize("row", TABLE, ids=IDS)
def test_get_lr_warns(row):
    name, args, kwargs = row

    def run(lib):
        s = plain(name, *args, **kwargs)(lib, optimizer(lib))
        s.optimizer.step()
        s.step()
        with pytest.warns(UserWarning, match=r"To get the last learning rate .* use `get_last_lr\(\)`"):
            return exact(s.get_lr())

    same(run)


def test_step_of_the_optimizer_stays_itself():
    o = optimizer(mt)
    seen = []
    o.register_step_pre_hook(lambda *args: seen.append(args))
    plain("StepLR", 3)(mt, o)
    plain("StepLR", 3)(mt, o)
    assert o.step(closure=lambda: 5) == 5
    assert o.step.__name__ == "step"
    assert len(seen) == 1


# --- errors


def grown(lib, make, *args):
    s = make(lib, optimizer(lib))
    s.optimizer.add_param_group({"params": [lib.nn.Parameter(lib.ones(1))]})
    s.optimizer.step()
    for _ in range(3):
        s.step(*args)
    return exact(s.get_last_lr())


def over(lib):
    s = plain("OneCycleLR", 1.0, 3)(lib, optimizer(lib))
    s.optimizer.step()
    for _ in range(3):
        s.step()
    s.step()


def loading(make, state):
    return lambda lib: make(lib, optimizer(lib)).load_state_dict(state)


def on_other(lib, o):
    return plain("StepLR", 3)(lib, optimizer(lib))


plateau = plain("ReduceLROnPlateau")
ERRORS = [
    *[lambda lib, n=n, a=a: plain(n, *a)(lib, 3) for n, a, _ in TABLE],
    lambda lib: plateau(lib, None),
    *[
        lambda lib, n=n, a=a, k=k: plain(n, *a, **k)(lib, optimizer(lib))
        for n, a, k in [
            ("LRScheduler", [], {}),
            ("LambdaLR", [[halves]], {}),
            ("LambdaLR", [3], {}),
            ("MultiplicativeLR", [[halves] * 3], {}),
            ("MultiplicativeLR", [[halves, None]], {}),
            ("StepLR", [], {}),
            ("StepLR", [3], {"verbose": True}),
            ("StepLR", [3], {"last_epoch": 0}),
            ("MultiStepLR", [3], {}),
            ("ConstantLR", [1.5], {}),
            ("ConstantLR", [-0.1], {}),
            ("LinearLR", [0], {}),
            ("LinearLR", [1.1], {}),
            ("LinearLR", [0.1, 1.1], {}),
            ("LinearLR", [0.1, -0.1], {}),
            ("CosineAnnealingWarmRestarts", [0], {}),
            ("CosineAnnealingWarmRestarts", [1.5], {}),
            ("CosineAnnealingWarmRestarts", [3, 0], {}),
            ("CosineAnnealingWarmRestarts", [3, 1.5], {}),
            ("CosineAnnealingWarmRestarts", [3, 1, "a"], {}),
            ("OneCycleLR", [1.0], {}),
            ("OneCycleLR", [1.0, 0], {}),
            ("OneCycleLR", [1.0, 1.5], {}),
            ("OneCycleLR", [1.0], {"epochs": 3}),
            ("OneCycleLR", [1.0], {"epochs": 0, "steps_per_epoch": 3}),
            ("OneCycleLR", [1.0], {"epochs": 3, "steps_per_epoch": 1.5}),
            ("OneCycleLR", [1.0, 5], {"pct_start": 1.1}),
            ("OneCycleLR", [1.0, 5], {"pct_start": 1}),
            ("OneCycleLR", [1.0, 5], {"pct_start": 0.2}),
            ("OneCycleLR", [1.0, 5], {"anneal_strategy": "x"}),
            ("OneCycleLR", [[1.0], 5], {}),
            ("OneCycleLR", [1.0, 5], {"max_momentum": [0.1]}),
            ("CyclicLR", [[0.1], 1.0], {}),
            ("CyclicLR", [0.1, [1.0]], {}),
            ("CyclicLR", [0.1, 1.0], {"mode": "x"}),
            ("CyclicLR", [0.1, 1.0], {"base_momentum": [0.1]}),
            ("CyclicLR", [0.1, 1.0, 0], {}),
            ("ReduceLROnPlateau", ["x"], {}),
            ("ReduceLROnPlateau", [], {"factor": 1.0}),
            ("ReduceLROnPlateau", [], {"threshold_mode": "x"}),
            ("ReduceLROnPlateau", [], {"min_lr": [0.1]}),
        ]
    ],
    lambda lib: plain("OneCycleLR", 1.0, 5)(lib, optimizer(lib, "Adagrad")),
    lambda lib: plain("CyclicLR", 0.1, 1.0)(lib, optimizer(lib, "Adagrad")),
    lambda lib: sequential(milestones=[])(lib, optimizer(lib)),
    lambda lib: sequential(decay, decay, milestones=[])(lib, optimizer(lib)),
    lambda lib: sequential(decay, on_other, milestones=[3])(lib, optimizer(lib)),
    lambda lib: sequential(decay, lambda lib, o: 3, milestones=[3])(lib, optimizer(lib)),
    lambda lib: sequential(plateau, decay, milestones=[3])(lib, optimizer(lib)),
    lambda lib: course(sequential(decay, chained(decay), milestones=[3])(lib, optimizer(lib))),
    lambda lib: COMPOUNDS[1](lib, optimizer(lib)).step(3),
    lambda lib: COMPOUNDS[1](lib, optimizer(lib)).get_lr(),
    lambda lib: chained()(lib, optimizer(lib)),
    lambda lib: chained(decay, on_other)(lib, optimizer(lib)),
    lambda lib: chained(decay, lambda lib, o: 3)(lib, optimizer(lib)),
    lambda lib: chained(decay, plateau)(lib, optimizer(lib)),
    lambda lib: plain("CosineAnnealingWarmRestarts", 3)(lib, optimizer(lib)).step(-1),
    lambda lib: plateau(lib, optimizer(lib)).step(),
    lambda lib: plateau(lib, optimizer(lib)).step("a"),
    lambda lib: plateau(lib, optimizer(lib)).step(lib.ones(2)),
    lambda lib: grown(lib, plain("LambdaLR", halves)),
    lambda lib: grown(lib, plain("ReduceLROnPlateau", patience=0, min_lr=[0.1, 0.1]), 1.0),
    over,
    loading(plain("LambdaLR", halves), {}),
    loading(plain("CyclicLR", 0.1, 1.0), {}),
    loading(COMPOUNDS[1], {}),
    loading(COMPOUNDS[1], {"_schedulers": [{}] * 3}),
    loading(plateau, {"mode": "x"}),
]


@pytest.mark.parametrize("index", range(len(ERRORS)))
def test_errors(index):
    mine, theirs = (outcome(lambda lib=lib: ERRORS[index](lib)) for lib in LIBS)
    assert issubclass(theirs[0], Exception)
    assert mine[0] is theirs[0], mine
    assert mine[1]


@pytest.mark.parametrize("make", [decay, plain("ReduceLROnPlateau", patience=0, min_lr=0.01)])
def test_a_new_group_takes_part(make):
    args = [1.0] if make is not decay else []
    same(lambda lib: grown(lib, make, *args))


@pytest.mark.parametrize("row", [*TABLE, ("CosineAnnealingLR", [2], {})], ids=[*IDS, "CosineAnnealingLR"])
def test_a_new_group_that_is_not_expected(row):
    # ValueError where the scheduler knows a rate for each group; some groups are changed by then.
    name, args, kwargs = row

    def run(lib):
        s = plain(name, *args, **kwargs)(lib, optimizer(lib))
        s.optimizer.add_param_group({"params": [lib.nn.Parameter(lib.ones(1))]})
        s.optimizer.step()
        seen = []
        for _ in range(5):
            result = outcome(s.step)
            seen.append((result and result[0], exact([s.get_last_lr(), s.optimizer.param_groups])))
        return seen

    same(run)
