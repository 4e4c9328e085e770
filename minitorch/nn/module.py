"""Module, the base class of every layer and network: a tree of named parameters, buffers and modules."""

from __future__ import annotations

import difflib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any, Self

from minitorch.nn.convert import ConvertMixin
from minitorch.nn.hooks import HOOK_TABLES, HookMixin, call_with_hooks
from minitorch.nn.parameter import Buffer, Parameter
from minitorch.nn.state import STATE_HOOK_TABLES, StateMixin
from minitorch.tensor import Tensor


def typename(value: Any) -> str:
    """How error messages name the type of `value`: a tensor by its type string, else by class."""
    if isinstance(value, Tensor):
        return value.type()
    cls = value if isinstance(value, type) else type(value)
    return cls.__qualname__ if cls.__module__ in ("builtins", "__main__") else f"{cls.__module__}.{cls.__qualname__}"


def _indent(text: str) -> str:
    """`text` with every line after the first moved two columns to the right."""
    return text.replace("\n", "\n  ")


class Module(HookMixin, StateMixin, ConvertMixin):
    """Base class of all neural network modules. Subclasses call `super().__init__()`, then assign
    parameters (`Parameter`), buffers and submodules as attributes, and define `forward`.

    `training` tells the mode (see `train`, `eval`); dropout and its like look at it.
    """

    training: bool

    def __init__(self) -> None:
        self.__dict__.update(
            training=True,
            _parameters={},
            _buffers={},
            _non_persistent_buffers_set=set(),
            _modules={},
            _hooked=False,
        )
        for table in HOOK_TABLES + STATE_HOOK_TABLES:
            self.__dict__[table] = OrderedDict()

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The computation of the module: every subclass defines it."""
        raise NotImplementedError(f'Module [{type(self).__name__}] is missing the required "forward" function')

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._hooked:
            return call_with_hooks(self, args, kwargs)
        return self.forward(*args, **kwargs)

    # -- registering -----------------------------------------------------------------------------

    def _check_name(self, kind: str, name: str, registry: str) -> None:
        """Refuse a name that is no plain attribute name, or one that is taken by something else."""
        if registry not in self.__dict__:
            raise AttributeError(f"cannot assign {kind} before Module.__init__() call")
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {typename(name)}")
        if "." in name:
            got = f", got: {name}" if kind == "module" else ""
            raise KeyError(f'{kind} name can\'t contain "."{got}')
        if name == "":
            raise KeyError(f'{kind} name can\'t be empty string ""')
        if name not in self.__dict__[registry] and self._has(name):
            raise KeyError(f"attribute '{name}' already exists")

    def _has(self, name: str) -> bool:
        """hasattr without the search for a suggestion."""
        try:
            object.__getattribute__(self, name)
            return True
        except AttributeError:
            return any(name in table for table in (self._parameters, self._buffers, self._modules))

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter, reachable as attribute `name`. None keeps the name for later."""
        self._check_name("parameter", name, "_parameters")
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(
                f"cannot assign '{typename(param)}' object to parameter '{name}' (torch.nn.Parameter or None required)"
            )
        self._parameters[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that belongs to the state but is no parameter; in the state dict if `persistent`."""
        self._check_name("buffer", name, "_buffers")
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"cannot assign '{typename(tensor)}' object to buffer '{name}' (torch Tensor or None required)"
            )
        self._buffers[name] = tensor
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        else:
            self._non_persistent_buffers_set.add(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a submodule, reachable as attribute `name`."""
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"{typename(module)} is not a Module subclass")
        self._check_name("module", name, "_modules")
        self._modules[name] = module

    def register_module(self, name: str, module: Module | None) -> None:
        """Alias of `add_module`."""
        self.add_module(name, module)

    # -- attributes ------------------------------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        own = self.__dict__
        if isinstance(value, Parameter):
            self._take_name(name, "_parameters", "parameters")
            self.register_parameter(name, value)
        elif name in own.get("_parameters", ()):
            self._refuse_unless_none(name, value, "parameter", "torch.nn.Parameter")
            self._parameters[name] = None
        elif isinstance(value, Module):
            self._take_name(name, "_modules", "module")
            self._modules[name] = value
        elif name in own.get("_modules", ()):
            self._refuse_unless_none(name, value, "child module", "torch.nn.Module")
            self._modules[name] = None
        elif isinstance(value, Buffer):
            self._take_name(name, "_buffers", "buffer")
            self.register_buffer(name, value, value.persistent)
        elif name in own.get("_buffers", ()):
            if not isinstance(value, Tensor):
                self._refuse_unless_none(name, value, "buffer", "torch.nn.Buffer, torch.Tensor")
            self._buffers[name] = value
        else:
            object.__setattr__(self, name, value)

    def _take_name(self, name: str, registry: str, kind: str) -> None:
        """Free `name` for `registry`: an attribute lives in one place only."""
        own = self.__dict__
        if registry not in own:
            raise AttributeError(f"cannot assign {kind} before Module.__init__() call")
        own.pop(name, None)
        for other in ("_parameters", "_buffers", "_modules"):
            if other != registry:
                own[other].pop(name, None)
        own["_non_persistent_buffers_set"].discard(name)

    def _refuse_unless_none(self, name: str, value: Any, kind: str, expected: str) -> None:
        if value is not None:
            raise TypeError(f"cannot assign '{typename(value)}' as {kind} '{name}' ({expected} or None expected)")

    def __getattr__(self, name: str) -> Any:
        # Reached only when the ordinary lookup failed, so the registries come here.
        own = self.__dict__
        for registry in ("_parameters", "_buffers", "_modules"):
            if registry in own and name in own[registry]:
                return own[registry][name]
        message = f"'{type(self).__name__}' object has no attribute '{name}'"
        if not name.startswith("_"):
            alike = [other for other in dir(self) if abs(len(other) - len(name)) <= 2]
            near = difflib.get_close_matches(name, alike, n=1)
            if near:
                message += f"; did you mean '{near[0]}'?"
        # A given `name` stops the interpreter from adding a suggestion of its own to the traceback.
        raise AttributeError(message, name=None, obj=None)

    def __delattr__(self, name: str) -> None:
        for registry in (self._parameters, self._buffers, self._modules):
            if name in registry:
                del registry[name]
                self._non_persistent_buffers_set.discard(name)
                return
        object.__delattr__(self, name)

    def __dir__(self) -> list[str]:
        names = set(dir(type(self))) | set(self.__dict__)
        for registry in ("_parameters", "_buffers", "_modules"):
            names.update(self.__dict__.get(registry, ()))
        return sorted(name for name in names if not name[:1].isdigit())

    # -- walking the tree ------------------------------------------------------------------------

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """This module and all below it, parents first, with dotted names; each once unless told otherwise."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, module in self._modules.items():
            if module is not None:
                below = f"{prefix}.{name}" if prefix else name
                yield from module.named_modules(memo, below, remove_duplicate)

    def modules(self, remove_duplicate: bool = True) -> Iterator[Module]:
        """This module and all below it."""
        for _, module in self.named_modules(remove_duplicate=remove_duplicate):
            yield module

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The direct submodules with their names, each once."""
        seen = set()
        for name, module in self._modules.items():
            if module is not None and module not in seen:
                seen.add(module)
                yield name, module

    def children(self) -> Iterator[Module]:
        """The direct submodules."""
        for _, module in self.named_children():
            yield module

    def _named_members(
        self, registry: str, prefix: str, recurse: bool, remove_duplicate: bool
    ) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        modules = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate) if recurse else [(prefix, self)]
        for path, module in modules:
            for name, member in getattr(module, registry).items():
                if member is None or id(member) in seen:
                    continue
                if remove_duplicate:
                    seen.add(id(member))
                yield (f"{path}.{name}" if path else name), member

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """Parameters with dotted names, in order of registration; shared ones once."""
        yield from self._named_members("_parameters", prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """Parameters in order of registration: what an optimizer is given."""
        for _, param in self.named_parameters(recurse=recurse):
            yield param

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """Buffers with dotted names, in order of registration; shared ones once."""
        yield from self._named_members("_buffers", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """Buffers in order of registration."""
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    # -- by dotted name --------------------------------------------------------------------------

    def get_submodule(self, target: str) -> Module:
        """The module at the dotted path `target`; "" is this module. AttributeError if there is none."""
        module = self
        for name in target.split(".") if target else ():
            module = module._attribute(name)
            if not isinstance(module, Module):
                raise AttributeError(f"`{name}` is not an nn.Module")
        return module

    def _attribute(self, name: str) -> Any:
        try:
            return getattr(self, name)
        except AttributeError:
            raise AttributeError(f"{type(self).__name__} has no attribute `{name}`") from None

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Put `module` at the dotted path `target`; `strict`: something must be there already."""
        if target == "":
            raise ValueError("Cannot set the submodule without a target name!")
        if not isinstance(module, Module):
            raise ValueError(f"`module` is not an nn.Module, found {type(module)}")
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        if (strict or parent._has(name)) and not isinstance(parent._attribute(name), Module):
            raise AttributeError(f"`{name}` is not an nn.Module")
        setattr(parent, name, module)

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at the dotted path `target`. AttributeError if it is none."""
        path, _, name = target.rpartition(".")
        param = self.get_submodule(path)._attribute(name)
        if not isinstance(param, Parameter):
            raise AttributeError(f"`{name}` is not an nn.Parameter")
        return param

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at the dotted path `target`. AttributeError if it is none."""
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        buffer = module._attribute(name)
        if name not in module._buffers:
            raise AttributeError(f"`{name}` is not a buffer")
        return buffer

    # -- mode and gradients ----------------------------------------------------------------------

    def train(self, mode: bool = True) -> Self:
        """Training (or evaluation) mode for this module and all below it. Says nothing about gradients."""
        if not isinstance(mode, bool):
            raise ValueError(f"training mode is expected to be boolean, got {mode!r}: pass True or False")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self) -> Self:
        """`train(False)`."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Let every parameter record operations, or not (to freeze a module)."""
        for param in self.parameters():
            param.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or fill them with zeros."""
        for param in self.parameters():
            if set_to_none:
                param.grad = None
            elif param.grad is not None:
                if param.grad.grad_fn is not None:
                    param.grad.detach_()
                else:
                    param.grad.requires_grad_(False)
                param.grad.zero_()

    def apply(self, fn: Callable[[Module], Any]) -> Self:
        """Call `fn` on every submodule, children first, then on this module (to initialise, for example)."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    # -- printing --------------------------------------------------------------------------------

    def _get_name(self) -> str:
        return type(self).__name__

    def extra_repr(self) -> str:
        """Override to show the settings of a module in its repr, on one line or several."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        children = [f"({name}): {_indent(repr(module))}" for name, module in self._modules.items()]
        if extra and "\n" not in extra and not children:
            return f"{self._get_name()}({extra})"
        lines = (extra.split("\n") if extra else []) + children
        body = "\n  " + "\n  ".join(lines) + "\n" if lines else ""
        return f"{self._get_name()}({body})"
