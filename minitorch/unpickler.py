"""Reading a pickle that may come from anyone.

A pickle is a program for a machine with a stack, and Python's own reader lets it call any function there is.
This reader knows the operations that `torch.save` writes, builds numbers, strings and plain containers, and
calls nothing but the `Maker`s its caller hands it. It never looks up a name, sets an attribute or imports.
"""

from __future__ import annotations

import pickletools
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pickle import UnpicklingError
from typing import Any

_PROTOCOL = 2
_MUTABLE = (list, dict, set, bytearray)
# Hashing a tuple walks it, shared parts again each time: a short pickle could keep that going for ever.
_LARGEST_KEY = 1000
# Makers copy what they are given. Of what a file spells out once, a short one could order many copies.
_COPIES = 16


@dataclass(frozen=True)
class Maker:
    """A global that the pickle may call: `make(*args)` checks its arguments itself."""

    name: str
    make: Callable[..., Any]


def _refuse(message: str) -> UnpicklingError:
    return UnpicklingError(f"torch.load: {message}")


def check_arguments(valid: bool, name: str, args: tuple[Any, ...]) -> None:
    """UnpicklingError unless `valid`: what the file passes to a Maker is not what it takes."""
    if not valid:
        kinds = ", ".join(type(arg).__name__ for arg in args)
        raise _refuse(f"{name} in the file has wrong arguments: ({kinds})")


def _check_key(key: Any) -> Any:
    """`key` if it may go into a dict or set; UnpicklingError if it is mutable or too large to hash."""
    waiting, seen = [key], 0
    while waiting:
        part = waiting.pop()
        seen += 1
        if isinstance(part, _MUTABLE) or seen > _LARGEST_KEY:
            what = type(part).__name__ if seen <= _LARGEST_KEY else f"tuple of over {_LARGEST_KEY} parts"
            raise _refuse(f"a {what} cannot be a key of a dict or an element of a set")
        if isinstance(part, tuple):
            waiting.extend(part)
    return key


# --- the makers of Python's own types


def _empty(kind: type) -> Maker:
    def make(*args: Any) -> Any:
        check_arguments(not args, kind.__name__, args)
        return kind()

    return Maker(kind.__name__, make)


def _set(*args: Any) -> set[Any]:
    check_arguments(not args or (len(args) == 1 and type(args[0]) is list), "set", args)
    return {_check_key(element) for element in args[0]} if args else set()


def _counter(*args: Any) -> Counter[Any]:
    check_arguments(not args or (len(args) == 1 and type(args[0]) is dict), "Counter", args)
    return Counter(*args)


def _complex(*args: Any) -> complex:
    check_arguments(len(args) == 2 and all(type(a) in (int, float) for a in args), "complex", args)
    return complex(float(args[0]), float(args[1]))


def _encode(*args: Any) -> bytes:
    """How protocol 2 spells bytes: a string of the characters 0 to 255."""
    check_arguments(len(args) == 2 and type(args[0]) is str and args[1] == "latin1", "_codecs.encode", args)
    try:
        return args[0].encode("latin1")
    except UnicodeEncodeError:
        raise _refuse("_codecs.encode in the file has a character that is no byte") from None


def _bytearray(*args: Any) -> bytearray:
    check_arguments(not args or (len(args) == 1 and type(args[0]) is bytes), "bytearray", args)
    return bytearray(*args)


PLAIN: dict[str, Any] = {
    "collections.OrderedDict": _empty(OrderedDict),
    "collections.Counter": Maker("Counter", _counter),
    "__builtin__.set": Maker("set", _set),
    "__builtin__.complex": Maker("complex", _complex),
    "__builtin__.bytes": _empty(bytes),
    "__builtin__.bytearray": Maker("bytearray", _bytearray),
    "_codecs.encode": Maker("_codecs.encode", _encode),
}


# --- the machine


def _operations(data: bytes) -> Iterator[tuple[str, Any]]:
    """The operations of the pickle, by name, with their arguments."""
    operations = pickletools.genops(data)
    while True:
        try:
            operation, argument, _ = next(operations)
        except StopIteration:
            return
        except (ValueError, OverflowError, IndexError, Warning) as error:  # of a backslash Python warns
            raise _refuse(f"the pickled part of the file is damaged: {error}") from error
        yield operation.name, argument


