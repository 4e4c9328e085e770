"""Numbers that are others at the next call: a learning rate, a step count, and what a formula computes of them.

To trace a formula takes as long as ten launches of its kernel. So an optimizer's is traced once, with `Number`s for its
numbers: these know how they were computed and do it again for others. Where the formula looks at one, to branch or to
make a plain float of it, that is noted: the trace serves calls for which it would have seen the same.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any

Given = Sequence[float]
Again = Callable[[Given], Any]


class Number:
    """`value`, computed from the numbers of a call by `again`. seen: where what the formula sees is noted."""

    def __init__(self, value: float, again: Again, seen: list[tuple[Again, Any]]) -> None:
        self.value, self.again, self.seen = value, again, seen

    def look(self, function: Callable[..., Any], *others: Any) -> Any:
        """function(self, *others) for the formula to go by."""
        found = _applied(function, self, *others)
        self.seen.append((_again(function, self, *others), found))
        return found

    def __bool__(self) -> bool:
        return self.look(bool)

    def __float__(self) -> float:
        return self.look(float)

    __lt__, __le__, __gt__, __ge__, __eq__, __ne__ = (
        lambda self, other, function=function: self.look(function, other)
        for function in (operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne)
    )
    __hash__ = None  # type: ignore[assignment]


Real.register(Number)


def _of_one(function: Callable[..., Any]) -> Any:
    return lambda self: Number(_applied(function, self), _again(function, self), self.seen)


def _of_two(function: Callable[..., Any], reflected: bool) -> Any:
    def method(self: Number, other: Any) -> Any:
        if not isinstance(other, Real):
            return NotImplemented  # a symbol or an array knows better
        both = (other, self) if reflected else (self, other)
        return Number(_applied(function, *both), _again(function, *both), self.seen)

    return method


for _name in "add", "sub", "mul", "truediv", "pow":
    setattr(Number, f"__{_name}__", _of_two(getattr(operator, _name), False))
    setattr(Number, f"__r{_name}__", _of_two(getattr(operator, _name), True))
for _name in "neg", "abs":
    setattr(Number, f"__{_name}__", _of_one(getattr(operator, _name)))


def _applied(function: Callable[..., Any], *operands: Any) -> Any:
    return function(*[x.value if isinstance(x, Number) else x for x in operands])


def _again(function: Callable[..., Any], *operands: Any) -> Again:
    ways = [x.again if isinstance(x, Number) else (lambda given, x=x: x) for x in operands]
    return lambda given: function(*[way(given) for way in ways])


def numbers(values: Given, seen: list[tuple[Again, Any]]) -> list[Number]:
    """The numbers of a call, to be traced with."""
    return [Number(value, operator.itemgetter(i), seen) for i, value in enumerate(values)]
