"""Making tensors of random numbers: drawn on the host, so that a seed gives the same values on every device."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from minitorch import dtypes
from minitorch import random as streams
from minitorch.autograd import tape
from minitorch.autograd.inplace import bump, check_writable, will_track
from minitorch.autograd.mismatch import broadcast_error
from minitorch.autograd.tape import wrap
from minitorch.creation import DeviceLike, checked_size, finish, integer, kind_of, placed
from minitorch.device import Array, as_numpy, device, device_of, drawn, xp
from minitorch.dtypes import dtype
from minitorch.formats import wants_contiguous
from minitorch.ops.arithmetic import where
from minitorch.ops.compare import real_number
from minitorch.random.fill import empty_like as empty_in_layout
from minitorch.random.fill import with_strides_of


def _tensor(x: Any, name: str) -> Any:
    if not isinstance(x, tape.Tensor):
        raise TypeError(f"{name}(): argument 'input' (position 1) must be Tensor, not {x.__class__.__name__}")
    return x


# --- of a given size


def rand(*size: Any, generator: Any = None, **options: Any) -> Any:
    """Uniform on [0, 1)."""
    return _drawn("rand", size, options, streams.uniform_, (0.0, 1.0), generator)


def randn(*size: Any, generator: Any = None, **options: Any) -> Any:
    """Standard normal."""
    return _drawn("randn", size, options, streams.normal_, (0.0, 1.0), generator)


def _drawn(
    name: str, size: tuple[Any, ...], options: dict[str, Any], fill: Any, values: tuple[Any, ...], generator: Any
) -> Any:
    kind = kind_of(options.pop("dtype", None), dtypes.default_numpy())
    shape = checked_size(name, size, options)
    draw = lambda: fill(np.empty(shape, kind), *values, generator)
    array = _on(options.pop("device", None), draw, generator)
    return finish(name, array, options.pop("requires_grad", False), options)


def _on(where: DeviceLike, draw: Any, generator: Any) -> Array:
    """The array that `draw()` makes on the host, on that device."""
    return draw() if where is None else drawn(lambda: (draw(),), device(where), _own(generator))[0]


def _own(generator: Any) -> Any:
    """The generator, None for the default one."""
    return None if generator is streams.default_generator else generator


def randint(*args: Any, generator: Any = None, **options: Any) -> Any:
    """Integers in [low, high): `randint(high, size)` or `randint(low, high, size)`; int64 unless dtype says otherwise."""
    given = list(args)
    size = options.pop("size") if "size" in options else given.pop() if given else None
    if not isinstance(size, list | tuple):
        raise TypeError(f"randint(): argument 'size' must be tuple of ints, not {size.__class__.__name__}")
    bounds = _bounds("randint", given, options)
    shape, kind = checked_size("randint", (size,), {}), kind_of(options.pop("dtype", None), np.dtype(np.int64))
    draw = lambda: _fill_integers(np.empty(shape, kind), *bounds, generator)
    array = _on(options.pop("device", None), draw, generator)
    return finish("randint", array, options.pop("requires_grad", False), options)


def _bounds(name: str, bounds: list[Any], options: dict[str, Any]) -> tuple[int, int]:
    """(low, high) of the arguments `high` or `low, high`, by position or keyword."""
    args = bounds
    if "high" in options:
        bounds = [*bounds, options.pop("high")]
    if "low" in options:
        if args:
            raise TypeError(f"{name}() takes 'low' before 'high': with 'low' by keyword, give 'high' by keyword too")
        bounds = [options.pop("low"), *bounds]
        if len(bounds) < 2:
            raise TypeError(f'{name}() missing 1 required positional arguments: "high"')
    if not bounds:
        raise TypeError(f'{name}() missing 1 required positional arguments: "high"')
    if len(bounds) > 2:
        raise TypeError(f"{name}() takes low and high, but {len(bounds)} bounds were given")
    values = [integer(x, name, "high" if x is bounds[-1] else "low", i + 1) for i, x in enumerate(bounds)]
    return (0, values[0]) if len(values) == 1 else (values[0], values[1])


def _fill_integers(array: Array, low: int, high: int, generator: Any) -> Array:
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    return streams.random_(array, low, high, generator)


def randperm(
    n: int, *, generator: Any = None, dtype: dtype | None = None, device: DeviceLike = None,
    requires_grad: builtins.bool = False, **options: Any,
) -> Any:  # fmt: skip
    """A random order of 0 ... n-1; int64 unless dtype says otherwise."""
    count, kind = integer(n, "randperm", "n", 1), kind_of(dtype, np.dtype(np.int64))
    array = _on(device, lambda: streams.randperm(count, generator, kind), generator)
    return finish("randperm", array, requires_grad, options)


# --- like another tensor


def rand_like(input: Any, *, generator: Any = None, **options: Any) -> Any:
    """`rand` in the shape, layout, dtype and device of `input`."""
    return _drawn_like("rand_like", input, options, streams.uniform_, (0.0, 1.0), generator)


def randn_like(input: Any, *, generator: Any = None, **options: Any) -> Any:
    """`randn` in the shape, layout, dtype and device of `input`."""
    return _drawn_like("randn_like", input, options, streams.normal_, (0.0, 1.0), generator)


def randint_like(input: Any, *args: Any, generator: Any = None, **options: Any) -> Any:
    """`randint` in the shape, layout, dtype and device of `input`."""
    bounds = _bounds("randint_like", list(args), options)
    return _drawn_like("randint_like", input, options, _fill_integers, bounds, generator)


def _drawn_like(
    name: str, input: Any, options: dict[str, Any], fill: Any, values: tuple[Any, ...], generator: Any
) -> Any:
    source = _tensor(input, name)._data
    kind = kind_of(options.pop("dtype", None), source.dtype)
    if wants_contiguous(name, options.pop("memory_format", None)):
        empty = lambda: np.empty(source.shape, kind)
    else:
        empty = lambda: np.empty_like(empty_in_layout(source), dtype=kind)
    where = options.pop("device", None)
    draw = lambda: fill(empty(), *values, generator)
    array = _on(input.device if where is None else where, draw, generator)
    return finish(name, array, options.pop("requires_grad", False), options)


# --- with the parameters in tensors: the outcome does not vary with them, so its gradient is zero


def _depending(sample: Array, *parameters: Any) -> Any:
    """The sample as a Tensor, with a gradient of zero for the tensors that it was drawn with."""
    result = wrap(sample)
    for x in parameters:
        if isinstance(x, tape.Tensor) and x.requires_grad:
            result = where(wrap(xp(sample).zeros((), "bool")), x.to(result.dtype), result)
    return result


def _no_out(name: str, out: Any) -> None:
    if out is not None:
        raise NotImplementedError(f"{name}(): minitorch has no 'out' argument; assign the result instead")


def bernoulli(input: Any, p: float | None = None, *, generator: Any = None, out: Any = None) -> Any:
    """Ones with the probabilities in `input` (or all with probability p), else zeros, in its dtype."""
    _no_out("bernoulli", out)
    source = as_numpy(_tensor(input, "bernoulli")._data)
    sample = np.empty(source.shape, source.dtype)
    streams.bernoulli_(sample, source if p is None else p, generator)
    return _depending(placed(sample, input.device), input)


def multinomial(
    input: Any, num_samples: int, replacement: builtins.bool = False, *, generator: Any = None, out: Any = None
) -> Any:
    """Indices drawn with the probabilities (or weights) of each row of `input`, (..., num_samples) int64."""
    _no_out("multinomial", out)
    source = as_numpy(_tensor(input, "multinomial")._data)
    count = integer(num_samples, "multinomial", "num_samples", 2)
    sample = np.ascontiguousarray(streams.multinomial(source, count, replacement, generator))
    return wrap(placed(sample, input.device))


def poisson(input: Any, generator: Any = None) -> Any:
    """Poisson counts with the rates in `input`, in its dtype."""
    return wrap(placed(streams.poisson(as_numpy(_tensor(input, "poisson")._data), generator), input.device))


def normal(mean: Any = 0.0, std: Any = 1.0, size: Any = None, *, generator: Any = None, **options: Any) -> Any:
    """Normal numbers; mean and std are numbers (with a size) or tensors that give the shape and the dtype."""
    if size is not None:
        if not isinstance(size, list | tuple):
            raise TypeError(f"normal(): argument 'size' must be tuple of ints, not {size.__class__.__name__}")
        values = real_number(mean, "normal", "mean"), real_number(std, "normal", "std")
        return _drawn("normal", (size,), options, streams.normal_, values, generator)
    given = [x for x in (mean, std) if isinstance(x, tape.Tensor)]
    if not given:
        raise TypeError("normal(): with mean and std as numbers, argument 'size' is needed")
    shapes = [x._data.shape for x in given]
    try:
        shape = np.broadcast_shapes(*shapes)
    except ValueError:
        raise RuntimeError(f"normal(): {broadcast_error(shapes)}") from None
    if isinstance(std, tape.Tensor) and not (std._data >= 0).all():  # nan neither
        raise RuntimeError("normal expects all elements of std >= 0.0")
    _no_out("normal", options.pop("out", None))
    if options:
        raise TypeError(f"normal(): with tensors, got an unexpected keyword argument '{next(iter(options))}'")
    sample = np.empty(shape, given[0]._data.dtype)
    if not isinstance(std, tape.Tensor):
        streams.normal_(sample, 0.0, real_number(std, "normal", "std"), generator)
    else:
        streams.normal_(sample, 0.0, 1.0, generator)
        sample *= as_numpy(std._data)
    if sample.size:
        sample += as_numpy(mean._data) if isinstance(mean, tape.Tensor) else real_number(mean, "normal", "mean")
    return _depending(placed(sample, given[0].device), mean, std)


# --- methods that fill a tensor


def inplace_random(draw: Any, arguments: tuple[str, ...], **defaults: Any) -> Any:
    """An in-place random method: `draw(array, *arguments, generator)` fills host memory in PyTorch's order.

    arguments: PyTorch's names, in the order of `draw`'s parameters; one without a default must be given.
    """
    name = draw.__name__

    def method(self: Any, *args: Any, generator: Any = None, **options: Any) -> Any:
        values = _bound(name, arguments, args, options, defaults)
        tracked = will_track((self,))
        check_writable(self, tracked, name)
        if tracked:
            raise NotImplementedError(
                f"{name}(): on a tensor that autograd tracks; use it under no_grad(), or on .detach()"
            )
        array = self._data
        if isinstance(array, np.ndarray):
            draw(array, *values, generator=generator)
        else:
            once = lambda: (draw(with_strides_of(array), *values, generator=generator),)
            array[...] = drawn(once, device_of(array), _own(generator))[0]
        bump(self)
        return self

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"Fill with the outcome of `random.{name}`({', '.join(arguments)}); returns the tensor itself."
    return method


def _from_to(args: Any, options: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The arguments of `random_()`, `random_(to)` or `random_(from, to)`; only beside `from` may `to` be None."""
    if len(args) + len(options) != 1 or not (args or options.keys() & {"from", "to"}):
        return args, options
    to = args[0] if args else options.get("to")
    if to is None:
        raise TypeError("random_(): argument 'to' (position 1) must be int, not NoneType")
    return (0, to), {}


