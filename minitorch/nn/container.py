"""Modules that hold modules: Sequential, ModuleList, ModuleDict."""

from __future__ import annotations

import operator
from collections import OrderedDict
from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from itertools import chain
from typing import Any, Self, overload

from minitorch.nn.module import Module, typename
from minitorch.tensor import Tensor


def position(index: Any, length: int) -> int:
    """`index`, which may be negative, as a position in range; IndexError or TypeError as a list gives."""
    index = operator.index(index)
    if not -length <= index < length:
        raise IndexError(f"index {index} is out of range")
    return index % length


def check_iterable(values: Any, where: str, of: str = "an iterable") -> None:
    if not isinstance(values, Iterable) or isinstance(values, Tensor):
        raise TypeError(f"{where} should be called with {of}, but got {type(values).__name__}")


def check_pairs(pairs: Iterable[Any], where: str) -> Iterator[tuple[str, Any]]:
    """The elements of `pairs`, each made sure to be a (key, value)."""
    for i, pair in enumerate(pairs):
        if not isinstance(pair, Iterable):
            raise TypeError(f"{where} update sequence element #{i} should be Iterable; is{type(pair).__name__}")
        pair = list(pair)
        if len(pair) != 2:
            raise ValueError(f"{where} update sequence element #{i} has length {len(pair)}; 2 is required")
        yield pair[0], pair[1]


class _ModuleSequence(Module):
    """What Sequential and ModuleList share: submodules by position, named "0", "1", ... by default."""

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._modules.values())

    def _key(self, index: Any) -> str:
        """The name of the module at position `index`."""
        return list(self._modules)[position(index, len(self))]

    def __setitem__(self, index: int, module: Module) -> None:
        setattr(self, self._key(index), module)

    def __delitem__(self, index: int | slice) -> None:
        """Delete by position or slice; the rest is named "0", "1", ... anew."""
        keys = list(self._modules)[index] if isinstance(index, slice) else [self._key(index)]
        for key in keys:
            delattr(self, key)
        self._renumber(list(self))

    def _renumber(self, modules: list[Any]) -> None:
        self._modules = {str(i): module for i, module in enumerate(modules)}

    def append(self, module: Module) -> Self:
        """Add a module at the end."""
        self.add_module(str(len(self)), module)
        return self

    def pop(self, key: int | slice) -> Any:
        """Remove and return the module at position `key`."""
        module = self[key]  # type: ignore[index]  # both subclasses index
        del self[key]
        return module