class _Machine:
    """The stack, the marks on it and the memo; every access is checked."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def _above_mark(self) -> int:
        return len(self.stack) - (self.marks[-1] if self.marks else 0)

    def top(self) -> Any:
        if self._above_mark() < 1:
            raise _refuse("the pickled part of the file takes more from its stack than is there")
        return self.stack[-1]

    def pop(self) -> Any:
        self.top()
        return self.stack.pop()

    def pop_some(self, count: int) -> tuple[Any, ...]:
        return tuple(reversed([self.pop() for _ in range(count)]))

    def pop_to_mark(self) -> list[Any]:
        if not self.marks:
            raise _refuse("the pickled part of the file lacks a mark on its stack")
        mark = self.marks.pop()
        items = self.stack[mark:]
        del self.stack[mark:]
        return items

    def recall(self, number: int) -> Any:
        if number not in self.memo:
            raise _refuse(f"the pickled part of the file refers to its object {number}, not made yet")
        return self.memo[number]


def _extend(target: Any, items: list[Any]) -> None:
    if type(target) is not list:
        raise _refuse(f"the file appends to a {type(target).__name__}")
    target.extend(items)


def _fill(target: Any, items: list[Any]) -> None:
    if type(target) not in (dict, OrderedDict) or len(items) % 2:
        raise _refuse(f"the file sets items of a {type(target).__name__}")
    for key, value in zip(items[::2], items[1::2], strict=True):
        target[_check_key(key)] = value


def set_attributes(target: Any, state: Any) -> None:
    """Give `target` attributes that its class does not have: nothing it does can then be changed."""
    kind = type(target)
    if type(state) is not dict:
        raise _refuse(f"the file sets the state of a {kind.__name__} to a {type(state).__name__}, not a dict")
    for name, value in state.items():
        if type(name) is not str or hasattr(kind, name):
            raise _refuse(f"the file sets the attribute {name!r} of a {kind.__name__}, which is not its own")
        vars(target)[name] = value


def _build(target: Any, state: Any) -> None:
    """An OrderedDict may carry attributes: a state_dict has its `_metadata` there."""
    if type(target) is not OrderedDict:
        raise _refuse(f"the file sets the state of a {type(target).__name__}")
    set_attributes(target, state)


def loads(
    data: bytes,
    allowed: Mapping[str, Any],
    unsupported: Mapping[str, str],
    find_storage: Callable[[Any], Any],
) -> Any:
    """The object that `data` describes, made of plain values and of what `allowed` maps global names to.

    `find_storage(identifier)` answers the pickle's references to data outside of it. NotImplementedError for
    the names in `unsupported`, with what is said there; UnpicklingError names any other global that is not
    allowed and what is, or says what is wrong with the data.
    """

    def find_global(name: str) -> Any:
        name = name.replace(" ", ".", 1)
        if name in unsupported:
            raise NotImplementedError(f"torch.load: minitorch cannot read this file: it holds {unsupported[name]}")
        if name not in allowed:
            raise _refuse(
                f"the file refers to {name}. minitorch reads only tensors and plain containers, always "
                "as with weights_only=True, since anything else could run code. Load the file where it was "
                "written, and save model.state_dict(), or numbers, strings and tensors in dicts and lists. "
                f"Allowed: {', '.join(sorted(allowed))}"
            )
        return allowed[name]

    machine, copied = _Machine(), 0
    push = machine.stack.append
    for name, argument in _operations(data):
        match name:
            case "BINPUT" | "LONG_BINPUT":
                machine.memo[argument] = machine.top()
            case "BINGET" | "LONG_BINGET":
                push(machine.recall(argument))
            case "BINUNICODE" | "BININT" | "BININT1" | "BININT2" | "BINFLOAT" | "LONG1":
                push(argument)
            case "GLOBAL":
                push(find_global(argument))
            case "MARK":
                machine.marks.append(len(machine.stack))
            case "TUPLE":
                push(tuple(machine.pop_to_mark()))
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                push(machine.pop_some(int(name[-1])))
            case "EMPTY_TUPLE":
                push(())
            case "EMPTY_LIST":
                push([])
            case "EMPTY_DICT":
                push({})
            case "NONE":
                push(None)
            case "NEWTRUE":
                push(True)
            case "NEWFALSE":
                push(False)
            case "BINPERSID":
                push(find_storage(machine.pop()))
            case "REDUCE":
                callee, args = machine.pop_some(2)
                if not isinstance(callee, Maker) or type(args) is not tuple:
                    raise _refuse(f"the file calls a {type(callee).__name__}")
                copied += sum(len(arg) for arg in args if type(arg) in (str, bytes, list, tuple, dict))
                if copied > _COPIES * len(data):
                    raise _refuse("the file makes many copies of one part of it, as torch.save never does")
                push(callee.make(*args))
            case "BUILD":
                state = machine.pop()
                _build(machine.top(), state)
            case "APPEND":
                item = machine.pop()
                _extend(machine.top(), [item])
            case "APPENDS":
                items = machine.pop_to_mark()
                _extend(machine.top(), items)
            case "SETITEM":
                pair = machine.pop_some(2)
                _fill(machine.top(), list(pair))
            case "SETITEMS":
                items = machine.pop_to_mark()
                _fill(machine.top(), items)
            case "POP":
                machine.pop()
            case "POP_MARK":
                machine.pop_to_mark()
            case "PROTO":
                if argument != _PROTOCOL:
                    raise _refuse(f"the file was saved with pickle_protocol={argument}; save it with {_PROTOCOL}")
            case "STOP":
                break
            case _:
                raise _refuse(f"the file uses the pickle operation {name}, which torch.save does not write")
    if len(machine.stack) != 1 or machine.marks:
        raise _refuse(f"the pickled part of the file leaves {len(machine.stack)} objects, not one")
    return machine.stack[0]
