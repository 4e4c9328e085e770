"""Where random numbers come from: the 32-bit words of a Mersenne Twister, in PyTorch's order.

Every distribution in this package is a way to spend words:

    uniform float32, float16      1 word: its low 24 bits          uniform.py
    uniform float64               2 words: 53 of their 64 bits     uniform.py
    normal                        1 or 2 uniforms                  normal.py
    integer, permutation step     1 word (2 for a wide range)      integers.py

so the same seed and the same calls give the same numbers as in PyTorch. MT19937 is M. Matsumoto, T. Nishimura,
"Mersenne Twister", ACM TOMACS 8 (1998); NumPy holds an implementation.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.random.bit_generator import ISeedSequence

from minitorch import recording
from minitorch.device import CPU, Array, cuda_device_count, device, require_cupy

_BLOCK = 624  # words are made in blocks; the state is one block and a position in it
_MANY = 256  # from here on NumPy's own pairing of words is quicker
# PyTorch's bytes for a generator. The unused fields are relics of older releases, always zero.
_STATE = np.dtype(
    [
        ("seed", "<u8"),
        ("left", "<i4"), ("seeded", "<i4"), ("next", "<u8"), ("key", "<u8", _BLOCK),
        ("unused1", "<f8"), ("normal", "<f8"), ("unused2", "<f8"), ("has_normal", "<i4"), ("unused3", "<i4"),
        ("unused4", "<f4"), ("unused5", "<u4"),
    ]
)  # fmt: skip


class _Blank(ISeedSequence):
    """Zeros for a state that is set later: quicker to make than a seed."""

    def generate_state(self, n_words: int, dtype: Any = np.uint32) -> Array:
        return np.zeros(n_words, dtype)


def _unseeded() -> np.random.MT19937:
    return np.random.MT19937(_Blank())  # type: ignore[arg-type]  # NumPy's stubs know of no such class


class Generator:
    """A stream of random numbers: `Generator().manual_seed(0)`, handed to functions as `generator=`.

    A "cuda" generator is drawn from on the host too: a seed gives the same numbers on every device (which
    are PyTorch's CPU numbers, not those of its CUDA generators), and its state has the CPU format.
    """

    __slots__ = ("__weakref__", "_device", "_seed", "_twister", "cached_normal")

    def __init__(self, device: Any = "cpu") -> None:
        self._device = CPU if device is None or device == "cpu" else _concrete(device)
        self._seed = 67280421310721  # PyTorch's default
        self._twister: np.random.MT19937 | None = None  # built at the first draw: it costs more than many draws
        self.cached_normal: float | None = None  # normals are born in pairs: the second one waits here

    # --- drawing

    def words(self, n: int) -> Array:
        """The next n words: uint64 numbers below 2**32."""
        twister = self._twister or self._build()
        return twister.random_raw(n)

    def words64(self, n: int) -> Array:
        """n uint64 numbers of two words each, the high half first."""
        if n >= _MANY:
            pairs = np.random.Generator(self._twister or self._build())
            return pairs.integers(0, 2**64 - 1, n, np.uint64, endpoint=True)
        words = self.words(2 * n)
        result = words[0::2] << 32
        result |= words[1::2]
        return result

    def _build(self) -> np.random.MT19937:
        self._twister = _unseeded()
        self._reseed()
        _built.add(self)
        return self._twister

    def _reseed(self) -> None:
        np.random.RandomState(self._twister).seed(self._seed & 0xFFFFFFFF)  # the 1998 way to seed, as PyTorch's

    def _renew(self) -> None:
        """Go on at the same place with a new lock."""
        old = self._twister
        if old is not None:
            self._twister = _unseeded()
            self._twister.state = old.state

    # --- seeds

    @property
    def device(self) -> device:
        return self._device

    def manual_seed(self, seed: int, /) -> Generator:
        """Start the stream of `seed`, in -2**63 ... 2**64-1 (a negative one means seed + 2**64; only the low
        32 bits choose the stream). Returns the generator."""
        if isinstance(seed, np.integer):
            raise TypeError(f"manual_seed: an integer is required, got {seed!r}; write int(seed)")
        if not isinstance(seed, int) or isinstance(seed, bool):
            raise RuntimeError(f"manual_seed expected a long, but got {type(seed).__name__}")
        if not -(2**63) <= seed < 2**64:
            raise ValueError(f"Overflow when unpacking long long: manual_seed({seed}) needs a seed of 64 bits")
        self._refuse_in_a_graph()
        self._seed = seed % 2**64
        self.cached_normal = None
        if self._twister is not None:
            self._reseed()
        return self

    def seed(self) -> int:
        """Seed from the operating system; returns the seed."""
        self.manual_seed(int.from_bytes(os.urandom(8), "little"))
        return self._seed

    def initial_seed(self) -> int:
        """The seed last set, as a number of 64 bits without sign."""
        return self._seed

    # --- state

    def get_state(self) -> Any:
        """The state as a uint8 Tensor of 5056 bytes, the same bytes as PyTorch's."""
        return _tensor(self._pack())

    def set_state(self, new_state: Any, /) -> Generator:
        """Go on from a state that `get_state` gave here or in PyTorch. Returns the generator."""
        state = getattr(new_state, "_data", None)
        if state is None:
            raise TypeError(f"expected a torch.ByteTensor, but got {type(new_state).__name__}")
        if not isinstance(state, np.ndarray) or state.dtype != np.uint8:
            raise TypeError(f"RNG state must be a torch.ByteTensor on the CPU, but got {state.dtype}")
        if not state.flags.c_contiguous:
            raise RuntimeError("RNG state must be contiguous; call .contiguous() on it")
        self._refuse_in_a_graph()
        self._unpack(state)
        return self

    def _refuse_in_a_graph(self) -> None:
        if self is default_generator:
            recording.refuse("setting the state of the random numbers", "Do it before a replay.")

    def clone_state(self) -> Generator:
        """A second generator at the same place of the same stream."""
        return _at(type(self), self._device, self._pack())

    def __reduce__(self) -> tuple[Any, ...]:
        return _at, (type(self), self._device, self._pack())

    def _pack(self) -> Array:
        twister = (self._twister or self._build()).state["state"]
        state = np.zeros((), _STATE)
        state["seed"] = self._seed
        state["seeded"] = 1
        state["key"] = key = twister["key"]
        # NumPy's position is 624 both for a seeded, unused block and for a used-up one; PyTorch's are 0 and 624.
        unused = int(key[0]) == self._seed & 0xFFFFFFFF and int(key[1]) == _second_key(int(key[0]))
        state["next"] = 0 if unused else twister["pos"]
        state["left"] = 1 if unused else _BLOCK + 1 - twister["pos"]
        if self.cached_normal is not None:
            state["normal"], state["has_normal"] = self.cached_normal, 1
        return np.frombuffer(state.tobytes(), np.uint8).copy()

    def _unpack(self, state: Array) -> None:
        if state.size != _STATE.itemsize:
            raise RuntimeError(
                f"Expected a CPUGeneratorImplState of size {_STATE.itemsize} "
                f"but found the input RNG state size to be {state.size}"
            )
        fields = np.frombuffer(state.tobytes(), _STATE)[0]
        left, position = int(fields["left"]), int(fields["next"])
        if not (fields["seeded"] and 1 <= left <= _BLOCK and (left == 1 or left + position == _BLOCK + 1)):
            raise RuntimeError("Invalid mt19937 state: take one from get_state()")
        key = fields["key"].astype(np.uint32)
        position = _BLOCK if left == 1 else position
        twister = self._twister or self._build()
        twister.state = {"bit_generator": "MT19937", "state": {"key": key, "pos": position}}
        self._seed = int(fields["seed"])
        self.cached_normal = float(fields["normal"]) if fields["has_normal"] else None


# A fork copies the locks that other threads hold just then, and nobody ever releases the copies.
_built: weakref.WeakSet[Generator] = weakref.WeakSet()


def _renew_all() -> None:
    for generator in _built:
        generator._renew()


if hasattr(os, "register_at_fork"):  # where there are forks
    os.register_at_fork(after_in_child=_renew_all)


def _second_key(first: int) -> int:
    """Knuth's recurrence, which spreads a seed over the block: word 1 from word 0."""
    return (1812433253 * (first ^ first >> 30) + 1) & 0xFFFFFFFF


def _at(kind: type[Generator], place: device, state: Array) -> Generator:
    generator = kind(place)
    generator._unpack(state)
    return generator


def _concrete(place: Any) -> device:
    """`place` as a device; "cuda" is the current one."""
    where = device(place)
    if where.type == "cuda" and where.index is None:
        current = require_cupy().cuda.runtime.getDevice() if cuda_device_count() else 0
        return device("cuda", current)
    return where


def _tensor(array: Array) -> Any:
    from minitorch.autograd.tape import wrap  # late: seeds and streams need no autograd

    return wrap(array)


# --- the generator used when no other is named

default_generator = Generator()
default_generator.seed()


def resolve(generator: Generator | None, name: str) -> Generator:
    """The generator that the function `name` draws from: `generator`, or the default one for None."""
    if generator is None:
        return default_generator
    if not isinstance(generator, Generator):
        raise TypeError(f"{name}(): argument 'generator' must be torch.Generator, not {type(generator).__name__}")
    return generator


def manual_seed(seed: Any) -> Generator:
    """Seed the default generator with int(seed), in -2**63 ... 2**64-1; returns it."""
    return default_generator.manual_seed(int(seed))


def seed() -> int:
    """Seed the default generator from the operating system; returns the seed."""
    return default_generator.seed()


def initial_seed() -> int:
    """The seed of the default generator."""
    return default_generator.initial_seed()


def get_rng_state() -> Any:
    """The state of the default generator: a uint8 Tensor of 5056 bytes."""
    return default_generator.get_state()


def set_rng_state(new_state: Any) -> None:
    """Set the state of the default generator."""
    default_generator.set_state(new_state)


@contextmanager
def fork_rng(devices: Any = None, enabled: bool = True, *, device_type: Any = None) -> Iterator[None]:
    """`with fork_rng():` draws inside leave no trace outside: the default generator goes back to its state.

    `devices` and `device_type` choose nothing here, since all devices draw from the default generator.
    """
    if device_type is not None:
        device(device_type)  # a name that is no device is an error
    recording.refuse("fork_rng()", "A capture draws nothing; use it around a replay.")
    if not enabled:
        yield
        return
    with preserved():
        yield


@contextmanager
def preserved() -> Iterator[None]:
    """The default generator goes back to its state."""
    state = default_generator._pack()
    try:
        yield
    finally:
        default_generator._unpack(state)
