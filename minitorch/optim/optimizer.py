"""The base of every optimizer: parameter groups, state, hooks, and saving and loading in PyTorch's format.

A subclass gives `defaults` and a method `step`. The ones of this library get theirs from `flat.py`.
"""

from __future__ import annotations

import functools
import warnings
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from copy import deepcopy
from itertools import chain
from typing import Any, ClassVar

import numpy as np

from minitorch.autograd.hooks import RemovableHandle, add_hook
from minitorch.autograd.tape import wrap
from minitorch.device import as_numpy, move
from minitorch.tensor import Tensor

# Parameters as optimizers take them: tensors, (name, tensor) pairs, or dicts with the key "params" and options.
Params = Iterable[Tensor] | Iterable[tuple[str, Tensor]] | Iterable[dict[str, Any]]
Group = dict[str, Any]

Hooks = OrderedDict[int, Callable[..., Any]]
HOOK_TABLES = (
    "_optimizer_step_pre_hooks",
    "_optimizer_step_post_hooks",
    "_optimizer_state_dict_pre_hooks",
    "_optimizer_state_dict_post_hooks",
    "_optimizer_load_state_dict_pre_hooks",
    "_optimizer_load_state_dict_post_hooks",
)


class Optimizer:
    """What all optimizers share.

    `params`: an iterable of tensors, of (name, tensor) pairs, or of dicts (`params` and options that
    replace the defaults for them). `defaults`: the options of a group that does not name its own.

    `state` maps each parameter to its dict of state; `param_groups` is the list of groups.
    """

    _optimizer_step_pre_hooks: Hooks
    _optimizer_step_post_hooks: Hooks
    _optimizer_state_dict_pre_hooks: Hooks
    _optimizer_state_dict_post_hooks: Hooks
    _optimizer_load_state_dict_pre_hooks: Hooks
    _optimizer_load_state_dict_post_hooks: Hooks

    # Options that came to PyTorch one by one: what a group saved before there was one stands for.
    _added_later: ClassVar[dict[str, Any]] = {
        "nesterov": False,
        "amsgrad": False,
        "maximize": False,
        "decoupled_weight_decay": False,
        "capturable": False,
        "differentiable": False,
        "foreach": None,
        "fused": None,
    }
    # 0-d numbers of the state, which live on the CPU whatever the parameter's dtype and device.
    _numbers: ClassVar[tuple[str, ...]] = ("step",)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "step" in cls.__dict__:
            cls.step = _with_hooks(cls.step)  # type: ignore[method-assign]

    def __init__(self, params: Params, defaults: dict[str, Any]) -> None:
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, but got "
                f"{params.type()}"
            )
        self.defaults = defaults
        self.state: defaultdict[Any, Any] = defaultdict(dict)
        self.param_groups: list[Group] = []
        self.__setstate__({})
        groups: list[Any] = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change every parameter by its gradient; returns what `closure` did, which computes the loss."""
        raise NotImplementedError(f"{type(self).__name__}.step: a subclass of Optimizer must define it")

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients, or with `set_to_none=False` fill them with zeros in place."""
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none:
                    p._grad = None
                elif p.grad is not None:
                    if p.grad.grad_fn is not None:
                        p.grad.detach_()
                    else:
                        p.grad.requires_grad_(False)
                    p.grad.zero_()

    # --- groups

    def add_param_group(self, param_group: Group) -> None:
        """Add a group: a dict of `params` and of the options that differ from the defaults."""
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        params, names = _params_and_names(param_group["params"])
        for p in params:
            if not isinstance(p, Tensor):
                raise TypeError(f"optimizer can only optimize Tensors, but one of the params is {type(p).__name__}")
            if not (p.is_leaf or p.retains_grad):
                raise ValueError("can't optimize a non-leaf Tensor")
        param_group["params"] = params
        if names:
            param_group["param_names"] = names
        for name, default in self.defaults.items():
            param_group.setdefault(name, default)

        ids = set(map(id, params))
        if len(ids) != len(params):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters; in future, this will cause "
                "an error; see github.com/pytorch/pytorch/issues/40967 for more information",
                stacklevel=3,
            )
        for other in self.param_groups:
            if ("param_names" in other) != bool(names):
                kind = "with" if names else "without"
                raise ValueError(
                    "all optimizer param groups should be with/without names. cannot add param group "
                    f"{kind} names to the optimizer"
                )
            if not ids.isdisjoint(map(id, other["params"])):
                raise ValueError("some parameters appear in more than one parameter group")
        self.param_groups.append(param_group)

    # --- saving and loading

    def state_dict(self) -> dict[str, Any]:
        """{"state": {index: state}, "param_groups": [...]}: parameters as indices, tensors shared."""
        for hook in self._optimizer_state_dict_pre_hooks.values():
            hook(self)
        index: dict[int, int] = {}
        groups = []
        start = 0
        for group in self.param_groups:
            index |= {id(p): i for i, p in enumerate(group["params"], start) if id(p) not in index}
            packed = {key: value for key, value in group.items() if key != "params"}
            packed["params"] = [index[id(p)] for p in group["params"]]
            groups.append(packed)
            start += len(group["params"])
        state = {(index[id(k)] if isinstance(k, Tensor) else k): v for k, v in self.state.items()}
        result: dict[str, Any] = {"state": state, "param_groups": groups}
        for hook in self._optimizer_state_dict_post_hooks.values():
            replaced = hook(self, result)
            result = result if replaced is None else replaced
        return result

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over groups and state saved by `state_dict`, here or in PyTorch (its tensors converted).

        Parameters are matched by position. Tensors are copied, to the dtype and device of their parameter;
        the numbers of the state live on the CPU, `step` in its own dtype, or with `capturable` beside the parameter.
        """
        state_dict = state_dict.copy()
        for hook in self._optimizer_load_state_dict_pre_hooks.values():
            replaced = hook(self, state_dict)
            state_dict = state_dict if replaced is None else replaced
        groups, saved_groups = self.param_groups, deepcopy(state_dict["param_groups"])
        if len(groups) != len(saved_groups):
            raise ValueError("loaded state dict has a different number of parameter groups")
        if any(len(new["params"]) != len(old["params"]) for new, old in zip(saved_groups, groups, strict=True)):
            raise ValueError(
                "loaded state dict contains a parameter group that doesn't match the size of optimizer's group"
            )
        ids = chain.from_iterable(group["params"] for group in saved_groups)
        by_id = dict(zip(ids, chain.from_iterable(group["params"] for group in groups), strict=True))

        state: defaultdict[Any, Any] = defaultdict(dict)
        groups_of = {id(p): group for group in saved_groups for p in map(by_id.get, group["params"])}
        for key, value in state_dict["state"].items():
            p = by_id.get(key)
            state[key if p is None else p] = value if p is None else self._copied(value, p, groups_of[id(p)])
        for new, old in zip(saved_groups, groups, strict=True):
            new["params"] = old["params"]
            if "param_names" in old:
                new.setdefault("param_names", old["param_names"])
        self.__setstate__({"state": state, "param_groups": saved_groups})
        for hook in self._optimizer_load_state_dict_post_hooks.values():
            hook(self)

    def _copied(self, value: Any, p: Tensor, group: Group, key: Any = None) -> Any:
        """A loaded piece of the state of `p`, its tensors copied to the dtype and device of `p`."""
        if isinstance(value, Tensor):
            if key in self._numbers:
                number = self._number_beside(value, p, group)
                if key != "step" and p.is_floating_point():
                    number._data = number._data.astype(p._data.dtype)
                return number
            array = move(value._data, p.device)
            return wrap(array.astype(p._data.dtype) if p.is_floating_point() else array.copy())
        if isinstance(value, dict):
            return {k: self._copied(v, p, group, k) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return type(value)([self._copied(v, p, group) for v in value])
        return value

    def _number_beside(self, number: Tensor, p: Tensor, group: Group) -> Tensor:
        """A copy of a number of the state of `p` where that is kept: on the CPU, with `capturable` where `p` is."""
        array = np.array(as_numpy(number._data))
        return wrap(move(array, p.device) if group.get("capturable") else array)

    def __getstate__(self) -> dict[str, Any]:
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        for name in HOOK_TABLES:  # hooks are not saved
            self.__dict__.setdefault(name, OrderedDict())
        for group in self.param_groups:
            for key, value in self._added_later.items():
                if key in self.defaults:
                    group.setdefault(key, value)

    # --- hooks

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` before each step; it may return others to step with."""
        return add_hook(self._optimizer_step_pre_hooks, hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` after each step."""
        return add_hook(self._optimizer_step_post_hooks, hook)

    def register_state_dict_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer)` before `state_dict` collects the state."""
        return add_hook(self._optimizer_state_dict_pre_hooks, hook, prepend=prepend)

    def register_state_dict_post_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer, state_dict)` after `state_dict`; a result that is not None replaces it."""
        return add_hook(self._optimizer_state_dict_post_hooks, hook, prepend=prepend)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer, state_dict)` before loading; a result that is not None is loaded instead."""
        return add_hook(self._optimizer_load_state_dict_pre_hooks, hook, prepend=prepend)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer)` after loading."""
        return add_hook(self._optimizer_load_state_dict_post_hooks, hook, prepend=prepend)

    def __repr__(self) -> str:
        text = f"{type(self).__name__} ("
        for i, group in enumerate(self.param_groups):
            text += f"\nParameter Group {i}\n"
            text += "".join(f"    {key}: {group[key]}\n" for key in sorted(group) if key != "params")
        return text + ")"


def _with_hooks(step: Callable[..., Any]) -> Callable[..., Any]:
    """`step` with the optimizer's hooks around it; around the outermost one if a step calls its parent's."""

    @functools.wraps(step)
    def hooked(*args: Any, **kwargs: Any) -> Any:
        self = args[0]
        before, after = self._optimizer_step_pre_hooks, self._optimizer_step_post_hooks
        if not (before or after) or "_stepping" in self.__dict__:
            return step(*args, **kwargs)
        self._stepping = True
        try:
            for hook in list(before.values()):
                result = hook(self, args, kwargs)
                if result is None:
                    continue
                if not (isinstance(result, tuple) and len(result) == 2):
                    raise RuntimeError(
                        f"{step} must return None or a tuple of (new_args, new_kwargs), but got {result}."
                    )
                args, kwargs = result
            out = step(*args, **kwargs)
            for hook in list(after.values()):
                hook(self, args, kwargs)
            return out
        finally:
            del self._stepping

    return hooked


def _params_and_names(params: Any) -> tuple[list[Any], list[str]]:
    """The parameters of a group as a list, and their names if they came as (name, tensor) pairs."""
    if isinstance(params, Tensor):
        return [params], []
    if isinstance(params, set):
        raise TypeError(
            "optimizer parameters need to be organized in ordered collections, but the ordering of tensors "
            "in sets will change between runs. Please use a list instead."
        )
    params = list(params)
    named = [isinstance(p, tuple) for p in params]
    if not any(named):
        return params, []
    if not all(named):
        raise ValueError("all optimizer params should be with/without names. Some param names are missing")
    return [p[1] for p in params], [p[0] for p in params]


# --- checks of arguments


def check_lr(lr: Any) -> None:
    """ValueError unless `lr` is a number from 0 on or a tensor of one."""
    if isinstance(lr, Tensor) and lr.numel() != 1:
        raise ValueError("Tensor lr must be 1-element")
    if not lr >= 0.0:
        raise ValueError(f"Invalid learning rate: {lr}")


def check_not_negative(**values: Any) -> None:
    """ValueError for the first of the named values that is not from 0 on."""
    for name, value in values.items():
        if not value >= 0.0:
            raise ValueError(f"Invalid {name} value: {value}")


def check_betas(betas: Any) -> None:
    """ValueError unless both `betas` lie in [0, 1)."""
    for i in 0, 1:
        if not 0.0 <= betas[i] < 1.0:
            raise ValueError(f"Invalid beta parameter at index {i}: {betas[i]}")


def check_hints(foreach: bool | None, fused: bool | None, differentiable: bool) -> None:
    """RuntimeError for hints that PyTorch does not let stand together."""
    if fused and differentiable:
        raise RuntimeError("`fused` does not support `differentiable`")
    if fused and foreach:
        raise RuntimeError("`fused` and `foreach` cannot be `True` together.")