def _bound(
    name: str, arguments: tuple[str, ...], args: Any, options: dict[str, Any], defaults: dict[str, Any]
) -> list[Any]:
    if name == "random_":
        args, options = _from_to(args, options)
    if len(args) > len(arguments):
        raise TypeError(f"{name}() takes {len(arguments)} positional arguments but {len(args)} were given")
    given = dict(zip(arguments, args))
    for key, value in options.items():
        if key not in arguments:
            raise TypeError(f"{name}() got an unexpected keyword argument '{key}'")
        if key in given:
            raise TypeError(f"{name}() got multiple values for argument '{key}'")
        given[key] = value
    values = []
    for position, key in enumerate(arguments, 1):
        if key not in given and key not in defaults:
            raise TypeError(f'{name}() missing 1 required positional arguments: "{key}"')
        value = given.get(key, defaults.get(key))
        kind = "int" if name == "random_" else "float"
        if isinstance(value, tape.Tensor) and (name == "bernoulli_" or not value._data.ndim):
            value = as_numpy(value._data) if name == "bernoulli_" else value.item()
        elif value is not None and (
            not isinstance(value, int | float | np.generic) or (kind == "int" and isinstance(value, builtins.bool))
        ):
            raise TypeError(
                f"{name}(): argument '{key}' (position {position}) must be {kind}, not {value.__class__.__name__}"
            )
        values.append(value)
    return values


uniform_ = inplace_random(streams.uniform_, ("from", "to"), **{"from": 0.0, "to": 1.0})
normal_ = inplace_random(streams.normal_, ("mean", "std"), mean=0.0, std=1.0)
random_ = inplace_random(streams.random_, ("from", "to"), **{"from": None, "to": None})
bernoulli_ = inplace_random(streams.bernoulli_, ("p",), p=0.5)
exponential_ = inplace_random(streams.exponential_, ("lambd",), lambd=1.0)
log_normal_ = inplace_random(streams.log_normal_, ("mean", "std"), mean=1.0, std=2.0)
geometric_ = inplace_random(streams.geometric_, ("p",))
cauchy_ = inplace_random(streams.cauchy_, ("median", "sigma"), median=0.0, sigma=1.0)
