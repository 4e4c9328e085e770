"""What the tape knows of an op: its signature, its rules, and for each set of tracked arguments a plan."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Generic, ParamSpec, Protocol

from minitorch import fusion
from minitorch.autograd.mismatch import promoted

P = ParamSpec("P")
Rule = Callable[..., Any]


class Call(Protocol, Generic[P]):
    """An op as users and rules call it. `.array` is its function on arrays, `.op` what the tape knows of it."""

    op: Op
    array: Callable[..., Any]

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Any: ...

    def __get__(self, instance: Any, owner: Any) -> Any: ...  # as a method of Tensor


OPS: dict[str, Op] = {}  # every op in the library by name: the tests walk it
# PyTorch takes NumPy's names for these arguments beside its own.
_ALIASES = {"axis": "dim", "keepdims": "keepdim", "x": "input", "x1": "input", "x2": "other", "self": "input"}


class Op:
    """What the tape knows of an op: its array function, its rules, its signature and its plans."""

    def __init__(
        self,
        function: Callable[..., Any],
        rules: tuple[Rule | None, ...],
        promote: Any = False,
        view: bool = False,
        name: Any = None,
        fused: bool = False,
        in_single: bool = False,
        one_step: bool = False,
    ) -> None:
        self.function, self.rules, self.view, self._name = function, rules, view, name
        self.on_gpu = fusion.one_step(function) if one_step else function
        self.promote: Any = promoted if promote is True else promote
        self.name = function.__name__.strip("_")
        self.plans: dict[Any, Plan] = {}
        self.call: Any = None
        parameters = list(inspect.signature(function).parameters.values())
        kinds = [p.kind for p in parameters]
        self.variadic = inspect.Parameter.VAR_POSITIONAL in kinds
        self.fixed = kinds.index(inspect.Parameter.VAR_POSITIONAL) if self.variadic else len(rules)
        self.arguments = [p.name for p in parameters[: self.fixed]]
        self.argument_defaults = [p.default for p in parameters[: self.fixed]]
        self.rest = parameters[self.fixed].name if self.variadic else ""
        options = parameters[self.fixed + self.variadic :]
        self.options = [p.name for p in options]
        self.positional_options = [p.name for p in options if p.kind is p.POSITIONAL_OR_KEYWORD]
        self.defaults = {p.name: p.default for p in options}
        self.named = [self._names(rule) for rule in rules]
        if fused:
            self.rules = tuple([rule and fusion.elementwise(rule, in_single) for rule in rules])

    def _names(self, rule: Rule | None) -> list[str]:
        if rule is None:
            return []
        code = inspect.unwrap(rule).__code__  # as inspect.signature(rule), in a tenth of the time: there are 400 rules
        names = list(code.co_varnames[: code.co_argcount])
        known = ["out", "shape", *self.arguments, *self.options, *([self.rest, "i"] if self.variadic else [])]
        if names[:1] != ["g"] or not set(known).issuperset(names[1:]):
            raise TypeError(f"a rule of {self.name} names {names}: it must name g first, then any of {known}")
        return names[1:]

    def rule(self, i: int) -> Rule | None:
        return self.rules[min(i, len(self.rules) - 1)]

    def names(self, i: int) -> list[str]:
        """What the rule of argument `i` names beside g."""
        return self.named[min(i, len(self.rules) - 1)]

    def plan(self, arity: int, mask: int) -> Plan:
        key = (arity, mask) if self.variadic else mask
        plan = self.plans.get(key)
        if plan is None:
            plan = self.plans[key] = Plan(self, arity, mask)
        return plan

    def node_name(self, options: dict[str, Any]) -> str:
        if self._name is None:
            return "".join(part.capitalize() for part in self.name.split("_")) + "Backward0"
        return self._name if isinstance(self._name, str) else self._name(**{**self.defaults, **options})

    def bind(self, args: tuple[Any, ...], options: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """Sort a call's arguments into arrays and options, by position or keyword, as the signature has them."""
        if not options and 0 < len(args) - self.fixed <= len(self.positional_options) and not self.variadic:
            return list(args[: self.fixed]), dict(zip(self.positional_options, args[self.fixed :], strict=False))
        named = {k if k in self.defaults or k in self.arguments else _ALIASES.get(k, k): v for k, v in options.items()}
        if len(named) < len(options):
            raise TypeError(f"{self.name}() got the same argument under two names: {', '.join(options)}")
        options = named
        arrays = list(args) if self.variadic else list(args[: self.fixed])
        extra = args[self.fixed :] if not self.variadic else ()
        if len(extra) > len(self.positional_options):
            most = self.fixed + len(self.positional_options)
            raise TypeError(f"{self.name}() takes {most} positional arguments but {len(args)} were given")
        for name, value in zip(self.positional_options, extra, strict=False):
            if name in options:
                raise TypeError(f"{self.name}() got multiple values for argument '{name}'")
            options[name] = value
        for i in range(len(arrays), self.fixed):
            name, default = self.arguments[i], self.argument_defaults[i]
            if name not in options and default is inspect.Parameter.empty:
                raise TypeError(f'{self.name}() missing 1 required positional arguments: "{name}"')
            arrays.append(options.pop(name, default))
        for name in options:
            if name == "out":
                raise NotImplementedError(f"{self.name}(): minitorch has no 'out' argument; assign the result instead")
            if name not in self.defaults:
                raise TypeError(f"{self.name}() got an unexpected keyword argument '{name}'")
        return arrays, options


