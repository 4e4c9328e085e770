"""Saving and loading a module's state: `state_dict`, `load_state_dict` and their hooks."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from minitorch.autograd.hooks import RemovableHandle, add_hook
from minitorch.autograd.mode import no_grad
from minitorch.nn.parameter import Parameter
from minitorch.tensor import Tensor

if TYPE_CHECKING:
    from minitorch.nn.module import Module

STATE_HOOK_TABLES = (
    "_state_dict_pre_hooks",
    "_state_dict_hooks",
    "_load_state_dict_pre_hooks",
    "_load_state_dict_post_hooks",
)
EXTRA_STATE = "_extra_state"


class _Keys(NamedTuple):
    missing_keys: list[str]
    unexpected_keys: list[str]


class _IncompatibleKeys(_Keys):
    """What `load_state_dict` returns: the keys that did not match."""

    __slots__ = ()

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return super().__repr__()

    __str__ = __repr__


class StateMixin:
    """The half of Module that knows about state dicts."""

    _version = 1
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _non_persistent_buffers_set: set[str]
    _modules: dict[str, Module | None]
    # hook id -> (hook, whether it came by the public method)
    _state_dict_pre_hooks: OrderedDict[int, Callable]
    _state_dict_hooks: OrderedDict[int, tuple[Callable, bool]]
    # hook id -> (hook, whether it wants the module as its first argument)
    _load_state_dict_pre_hooks: OrderedDict[int, tuple[Callable, bool]]
    _load_state_dict_post_hooks: OrderedDict[int, Callable]

    # -- extra state -----------------------------------------------------------------------------

    def get_extra_state(self) -> Any:
        """Override, together with `set_extra_state`, to put something picklable into the state dict."""
        raise RuntimeError(
            f"{type(self).__name__}.get_extra_state() was called but is not implemented: "
            "override get_extra_state and set_extra_state together"
        )

    def set_extra_state(self, state: Any) -> None:
        """Receive in `load_state_dict` what `get_extra_state` gave."""
        raise RuntimeError(
            f"{type(self).__name__}.set_extra_state() was called but is not implemented: "
            "override get_extra_state and set_extra_state together"
        )

    def _overrides(self, method: str) -> bool:
        return getattr(type(self), method) is not getattr(StateMixin, method)

    # -- saving ----------------------------------------------------------------------------------

    def _own_state(self) -> dict[str, Tensor]:
        """Parameters and persistent buffers of this module itself that are not None."""
        own: dict[str, Tensor] = {name: p for name, p in self._parameters.items() if p is not None}
        for name, buffer in self._buffers.items():
            if buffer is not None and name not in self._non_persistent_buffers_set:
                own[name] = buffer
        return own

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        """Write this module's own state, without its children, into `destination`."""
        for name, tensor in self._own_state().items():
            destination[prefix + name] = tensor if keep_vars else tensor.detach()
        if self._overrides("get_extra_state"):
            destination[prefix + EXTRA_STATE] = self.get_extra_state()

    def state_dict(self, *args: Any, destination: Any = None, prefix: str = "", keep_vars: bool = False) -> Any:
        """All parameters and persistent buffers by dotted name, detached unless `keep_vars`.

        The tensors share memory with the module's. Positional arguments are deprecated.
        """
        if args:
            warnings.warn(
                "Positional args are being deprecated, use kwargs instead. They are destination, prefix, keep_vars.",
                FutureWarning,
                stacklevel=2,
            )
            destination = args[0] if destination is None else destination
            prefix = args[1] if len(args) > 1 and prefix == "" else prefix
            keep_vars = args[2] if len(args) > 2 and keep_vars is False else keep_vars
        if destination is None:
            destination = OrderedDict()
            destination._metadata = OrderedDict()

        metadata = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = metadata
        for pre_hook in self._state_dict_pre_hooks.values():
            pre_hook(self, prefix, keep_vars)
        self._save_to_state_dict(destination, prefix, keep_vars)
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        for hook, public in self._state_dict_hooks.values():
            result = hook(self, destination, prefix, metadata)
            if result is not None:
                if public:
                    raise RuntimeError("state_dict post-hook must return None")
                destination = result
        return destination

    # -- loading ---------------------------------------------------------------------------------

    def _load_from_state_dict(
        self,
        state_dict: Mapping[str, Any],
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        """Read this module's own state, without its children, from `state_dict`.

        What does not fit is appended to the three lists. `local_metadata` holds the saved version and,
        under "assign_to_params_buffers", whether tensors are to be taken over rather than copied.
        """
        for hook, with_module in self._load_state_dict_pre_hooks.values():
            lists = (state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)
            hook(self, *lists) if with_module else hook(*lists)

        own = self._own_state()
        assign = local_metadata.get("assign_to_params_buffers", False)
        for name, tensor in own.items():
            key = prefix + name
            if key in state_dict:
                error = self._load_tensor(name, tensor, key, state_dict[key], assign)
                if error:
                    error_msgs.append(error)
            elif strict:
                missing_keys.append(key)

        extra_key = prefix + EXTRA_STATE
        if self._overrides("set_extra_state"):
            if extra_key in state_dict:
                self.set_extra_state(state_dict[extra_key])
            elif strict:
                missing_keys.append(extra_key)
        elif strict and extra_key in state_dict:
            unexpected_keys.append(extra_key)

        if strict:
            for key in state_dict:
                if key.startswith(prefix) and key != extra_key:
                    head, dot, _ = key[len(prefix) :].partition(".")
                    if head not in (self._modules if dot else own):
                        unexpected_keys.append(key)

    def _load_tensor(self, name: str, mine: Tensor, key: str, theirs: Any, assign: bool) -> str | None:
        """Copy `theirs` into `mine` or take it over; the error text if that is impossible."""
        if not isinstance(theirs, Tensor):
            return (
                f'While copying the parameter named "{key}", expected torch.Tensor or Tensor-like object '
                f"from checkpoint but received {type(theirs)}"
            )
        if mine.dim() == 0 and theirs.shape == (1,):
            theirs = theirs[0]  # very old checkpoints kept scalars as one-element vectors
        if theirs.shape != mine.shape:
            return (
                f"size mismatch for {key}: copying a param with shape {theirs.shape} from checkpoint, "
                f"the shape in current model is {mine.shape}."
            )
        try:
            if not assign:
                with no_grad():
                    mine.copy_(theirs)
                return None
            if isinstance(mine, Parameter):
                if isinstance(theirs, Parameter):
                    theirs.requires_grad_(mine.requires_grad)
                else:
                    theirs = Parameter(theirs, requires_grad=mine.requires_grad)
            setattr(self, name, theirs)
            return None
        except Exception as error:
            return (
                f'While copying the parameter named "{key}", whose dimensions in the model are {mine.shape} '
                f"and whose dimensions in the checkpoint are {theirs.shape}, "
                f"an exception occurred : {error.args}."
            )

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> _IncompatibleKeys:
        """Copy parameters and buffers from `state_dict` into this module and its descendants.

        `strict`: RuntimeError unless the keys match exactly. `assign`: take the given tensors over
        (keeping their dtype and device) instead of copying them. Every fault found is in one message.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        missing: list[str] = []
        unexpected: list[str] = []
        errors: list[str] = []
        metadata = getattr(state_dict, "_metadata", None)
        state = OrderedDict(state_dict)
        if metadata is not None:
            state._metadata = metadata  # type: ignore[attr-defined]  # where PyTorch keeps it too

        def load(module: StateMixin, entries: Mapping[str, Any], prefix: str) -> None:
            local = dict(metadata.get(prefix[:-1], {})) if metadata else {}
            if assign:
                local["assign_to_params_buffers"] = True
            module._load_from_state_dict(entries, prefix, local, True, missing, unexpected, errors)
            for name, child in module._modules.items():
                if child is not None:
                    below = f"{prefix}{name}."
                    load(child, {k: v for k, v in entries.items() if k.startswith(below)}, below)
            keys = _IncompatibleKeys(missing, unexpected)
            for hook in module._load_state_dict_post_hooks.values():
                if hook(module, keys) is not None:
                    raise AssertionError(
                        "Hooks registered with ``register_load_state_dict_post_hook`` are not expected to "
                        "return new values, if incompatible_keys need to be modified, it should be done "
                        "inplace."
                    )

        load(self, state, "")
        if strict:
            for kind, keys in (("Unexpected", unexpected), ("Missing", missing)):
                if keys:
                    quoted = ", ".join(f'"{key}"' for key in keys)
                    errors.insert(0, f"{kind} key(s) in state_dict: {quoted}. ")
        if errors:
            listing = "\n\t".join(errors)
            raise RuntimeError(f"Error(s) in loading state_dict for {type(self).__name__}:\n\t{listing}")
        return _IncompatibleKeys(missing, unexpected)

    # -- hooks -----------------------------------------------------------------------------------

    def register_state_dict_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Call `hook(module, prefix, keep_vars)` before the state dict is made."""
        return add_hook(self._state_dict_pre_hooks, hook)

    def register_state_dict_post_hook(self, hook: Callable) -> RemovableHandle:
        """Call `hook(module, state_dict, prefix, local_metadata)` after; it may edit, must return None."""
        return add_hook(self._state_dict_hooks, (hook, True))

    def _register_state_dict_hook(self, hook: Callable) -> RemovableHandle:
        """The older form: a result that is not None replaces the state dict."""
        return add_hook(self._state_dict_hooks, (hook, False))

    def register_load_state_dict_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Call `hook(module, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys,
        error_msgs)` before this module's own state is read."""
        return add_hook(self._load_state_dict_pre_hooks, (hook, True))

    def _register_load_state_dict_pre_hook(self, hook: Callable, with_module: bool = False) -> RemovableHandle:
        """The older form, without the module as first argument unless `with_module`."""
        return add_hook(self._load_state_dict_pre_hooks, (hook, with_module))

    def register_load_state_dict_post_hook(self, hook: Callable) -> RemovableHandle:
        """Call `hook(module, incompatible_keys)` after loading; it may empty the lists, must return None."""
        return add_hook(self._load_state_dict_post_hooks, hook)
