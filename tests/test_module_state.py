"""state_dict and load_state_dict: what is saved, what is refused and in which words, and their hooks."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
import torch
from nn_helpers import check_same, linear, network, outcome, tied, with_everything

import minitorch


def edited(t: Any, edit: Any, make: Any = network, **options: Any) -> Any:
    state = make(t).state_dict()
    edit(t, state)
    return make(t).load_state_dict(state, **options)


class _Extra:
    """Not a Module itself: made into one for either library."""

    @staticmethod
    def of(t: Any) -> Any:
        class Extra(t.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.setting = 1
                self.child = linear(t)

            def get_extra_state(self) -> Any:
                return {"setting": self.setting}

            def set_extra_state(self, state: Any) -> None:
                self.setting = state["setting"]

        return Extra()


STATES = {
    "keys": lambda t: list(with_everything(t).state_dict()),
    "values": lambda t: network(t).state_dict(),
    "metadata": lambda t: network(t).state_dict()._metadata,
    "keep_vars": lambda t: network(t).state_dict(keep_vars=True),
    "prefix": lambda t: list(network(t).state_dict(prefix="x.")),
    "positional": lambda t: list(network(t).state_dict(OrderedDict(), "x.", True)),
    "destination": lambda t: (lambda d: (network(t).state_dict(destination=d) is d, list(d)))({"a": 1}),
    "tied": lambda t: list(tied(t).state_dict()),
    "fits": lambda t: edited(t, lambda t, s: None),
    "missing": lambda t: edited(t, lambda t, s: s.pop("0.weight")),
    "two missing": lambda t: edited(t, lambda t, s: (s.pop("0.weight"), s.pop("2.bias"))),
    "unexpected": lambda t: edited(t, lambda t, s: s.update(foo=t.ones(1))),
    "unexpected below": lambda t: edited(t, lambda t, s: s.update({"0.x": t.ones(1), "2.weight.y": t.ones(1)})),
    "both": lambda t: edited(t, lambda t, s: (s.pop("0.weight"), s.update(foo=t.ones(1)))),
    "both, not strict": lambda t: edited(t, lambda t, s: (s.pop("0.weight"), s.update(foo=t.ones(1))), strict=False),
    "shapes": lambda t: edited(
        t, lambda t, s: s.update({"0.weight": t.ones(3, 3), "0.bias": t.tensor(1.0)}), strict=False
    ),
    "all faults": lambda t: edited(
        t, lambda t, s: (s.update({"0.weight": t.ones(3, 3), "z": t.ones(1)}), s.pop("2.bias"))
    ),
    "no tensor": lambda t: edited(t, lambda t, s: s.update({"0.weight": [1, 2]})),
    "numpy": lambda t: edited(t, lambda t, s: s.update({"0.weight": np.ones((3, 2))})),
    "no dict": lambda t: network(t).load_state_dict([1]),
    "plain dict": lambda t: network(t).load_state_dict(dict(network(t).state_dict())),
    "old scalar": lambda t: edited(t, lambda t, s: s.update(w=t.full((1,), 5.0)), with_everything),
    "hidden buffer": lambda t: edited(t, lambda t, s: s.update(hidden=t.ones(3)), with_everything),
    "None buffer": lambda t: edited(t, lambda t, s: s.update(no_buffer=t.ones(3)), with_everything),
    "None parameter": lambda t: edited(t, lambda t, s: s.update(no_param=t.ones(3)), with_everything),
    "other dtype": lambda t: edited(t, lambda t, s: s.update(w=t.ones((), dtype=t.float64)), with_everything),
    "assign ints": lambda t: edited(t, lambda t, s: s.update(w=t.tensor(1)), with_everything, assign=True),
    "assign other shape": lambda t: edited(t, lambda t, s: s.update(w=t.ones(3)), with_everything, assign=True),
    "extra": lambda t: list(_Extra.of(t).state_dict()),
    "extra missing": lambda t: edited(t, lambda t, s: s.pop("_extra_state"), _Extra.of),
    "extra unexpected": lambda t: linear(t).load_state_dict(_Extra.of(t).state_dict()),
}


@pytest.mark.parametrize("name", STATES)
def test_state(name: str) -> None:
    check_same(STATES[name], wording="type" if name == "assign ints" else "start")


def test_error_text_of_loading_is_pytorchs_exactly() -> None:
    for name in ("all faults", "both", "no tensor"):
        mine, theirs = outcome(STATES[name], minitorch), outcome(STATES[name], torch)
        assert mine[1] == theirs[1]


def test_state_shares_memory_and_loading_copies() -> None:
    def case(t: Any) -> Any:
        a, b = network(t), network(t)
        state = a.state_dict()
        with t.no_grad():
            a[0].weight.fill_(7.0)
        weight, version = b[0].weight, b[0].weight._version
        keys = b.load_state_dict(state)
        with t.no_grad():
            a[0].weight.fill_(8.0)
        return b[0].weight is weight, weight, weight._version - version, str(keys), keys.missing_keys

    check_same(case)


def test_assign() -> None:
    def case(t: Any) -> Any:
        module = with_everything(t)
        module.child.weight.requires_grad_(False)
        old = module.w, module.b
        state = module.state_dict()
        state["w"] = t.full((), 3.0, dtype=t.float64)
        state["b"] = t.full((3,), 4.0, dtype=t.float64)
        state["child.weight"] = t.nn.Parameter(t.ones(3, 2))
        keys = module.load_state_dict(state, assign=True)
        same = module.w is old[0], module.b is state["b"], module.child.weight is state["child.weight"]
        return str(keys), same, module.w, module.b, module.child.weight

    check_same(case)


def test_extra_state_round_trip() -> None:
    def case(t: Any) -> Any:
        a, b = _Extra.of(t), _Extra.of(t)
        a.setting = 5
        b.load_state_dict(a.state_dict())
        return b.setting

    check_same(case)


def test_extra_state_must_come_in_pairs() -> None:
    def case(t: Any) -> Any:
        class Half(t.nn.Module):
            def get_extra_state(self) -> int:
                return 1

        return Half().load_state_dict(Half().state_dict())

    check_same(case)
    check_same(lambda t: linear(t).get_extra_state(), wording="type")
    check_same(lambda t: linear(t).set_extra_state(1), wording="type")


def test_version_is_saved_and_given_back() -> None:
    def case(t: Any) -> Any:
        seen = []

        class Versioned(t.nn.Module):
            _version = 7

            def _load_from_state_dict(self, state: Any, prefix: Any, metadata: Any, *rest: Any) -> None:
                seen.append((prefix, metadata))
                super()._load_from_state_dict(state, prefix, metadata, *rest)

        net = t.nn.Sequential(Versioned())
        net.load_state_dict(net.state_dict())
        return seen

    check_same(case)


STATE_HOOKS = {
    "pre": lambda t, m, log: m.register_state_dict_pre_hook(lambda mod, prefix, keep: log.append((prefix, keep))),
    "post": lambda t, m, log: m[0].register_state_dict_post_hook(
        lambda mod, state, prefix, meta: log.append((prefix, list(state), meta))
    ),
    "post returns": lambda t, m, log: m.register_state_dict_post_hook(lambda *a: 3),
    "old post replaces": lambda t, m, log: m._register_state_dict_hook(lambda *a: {"a": t.ones(1)}),
    "load pre": lambda t, m, log: m.register_load_state_dict_pre_hook(
        lambda *a: log.append([type(x).__name__ for x in a])
    ),
    "old load pre": lambda t, m, log: m[0]._register_load_state_dict_pre_hook(
        lambda *a: log.append([type(x).__name__ for x in a])
    ),
    "load post": lambda t, m, log: m.register_load_state_dict_post_hook(
        lambda mod, keys: log.append((type(mod).__name__, str(keys)))
    ),
    "load post returns": lambda t, m, log: m.register_load_state_dict_post_hook(lambda mod, keys: 3),
    "removed": lambda t, m, log: m.register_state_dict_pre_hook(lambda *a: log.append(1)).remove(),
}


@pytest.mark.parametrize("name", STATE_HOOKS)
def test_state_hooks(name: str) -> None:
    def case(t: Any) -> Any:
        module, log = network(t), []
        STATE_HOOKS[name](t, module, log)
        return [list(module.state_dict()), str(module.load_state_dict(network(t).state_dict())), log]

    check_same(case)


def test_a_load_hook_may_rename_keys_and_forgive_missing_ones() -> None:
    def rename(state: Any, prefix: str, *rest: Any) -> None:
        state[prefix + "weight"] = state.pop(prefix + "kernel")

    def case(t: Any) -> Any:
        module = network(t)
        module[0]._register_load_state_dict_pre_hook(rename)
        module.register_load_state_dict_post_hook(lambda m, keys: keys.missing_keys.clear())
        state = network(t).state_dict()
        state["0.kernel"] = state.pop("0.weight") * 3
        del state["2.bias"]
        keys = module.load_state_dict(state, strict=False)
        return module[0].weight, keys.missing_keys

    check_same(case)