class Sequential(_ModuleSequence):
    """Modules called one after the other: `Sequential(a, b)(x)` is `b(a(x))`.

    Takes modules, or one OrderedDict of names and modules.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__()
        named = args[0].items() if len(args) == 1 and isinstance(args[0], OrderedDict) else enumerate(args)
        for name, module in named:
            self.add_module(str(name) if isinstance(name, int) else name, module)

    def forward(self, input: Any) -> Any:
        for module in self._modules.values():
            input = module(input)  # type: ignore[misc]  # None is allowed in, and refuses to be called
        return input

    @overload
    def __getitem__(self, index: int) -> Module: ...
    @overload
    def __getitem__(self, index: slice) -> Sequential: ...
    def __getitem__(self, index: int | slice) -> Module | Sequential | None:
        """The module at a position; a slice gives a new container of the same modules and names."""
        if isinstance(index, slice):
            return type(self)(OrderedDict(list(self._modules.items())[index]))
        return self._modules[self._key(index)]

    def insert(self, index: int, module: Module) -> Self:
        """Put a module before position `index`."""
        if not isinstance(module, Module):
            raise AssertionError(f"module should be of type: {Module}")
        if not -len(self) <= index <= len(self):
            raise IndexError(f"Index out of range: {index}")
        modules = list(self)
        modules.insert(index, module)
        self._renumber(modules)
        return self

    def extend(self, sequential: Iterable[Module]) -> Self:
        """Add modules at the end."""
        for module in list(sequential):
            self.append(module)
        return self

    def __add__(self, other: Any) -> Sequential:
        self._refuse_other(other)
        return Sequential(*self, *other)

    def __iadd__(self, other: Any) -> Self:
        self._refuse_other(other)
        return self.extend(other)

    def _refuse_other(self, other: Any) -> None:
        if not isinstance(other, Sequential):
            raise ValueError(f"add operator supports only objects of Sequential class, but {type(other)} is given.")

    def _check_factor(self, factor: Any) -> None:
        if not isinstance(factor, int):
            raise TypeError(f"unsupported operand type(s) for *: {type(self)} and {type(factor)}")
        if factor <= 0:
            raise ValueError(f"Non-positive multiplication factor {factor} for {type(self)}")

    def __mul__(self, factor: int) -> Sequential:
        """The same modules (not copies) `factor` times over."""
        self._check_factor(factor)
        return Sequential(*(list(self) * factor))

    def __rmul__(self, factor: int) -> Sequential:
        return self * factor

    def __imul__(self, factor: int) -> Self:
        self._check_factor(factor)
        return self.extend(list(self) * (factor - 1))


class ModuleList(_ModuleSequence):
    """A list of modules, all registered. It has no forward."""

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self.extend(modules)

    @overload
    def __getitem__(self, index: int) -> Module: ...
    @overload
    def __getitem__(self, index: slice) -> ModuleList: ...
    def __getitem__(self, index: int | slice) -> Module | ModuleList | None:
        """The module at a position; a slice gives a new list of the same modules."""
        if isinstance(index, slice):
            return type(self)(list(self)[index])
        return self._modules[self._key(index)]

    def insert(self, index: int, module: Module) -> None:
        """Put a module before position `index`."""
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"{typename(module)} is not a Module subclass")
        if not -len(self) <= index <= len(self):
            raise IndexError(f"Index out of range: {index}")
        modules = list(self)
        modules.insert(index, module)
        self._renumber(modules)

    def extend(self, modules: Iterable[Module]) -> Self:
        """Add modules at the end."""
        check_iterable(modules, "ModuleList.extend")
        for module in list(modules):
            self.append(module)
        return self

    def __iadd__(self, modules: Iterable[Module]) -> Self:
        return self.extend(modules)

    def __add__(self, other: Iterable[Module]) -> ModuleList:
        return ModuleList(list(chain(self, other)))

    def __repr__(self) -> str:
        """Runs of modules that print alike are shown once: `(0-2): 3 x Linear(...)`."""
        if not len(self):
            return f"{self._get_name()}()"
        runs: list[tuple[int, int, str]] = []
        for i, text in enumerate(repr(module) for module in self):
            if runs and runs[-1][2] == text:
                runs[-1] = (runs[-1][0], i, text)
            else:
                runs.append((i, i, text))
        lines = []
        for first, last, text in runs:
            line = f"({first}): {text}" if first == last else f"({first}-{last}): {last - first + 1} x {text}"
            lines.append("\n  " + line.replace("\n", "\n  "))
        return f"{self._get_name()}({''.join(lines)}\n)"


class ModuleDict(Module):
    """A dict of modules, all registered, in order of insertion. It has no forward."""

    def __init__(self, modules: Mapping[str, Module] | Iterable[Any] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self.update(modules)

    def __getitem__(self, key: str) -> Any:
        return self._modules[key]

    def __setitem__(self, key: str, module: Module) -> None:
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        del self._modules[key]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, key: str) -> bool:
        return key in self._modules

    def clear(self) -> None:
        """Remove everything."""
        self._modules.clear()

    def pop(self, key: str) -> Any:
        """Remove and return the module at `key`."""
        module = self[key]
        del self[key]
        return module

    def keys(self) -> KeysView[str]:
        """The keys."""
        return self._modules.keys()

    def items(self) -> ItemsView[str, Any]:
        """The (key, module) pairs."""
        return self._modules.items()

    def values(self) -> ValuesView[Any]:
        """The modules."""
        return self._modules.values()

    def update(self, modules: Mapping[str, Module] | Iterable[Any]) -> None:
        """Add or replace from a mapping or from (key, module) pairs, in their order."""
        check_iterable(modules, "ModuleDict.update", "an iterable of key/value pairs")
        if isinstance(modules, (Mapping, ModuleDict)):
            pairs: Iterable[tuple[str, Any]] = modules.items()
        else:
            pairs = check_pairs(modules, "ModuleDict")
        for key, module in pairs:
            self[key] = module