class Plan:
    """What to keep and which rules to run, for one op and one set of tracked arguments. Made once, then looked up.

    A node keeps one tuple of values: those that the first rule names, then those of the second, and so on.
    """

    __slots__ = ("arity", "keep", "op", "rest", "rules", "run", "sources", "spans", "tracked", "watched")

    def __init__(self, op: Op, arity: int, mask: int) -> None:
        self.op, self.arity = op, arity
        self.tracked = [i for i in range(arity) if mask >> i & 1 and op.rule(i) is not None]
        self.rules = [op.rule(i) for i in self.tracked]
        named = [(i, name) for i in self.tracked for name in op.names(i)]
        # Where each value comes from: an argument by its number, the output as `arity`, all else beyond.
        self.rest = arity + 1
        self.sources = [self._source(name) for _, name in named]
        watched = {source for source in self.sources if source <= arity}
        if self.rest in self.sources:
            watched.update(range(op.fixed, arity))
        self.watched = sorted(watched)  # the values whose versions are checked
        self.spans, start = [], 0  # which values belong to each rule
        for i in self.tracked:
            self.spans.append((start, start := start + len(op.names(i))))
        # The steps of recording and of running that differ from plan to plan, compiled: as loops they cost twice
        # the time of a small op.
        edges = "".join(f"args[{i}]._node or args[{i}], " for i in self.tracked)
        values = "".join(f"{self._expression(i, name)}, " for i, name in named)
        calls = ", ".join(f"rule{k}(g, *v[{a}:{b}])" if b - a > 2 else f"rule{k}(g{''.join(f', v[{j}]' for j in range(a, b))})"
                          for k, (a, b) in enumerate(self.spans))  # fmt: skip
        rules = {f"rule{k}": rule for k, rule in enumerate(self.rules)}
        self.keep = eval(f"lambda args, arrays, out, options: (({edges}), ({values}))", {"defaults": op.defaults})
        self.run = eval(f"lambda g, v: [{calls}]", rules)

    def _source(self, name: str) -> int:
        op = self.op
        if name in op.arguments:
            return op.arguments.index(name)
        return self.arity if name == "out" else self.rest if name == op.rest else self.rest + 1

    def _expression(self, i: int, name: str) -> str:
        """Where `keep` finds what the rule of argument `i` calls `name`."""
        op = self.op
        if name in op.arguments:
            return f"arrays[{op.arguments.index(name)}]"
        if name == "out":
            return "out"
        if name == "shape":
            return f"arrays[{i}].shape"
        if name == op.rest:
            return f"tuple(arrays[{op.fixed}:])"
        if name == "i" and op.variadic:
            return str(i - op.fixed)
        return f"options[{name!r}] if {name!r} in options else defaults[{name!r}]"
