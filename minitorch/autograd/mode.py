"""Whether operations are recorded: one flag per thread and task, and the context managers that set it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Generator
from contextvars import ContextVar
from types import TracebackType
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

# ContextVars: each thread starts recording, as in PyTorch, and reading one costs 15 ns.
grad_enabled: ContextVar[bool] = ContextVar("grad_enabled", default=True)
inference: ContextVar[bool] = ContextVar("inference", default=False)


def is_grad_enabled() -> bool:
    """True where operations on tensors that require grad are recorded."""
    return grad_enabled.get()


def is_inference_mode_enabled() -> bool:
    """True inside `inference_mode()`."""
    return inference.get()


class _Mode:
    """A context manager and decorator: sets the flags on entry, puts back what it found on exit."""

    def __init__(self) -> None:
        self._found: list[tuple[bool, bool]] = []

    def _flags(self) -> tuple[bool, bool]:
        """(grad_enabled, inference) inside."""
        raise NotImplementedError

    def _again(self) -> _Mode:
        """A fresh one like this, for each call of a decorated function."""
        return self.__class__()

    def __enter__(self) -> None:
        self._found.append((grad_enabled.get(), inference.get()))
        grad, infer = self._flags()
        grad_enabled.set(grad)
        inference.set(infer)

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        grad, infer = self._found.pop()
        grad_enabled.set(grad)
        inference.set(infer)

    def __call__(self, function: F) -> F:
        if inspect.isgeneratorfunction(function):
            return self._wrap_generator(function)  # type: ignore[return-value]

        @functools.wraps(function)
        def inside(*args: Any, **kwargs: Any) -> Any:
            with self._again():
                return function(*args, **kwargs)

        return inside  # type: ignore[return-value]

    def _wrap_generator(self, function: Callable[..., Generator]) -> Callable[..., Generator]:
        @functools.wraps(function)
        def steps(*args: Any, **kwargs: Any) -> Generator:
            # The mode holds while the generator runs, not while its consumer does.
            generator = function(*args, **kwargs)
            resume: Callable[[], Any] = lambda: next(generator)
            while True:
                try:
                    with self._again():
                        value = resume()
                except StopIteration as stop:
                    return stop.value
                try:
                    sent = yield value
                except GeneratorExit:
                    with self._again():
                        generator.close()
                    raise
                except BaseException as error:
                    resume = functools.partial(generator.throw, error)
                else:
                    resume = functools.partial(generator.send, sent)

        return steps


class no_grad(_Mode):
    """Nothing inside is recorded: `with no_grad():`, `@no_grad()` or `@no_grad`."""

    def __new__(cls, function: Any = None) -> Any:
        self = super().__new__(cls)
        if function is None:
            return self
        self.__init__()  # type: ignore[misc]
        return self(function)

    def __init__(self, function: Any = None) -> None:
        super().__init__()

    def _flags(self) -> tuple[bool, bool]:
        return False, inference.get()


class enable_grad(no_grad):
    """Recording is on inside, also within `no_grad`."""

    def _flags(self) -> tuple[bool, bool]:
        return True, inference.get()


class set_grad_enabled(_Mode):
    """Recording on or off, from the call on; as a context manager until its end."""

    def __init__(self, mode: bool) -> None:
        super().__init__()
        self.mode = bool(mode)
        self._before = grad_enabled.get()
        grad_enabled.set(self.mode)

    def _flags(self) -> tuple[bool, bool]:
        return self.mode, inference.get()

    def _again(self) -> _Mode:
        return set_grad_enabled(self.mode)

    def __enter__(self) -> None:
        self._found.append((self._before, inference.get()))
        grad_enabled.set(self.mode)

    def __call__(self, function: F) -> F:
        grad_enabled.set(self._before)  # as a decorator it acts inside the function only
        return super().__call__(function)


class inference_mode(_Mode):
    """As `no_grad`, and the tensors made inside can never enter a graph: they keep no version."""

    def __new__(cls, mode: Any = True) -> Any:
        self = super().__new__(cls)
        if isinstance(mode, bool):
            return self
        self.__init__()  # type: ignore[misc]
        return self(mode)

    def __init__(self, mode: bool = True) -> None:
        super().__init__()
        self.mode = mode

    def _flags(self) -> tuple[bool, bool]:
        return (False, True) if self.mode else (True, False)

    def _again(self) -> _Mode:
        return inference_mode(self.mode)
