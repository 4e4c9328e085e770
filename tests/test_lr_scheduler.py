"""Schedulers of the learning rate: every float they set is PyTorch's to the last bit."""

import copy
import gc
import pickle
import warnings
import weakref

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from lr_helpers import (
    ALL,
    COMPOUNDS,
    IDS,
    PLATEAUS,
    STEPS,
    TABLE,
    Power,
    course,
    exact,
    halves,
    optimizer,
    plain,
    same,
    sequential,
)
from optim_helpers import outcome

import minitorch as mt


@pytest.mark.parametrize("row", TABLE, ids=IDS)
@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_table(row, name):
    scheduler, args, kwargs = row
    same(lambda lib: course(plain(scheduler, *args, **kwargs)(lib, optimizer(lib, name))))


@pytest.mark.parametrize("row", TABLE, ids=IDS)
def test_tensor_rates(row):
    scheduler, args, kwargs = row

    def run(lib, make):
        o = optimizer(lib, "Adam", make(lib))
        rates = [group["lr"] for group in o.param_groups]
        seen = course(plain(scheduler, *args, **kwargs)(lib, o), 25)
        assert all(group["lr"] is rate for group, rate in zip(o.param_groups, rates, strict=True))
        return seen

    same(lambda lib: run(lib, lambda lib: lib.tensor(0.1)))
    same(lambda lib: run(lib, lambda lib: lib.tensor([0.1], dtype=lib.float64)))


@pytest.mark.parametrize("make", COMPOUNDS)
@pytest.mark.filterwarnings("ignore:Detected call of:UserWarning")  # a nested scheduler is stepped when it is made
def test_compounds(make):
    same(lambda lib: course(make(lib, optimizer(lib))))
    same(lambda lib: course(make(lib, optimizer(lib, rate=lib.tensor(0.1))), 25))


@pytest.mark.parametrize("options", PLATEAUS, ids=str)
@pytest.mark.parametrize("rate", [0.1, 1])
def test_plateau(options, rate):
    metrics = np.random.default_rng(3).normal(size=STEPS).cumsum() * 0.1
    make = plain("ReduceLROnPlateau", **options)
    same(lambda lib: course(make(lib, optimizer(lib, rate=rate)), metrics=metrics.tolist()))
    same(lambda lib: course(make(lib, optimizer(lib, rate=lib.tensor(0.1))), metrics=list(map(lib.tensor, metrics))))


@given(
    st.sampled_from(PLATEAUS),
    st.lists(st.floats(-2, 2) | st.sampled_from([0.0, 0.05, float("nan"), float("inf")]), min_size=20, max_size=20),
)
@settings(max_examples=40, deadline=None)
def test_plateau_by_any_metric(options, metrics):
    make = plain("ReduceLROnPlateau", **options)
    same(lambda lib: course(make(lib, optimizer(lib)), len(metrics), metrics))


EPOCHS = [0, 1, 5, 5, 3, 20, 6, 59, 2]


@pytest.mark.parametrize("row", TABLE, ids=IDS)
@pytest.mark.filterwarnings("ignore:The epoch parameter:UserWarning")
def test_jumping_to_an_epoch(row):
    scheduler, args, kwargs = row

    def run(lib):
        s = plain(scheduler, *args, **kwargs)(lib, optimizer(lib))
        s.optimizer.step()
        seen = []
        for epoch in EPOCHS:
            seen.append(outcome(lambda epoch=epoch: s.step(epoch)))  # LinearLR over no epochs has no closed form
            seen.append(exact([s.get_last_lr(), s.state_dict()]))
            if epoch < 59:
                s.step()
                seen.append(exact(s.get_last_lr()))
        return seen

    same(run)


def test_warm_restarts_at_fractions_of_epochs():
    def run(lib):
        s = plain("CosineAnnealingWarmRestarts", 3, 2)(lib, optimizer(lib))
        seen = []
        for epoch in np.linspace(0, 30, 91):
            s.step(float(epoch))
            seen.append(exact(s.state_dict()))
        return seen

    same(run)


@pytest.mark.parametrize("make", ALL)
@pytest.mark.filterwarnings("ignore:Detected call of:UserWarning")
def test_state_dict_round_trip(make):
    # Saved after 13 steps by PyTorch and by minitorch, loaded here into a fresh pair, continued: as if never stopped.
    whole = make(mt, optimizer(mt))
    course(whole, 13)
    saved = copy.deepcopy((whole.state_dict(), whole.optimizer.state_dict()))
    theirs = make(torch, optimizer(torch))
    course(theirs, 13)
    expected = course(whole, 20)
    for state, optimizer_state in saved, (theirs.state_dict(), theirs.optimizer.state_dict()):
        other = make(mt, optimizer(mt))
        before = exact(state)
        other.load_state_dict(state)
        other.optimizer.load_state_dict(optimizer_state)
        assert exact(state) == before
        assert course(other, 20) == expected


def test_callable_objects_take_the_saved_attributes():
    for make in (lambda f: plain("LambdaLR", [f, halves]), lambda f: plain("CyclicLR", 0.1, 1.0, scale_fn=f)):
        state = make(Power(0.5))(mt, optimizer(mt)).state_dict()
        own = Power(0.1)
        make(own)(mt, optimizer(mt)).load_state_dict(state)
        assert own.base == 0.5


