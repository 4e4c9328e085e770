"""CUDA graphs: work on the GPU recorded once and launched again as a whole, which spares the host's part of every op.

Between `capture_begin` and `capture_end` the program runs as ever, but its kernels are noted and not run; `replay` runs
them, in the same memory. So inputs are copied into the tensors that were there at the capture, and outputs are read
from those it made. These lie in a pool of memory of the graph's own: nobody else may get what a replay writes to.

Numbers of Python (a learning rate, a step count) are part of the kernels and stay as they were: what shall change must
be a tensor on the GPU. Random numbers come from the host and are drawn anew before each replay, those that the program
would have drawn without a graph.
"""

from __future__ import annotations

import warnings
from contextlib import suppress
from math import prod
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from minitorch import cublas, faults, recording
from minitorch.cuda.memory import PrivatePool, empty_cache
from minitorch.cuda.streams import Stream, current_stream, default_stream, synchronize
from minitorch.cuda.streams import stream as on_stream
from minitorch.device import Array, axes_in_memory, cuda_device_count, current_gpu, device_of, move, require_cupy
from minitorch.random.generator import preserved

_MODES = ("global", "thread_local", "relaxed")


class CUDAGraph:
    """Work recorded by `with torch.cuda.graph(g):`, which `g.replay()` does again.

    What needs the graph that it was instantiated from raises NotImplementedError: `keep_graph=True`, `instantiate`,
    `raw_cuda_graph`, `get_graph_data`; and so does `register_generator_state`.
    """

    def __init__(self, keep_graph: bool = False) -> None:
        if keep_graph:
            raise NotImplementedError("torch.cuda.CUDAGraph(): keep_graph=True is not implemented")
        if not cuda_device_count():
            raise RuntimeError("Tried to instantiate dummy base class CUDAGraph: there is no GPU, or no CuPy to use it")
        self._graph: Any = None
        self._pool: PrivatePool | None = None
        self._recording: _Recording | None = None
        self._debug = False

    def capture_begin(
        self, pool: Any = None, capture_error_mode: str = "global", check_input_liveness: bool = False
    ) -> None:
        """Note what comes next on the current stream, which may not be the default one. Use `torch.cuda.graph`.

        pool: what `graph_pool_handle()` or another graph's `pool()` gave; graphs with the same pool share memory, and
        must be replayed in the order of their captures. capture_error_mode: which calls of CUDA by other threads are
        errors meanwhile; checked, but none is: CuPy's pool must be able to ask CUDA for memory.
        """
        if check_input_liveness:
            raise NotImplementedError("CUDAGraph.capture_begin(): check_input_liveness=True is not implemented")
        if capture_error_mode not in _MODES:
            raise RuntimeError(
                "Unknown capture error mode. Expected `global`, `thread_local`, or `relaxed`, got " + capture_error_mode
            )
        if pool is not None and not isinstance(pool, PrivatePool):
            raise TypeError(f"CUDAGraph.capture_begin(): pool must be a graph's pool, not {type(pool).__name__}")
        if self._recording is not None:
            raise RuntimeError(
                "This CUDAGraph instance already owns a captured graph. To capture a new graph, create a new instance."
            )
        if _Recording.running is not None:
            raise RuntimeError("CUDAGraph.capture_begin(): another graph is being captured; end that first")
        stream = current_stream()
        if stream == default_stream():
            raise RuntimeError(
                "CUDA graphs must be captured on a non-default stream. (However, after capture, it's ok to replay them "
                "on the default stream.)"
            )
        cupy = require_cupy()
        faults.prepare(cupy, current_gpu())
        self._pool = PrivatePool() if pool is None else pool
        started = _Recording(self._pool, stream._stream)
        started.begin()
        self._recording = started

    def capture_end(self) -> None:
        """End the capture: from now on there is something to replay."""
        if self._recording is None or recording.here.recording is not self._recording:
            raise RuntimeError("CUDAGraph.capture_end(): Invalid capture: there was no capture_begin() of this graph")
        try:
            self._graph = self._recording.end()
        except BaseException:
            self.reset()
            raise

    def _abandon(self) -> None:
        """End a capture in which something was raised."""
        if self._recording is not None and recording.here.recording is self._recording:
            with suppress(RuntimeError):  # CUDA's "capture invalidated", which says less than what was raised
                self._recording.end()
        self.reset()

    def replay(self) -> None:
        """Do the work again, on the current stream."""
        if self._graph is None or self._recording is None:
            raise RuntimeError("Called CUDAGraph::replay without a preceding successful capture.")
        self._recording.draw()
        self._graph.launch()
        if self._recording.checks:
            faults.launched(current_gpu())

    def reset(self) -> None:
        """Forget the graph; its memory goes when its tensors do."""
        self._graph = self._recording = self._pool = None

    def pool(self) -> PrivatePool:
        """The graph's memory, for another graph's `capture_begin`."""
        if self._graph is None or self._pool is None:
            raise RuntimeError("Called CUDAGraph::pool() without a preceding successful capture.")
        return self._pool

    def enable_debug_mode(self) -> None:
        """Allow `debug_dump`."""
        self._debug = True

    def debug_dump(self, debug_path: str) -> None:
        """Write the graph to a file, in Graphviz's language."""
        if self._graph is None:
            raise RuntimeError("Called CUDAGraph::debug_dump() without a preceding successful capture.")
        if not self._debug:
            warnings.warn("CUDA Graphs debug not enabled, set with [graph].enable_debug_mode()", stacklevel=2)
            return
        Path(debug_path).write_text(self._graph.debug_dot_str())

    def instantiate(self) -> None:
        """Not offered: the graph is ready when the capture ends."""
        raise NotImplementedError("CUDAGraph.instantiate(): the graph is instantiated when its capture ends")

    def raw_cuda_graph(self) -> int:
        """Not offered."""
        raise NotImplementedError("CUDAGraph.raw_cuda_graph(): only of graphs with keep_graph=True")

    def raw_cuda_graph_exec(self) -> int:
        """CUDA's handle of the graph that is launched (a cudaGraphExec_t)."""
        if self._graph is None:
            raise RuntimeError("Called CUDAGraph::raw_cuda_graph_exec() without a preceding successful capture.")
        return int(self._graph.graphExec)

    def get_graph_data(self) -> dict[str, Any]:
        """Not offered."""
        raise NotImplementedError("CUDAGraph.get_graph_data() is not implemented; see debug_dump()")

    def register_generator_state(self, state: Any) -> None:
        """Not offered: random numbers in a graph come from the default generator."""
        raise NotImplementedError("CUDAGraph.register_generator_state(): use the default generator in a graph")