def test_the_saved_mode_replaces_the_own():
    make, other = plain("CyclicLR", 0.1, 1.0, 3, mode="exp_range", gamma=0.5), plain("CyclicLR", 0.1, 1.0, 3)

    def run(lib):
        s = other(lib, optimizer(lib))
        s.load_state_dict(make(lib, optimizer(lib)).state_dict())
        return course(s)

    same(run)


def test_plateau_round_trip():
    metrics = [1.0, 2.0, 0.5, 3.0, 3.0, 3.0, 0.1, 2.0, 2.0, 2.0]
    make = plain("ReduceLROnPlateau", mode="max", patience=1, factor=0.5)
    whole = make(mt, optimizer(mt))
    course(whole, 5, metrics[:5])
    other = plain("ReduceLROnPlateau")(mt, optimizer(mt))
    other.load_state_dict(whole.state_dict())
    other.optimizer.load_state_dict(whole.optimizer.state_dict())
    assert course(other, 5, metrics[5:]) == course(whole, 5, metrics[5:])


@pytest.mark.parametrize("row", TABLE, ids=IDS)
@pytest.mark.parametrize("last_epoch", [0, 3, 8])
def test_going_on_from_an_epoch(row, last_epoch):
    name, args, kwargs = row

    def run(lib):
        o = optimizer(lib)
        plain(name, *args, **kwargs)(lib, o)
        s = plain(name, *args, **kwargs, last_epoch=last_epoch)(lib, o)
        with pytest.warns(UserWarning, match="To get the last learning rate"):
            first = exact(s.get_lr())
        return first, course(s, 30)

    same(run)


def test_initial_lr_is_kept():
    def run(lib):
        o = optimizer(lib, rate=lib.tensor(0.1))
        o.param_groups[0]["initial_lr"] = 2.0
        s = plain("LinearLR")(lib, o)
        assert s.base_lrs[1] is not o.param_groups[1]["initial_lr"] is not o.param_groups[1]["lr"]
        return course(s, 3)

    same(run)


def pickled(scheduler):
    return pickle.loads(pickle.dumps(scheduler))


@pytest.mark.parametrize("copied", [pickled, copy.deepcopy])
def test_pickle_and_deepcopy(copied):
    def run(lib, make):
        s = make(lib, optimizer(lib))
        course(s, 3)
        other = copied(s)
        assert other.optimizer is not s.optimizer
        assert exact(other.state_dict()) == exact(s.state_dict())
        with warnings.catch_warnings(record=True) as caught:  # a copied optimizer takes no note of its steps
            warnings.simplefilter("always")
            seen = course(other, 7)
        assert seen == course(s, 7)
        return seen, [str(w.message)[:30] for w in caught]

    for make in plain("LinearLR"), plain("CyclicLR", 0.1, 1.0, 5, mode="exp_range", gamma=0.9), COMPOUNDS[1]:
        same(lambda lib, make=make: run(lib, make))


def test_the_optimizer_is_freed_at_once():
    gc.disable()
    try:
        s = plain("ExponentialLR", 0.9)(mt, optimizer(mt))
        s.optimizer.step()
        freed = weakref.ref(s.optimizer)
        del s
        assert freed() is None
    finally:
        gc.enable()


# --- schedulers of one's own


def test_subclass():
    def run(lib):
        calls = []

        class Mine(lib.optim.lr_scheduler.LRScheduler):
            def get_lr(self):
                calls.append((self.last_epoch, self._step_count, self._is_initial, self._get_lr_called_within_step))
                return [group["lr"] * 0.5 for group in self.optimizer.param_groups]

        class Closed(Mine):
            def _get_closed_form_lr(self):
                return [7.0, self.last_epoch]

        seen = [course(Mine(optimizer(lib)), 3)]
        s = Closed(optimizer(lib))
        s.optimizer.step()
        with pytest.warns(UserWarning, match="The epoch parameter in `scheduler.step"):
            s.step(9)
        seen.append(course(s, 2))
        other = sequential(plain("LinearLR"), lambda lib, o: Closed(o), lambda lib, o: Mine(o), milestones=[2, 4])
        seen.append(course(other(lib, optimizer(lib)), 6))
        return seen, calls

    same(run)


def test_names():
    assert sorted(mt.optim.lr_scheduler.__all__) == sorted(torch.optim.lr_scheduler.__all__)
    assert issubclass(mt.optim.lr_scheduler._LRScheduler, mt.optim.lr_scheduler.LRScheduler)


# --- anything in any order


@given(
    st.integers(0, len(ALL) - 1),
    st.lists(
        st.sampled_from(["step", "step", "step", "get_lr", "other rates", "optimizer"]) | st.integers(-1, 30),
        max_size=12,
    ),
)
@settings(max_examples=60, deadline=None)
def test_any_order(index, actions):
    def run(lib):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            s = ALL[index](lib, optimizer(lib))
        seen = []
        for action in actions:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                if action == "other rates":
                    for group in s.optimizer.param_groups:
                        group["lr"] = 0.25
                elif action == "optimizer":
                    s.optimizer.step()
                elif action in ("step", "get_lr"):
                    result = outcome(getattr(s, action))
                else:
                    result = outcome(lambda action=action: s.step(action))
                seen.append([str(w.message)[:30] for w in caught])
            if action not in ("other rates", "optimizer"):
                raised = isinstance(result, tuple) and isinstance(result[0], type)
                seen.append(result[0] if raised else exact(result))
            seen.append(exact([s.get_last_lr(), s.state_dict(), s.optimizer.param_groups]))
        return seen

    same(run)