class _Recording:
    """What a graph needs besides its kernels (recording.py), and the capture itself."""

    running: ClassVar[_Recording | None] = None  # in any thread: there is one at a time, as in PyTorch

    def __init__(self, pool: PrivatePool, stream: Any) -> None:
        self.pool, self.stream = pool, stream
        self.kept: list[Any] = []
        self.draws: list[tuple[recording.Draw, tuple[Array, ...]]] = []
        self.checks = False  # whether there are kernels that look for faults
        self.gemm = cublas.Gemm(pool.workspace)
        self._allocator = require_cupy().cuda.using_allocator(pool.malloc)

    def begin(self) -> None:
        self._allocator.__enter__()
        try:
            self.stream.begin_capture()
        except BaseException:
            self._allocator.__exit__(None, None, None)
            raise
        _Recording.running = recording.here.recording = self

    def end(self) -> Any:
        _Recording.running = recording.here.recording = None
        self._allocator.__exit__(None, None, None)
        return self.stream.end_capture()

    def drawn(self, draw: recording.Draw) -> tuple[Array, ...]:
        # Filled before a replay begins: not of the graph's own memory, where an earlier step may have had its place.
        everybodys = require_cupy().get_default_memory_pool().malloc
        with preserved(), require_cupy().cuda.using_allocator(everybodys):  # a capture draws nothing, as in PyTorch
            arrays = tuple([_like(host) for host in draw()])
        self.draws.append((draw, arrays))
        return arrays

    def draw(self) -> None:
        """Random numbers for the next replay. After what is on the stream: a replay before may still read the last."""
        for draw, arrays in self.draws:
            for array, host in zip(arrays, draw(), strict=True):
                array[...] = move(host, device_of(array))


def _like(host: np.ndarray) -> Array:
    """An array on the GPU in the shape, dtype and order of memory of `host`."""
    order = axes_in_memory(host)
    flat = require_cupy().empty(prod(host.shape), host.dtype)
    return flat.reshape([host.shape[axis] for axis in order]).transpose([int(i) for i in np.argsort(order)])


def graph_pool_handle() -> PrivatePool:
    """Memory for graphs to share, as an opaque token."""
    if not cuda_device_count():
        raise RuntimeError("Tried to instantiate dummy base class _graph_pool_handle: there is no GPU")
    return PrivatePool()


def is_current_stream_capturing() -> bool:
    """Whether the current stream is being captured; False without a GPU."""
    return cuda_device_count() > 0 and current_stream().is_capturing()


class graph:
    """`with torch.cuda.graph(g):` what is done inside becomes the graph `g`.

    cuda_graph: a new CUDAGraph. pool, capture_error_mode: see `CUDAGraph.capture_begin`. stream: where to capture, by
    default a stream kept for this. Run the program a few times before, on a stream of its own: what is made at a first
    time (an optimizer's state, compiled kernels) has no place in a graph.
    """

    default_capture_stream: Stream | None = None

    def __init__(
        self,
        cuda_graph: CUDAGraph,
        pool: Any = None,
        stream: Stream | None = None,
        capture_error_mode: str = "global",
        enable_annotations: bool = False,
        check_input_liveness: bool = False,
    ) -> None:
        if enable_annotations:
            raise NotImplementedError("torch.cuda.graph(): enable_annotations=True is not implemented")
        if stream is None:
            if graph.default_capture_stream is None:
                graph.default_capture_stream = Stream()
            stream = graph.default_capture_stream
        self.cuda_graph, self.pool, self.capture_stream = cuda_graph, pool, stream
        self.capture_error_mode, self.check_input_liveness = capture_error_mode, check_input_liveness
        self._stream = on_stream(stream)

    def __enter__(self) -> None:
        synchronize()
        empty_cache()
        self._stream.__enter__()
        try:
            self.cuda_graph.capture_begin(self.pool, self.capture_error_mode, self.check_input_liveness)
        except BaseException:
            self._stream.__exit__(None, None, None)
            raise

    def __exit__(self, kind: Any, *error: object) -> None:
        try:
            if kind is None:
                self.cuda_graph.capture_end()
            else:
                self.cuda_graph._abandon()
        finally:
            self._stream.__exit__(kind, *error)
