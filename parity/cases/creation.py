"""Making tensors, and what can be asked of them: dtypes, shapes, conversions, copies."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np

from parity.case import case, family, ints, real, whole

A, B = real(3, 4), real(4)
INTS = ints(-3, 9, 3, 4)

CASES = family(
    "creation",
    case("zeros", lambda t: [t.zeros(2, 3), t.zeros((2,), dtype=t.int16), t.zeros(()), t.zeros(2, requires_grad=True)]),
    case("ones", lambda t: [t.ones(2, 3), t.ones([2], dtype=t.bool), t.ones(size=(1, 0))]),
    case("full", lambda t: [t.full((2, 3), 1.5), t.full((2,), 7), t.full((2,), True), t.full([], 2, dtype=t.float64)]),
    case("empty", lambda t: [t.empty(2, 3).shape, t.empty((0,)), t.empty(2, dtype=t.uint8).dtype]),
    case("eye", lambda t: [t.eye(3), t.eye(2, 4), t.eye(2, dtype=t.int64)]),
    case("arange", lambda t: [t.arange(5), t.arange(1, 2.5, 0.5), t.arange(5, 0, -2), t.arange(3.0), t.arange(4, dtype=t.float16)]),
    case("range", lambda t: t.range(0, 2, 0.5)),
    case("linspace", lambda t: [t.linspace(0, 1, 7), t.linspace(5, 1, 5, dtype=t.int64), t.linspace(2, 3, 1)]),
    case("linspace float64", lambda t: t.linspace(-0.3, 0.7, 33, dtype=t.float64)),
    case("scalar_tensor", lambda t: [t.scalar_tensor(3), t.scalar_tensor(2.5, dtype=t.float64)]),
    case("tensor", lambda t: [t.tensor([[1, 2], [3, 4]]), t.tensor(1.5), t.tensor([True]), t.tensor([1, 2.5]), t.tensor([])]),
    case("tensor options", lambda t: [t.tensor([1.0], requires_grad=True), t.tensor([1.7, -1.7], dtype=t.int32)]),
    case("tensor of arrays", lambda t: [t.tensor(np.arange(3)), t.tensor([np.float64(1), 2]), t.tensor(np.float32(2))]),
    case("as_tensor", lambda t: [t.as_tensor([1, 2]), t.as_tensor(np.ones(2)), t.as_tensor(2.5, dtype=t.float16)]),
    case("asarray", lambda t: [t.asarray([1, 2]), t.asarray(np.ones(2), dtype=t.float32), t.asarray(t.ones(2), copy=True)]),
    case("from_numpy", lambda t: [t.from_numpy(np.arange(6).reshape(2, 3).T), t.from_numpy(np.ones(2, np.float16))]),
    case("from_numpy shares", lambda t: _shared(t)),
    case("from_dlpack", lambda t: [t.from_dlpack(np.arange(3.0)), t.from_dlpack(t.ones(2))]),
    case("Tensor", lambda t: [t.Tensor([1, 2]), t.Tensor(2, 3).shape, t.Tensor(), isinstance(t.ones(1), t.Tensor)]),
    case("old constructors", lambda t: [
        t.FloatTensor([1, 2]), t.DoubleTensor([1, 2]), t.HalfTensor([1, 2]), t.LongTensor([1, 2]), t.IntTensor([1, 2]),
        t.ShortTensor([1, 2]), t.CharTensor([1, 2]), t.ByteTensor([1, 2]), t.BoolTensor([True, False]),
    ]),
    case("new_*", lambda t, x: [
        x.new_tensor([1, 2]), x.new_zeros(2, 3), x.new_ones((2,)), x.new_full((2,), 3), x.new_empty(2).dtype, x.new([1, 2]),
        x.new_ones(2, dtype=t.int32), x.new_zeros(2, requires_grad=True),
    ], A, dtypes=("float32", "float64")),
    case("*_like", lambda t, x: [
        t.zeros_like(x), t.ones_like(x, dtype=t.int64), t.full_like(x, 2), t.empty_like(x).shape, t.zeros_like(x.t()),
        t.ones_like(x, requires_grad=True),
    ], A, dtypes=("float32", "float16")),
    order=0, exact=True, dtypes=(),
)  # fmt: skip

# To rounding: PyTorch's vectorised kernels multiply and add in one step.
PROGRESSIONS = family(
    "creation",
    case(
        "arange of fractions in integers",
        lambda t: [
            t.arange(0, 0.5, 3, dtype=t.int32),
            t.arange(0, 1, 0.5, dtype=t.uint8),
            t.arange(0.9, 3.9, dtype=t.int64),
        ],
    ),
    case("arange by 0.1", lambda t: t.arange(0, 10, 0.1)),
    case("linspace of 100", lambda t: t.linspace(-3, 10, 100)),
    case("logspace", lambda t: [t.logspace(0, 2, 5, dtype=t.float64), t.logspace(-1, 1, 9, base=2.0)]),
    order=0,
    dtypes=(),
)


def _shared(t: Any) -> Any:
    array = np.zeros(3)
    tensor = t.from_numpy(array)
    tensor[0] = 1
    array[1] = 2
    return tensor, array


def _dtype_facts(kind: Any) -> Any:
    return kind, kind.itemsize, kind.is_floating_point, kind.is_complex, kind.is_signed, kind.to_real(), repr(kind)


def _print_options(t: Any) -> Any:
    """Printed forms under changed options; these are put back."""
    x = t.arange(2000.0).reshape(100, 20) / 7
    seen = []
    for options in (
        {"precision": 2},
        {"sci_mode": True},
        {"threshold": 10, "edgeitems": 2},
        {"linewidth": 40},
        {"profile": "short"},
    ):
        t.set_printoptions(**options)
        seen.append(repr(x[:9]))
        t.set_printoptions(profile="default", sci_mode=False)
        t.set_printoptions(profile="default")
    return seen


def _threads(t: Any) -> Any:
    before = t.get_num_threads()
    t.set_num_threads(1)
    now = t.get_num_threads()
    t.set_num_threads(before)
    return now, t.get_num_threads() == before


def _dtype_default(t: Any) -> Any:
    t.set_default_dtype(t.float64)
    try:
        return t.get_default_dtype(), t.ones(1), t.tensor(1.5), t.arange(2.0), t.ones(1, dtype=t.int64) / 2
    finally:
        t.set_default_dtype(t.float32)


def _tensor_type_default(t: Any) -> Any:
    t.set_default_tensor_type(t.DoubleTensor)
    try:
        return t.get_default_dtype()
    finally:
        t.set_default_tensor_type("torch.FloatTensor")


def printed(x: Any, how: Any = repr) -> str:
    """The text of a tensor, without the device, which tensors on the CPU do not tell. (It must fit in the last line.)"""
    return str(how(x).replace(f", device='{x.device}'", ""))


# What a tensor is and becomes.
TENSORS = family(
    "tensor",
    case("facts", lambda t, x: [
        x.shape, x.size(), x.size(-1), x.dtype, x.ndim, x.dim(), x.ndimension(), x.numel(), x.nelement(),
        x.itemsize, x.nbytes, x.element_size(), x.stride(), x.stride(0), x.is_contiguous(), x.t().is_contiguous(),
        x.layout, x.is_sparse, x.is_quantized, x.is_nested, x.is_meta,
        x.is_floating_point(), x.is_complex(), x.is_signed(), x.is_pinned(), x.output_nr, x.is_inference(),
    ], A),
    case("facts by function", lambda t, x: [
        t.is_tensor(x), t.is_tensor(1), t.is_storage(x), t.is_floating_point(x), t.is_complex(x), t.numel(x),
        t.is_same_size(x, x.t()), x.is_same_size(x), t.typename(3),
    ], A),
    case("facts of the CPU", lambda t, x: [
        x.device, x.is_cuda, x.is_cpu, x.get_device(), x.type(), t.typename(x), x.cpu() is x,
    ], A, cpu=True),
    case("graph facts", lambda t, x: [
        x.requires_grad, x.is_leaf, (x * 2).is_leaf, (x * 2).requires_grad, x.detach().requires_grad, x.data.requires_grad,
        x.grad, x.grad_fn, type((x * 2).grad_fn).__name__ != "", x.retains_grad, x.clone().detach().is_leaf,
    ], A, order=1),
    case("data_ptr", lambda t, x: [x.data_ptr() == x.t().data_ptr(), x.data_ptr() == x.clone().data_ptr()], A),
    case("conversions", lambda t, x: [
        x.half(), x.float(), x.double(), x.to(t.float64), x.to(x.double()), x.type(t.float16), x.type_as(x.int()),
    ], A),
    case("conversions to integers", lambda t, x: [x.int(), x.long(), x.short(), x.char(), x.bool(), x.abs().byte()], whole(-4, 5, 3, 4)),
    case("conversions of ints", lambda t, i: [i.float(), i.double(), i.half(), i.byte(), i.bool(), i.char(), i.short()], INTS, dtypes=()),
    case("to", lambda t, x: [x.to("cpu"), x.to(t.device("cpu"), t.float64), x.to(x, copy=True), x.t().to("cpu")], A),
    case("to double gradient", lambda t, x: x.double() * 2, A, order=2),
    case("to half and back", lambda t, x: x.half().to(x.dtype), A, order=2, numeric=False),
    case("lists and arrays", lambda t, x: [x.tolist(), x.cpu().numpy(), x[0, 0].item(), np.asarray(x.cpu()), x.cpu().t().numpy().strides], A),
    case("numpy of ufuncs", lambda t, x: [np.sum(x.cpu().numpy()), np.array(x.cpu(), dtype=np.float64)], A),
    case("repr", lambda t, x: [printed(x), printed(x[0], str), f"{x[0, 0]:.3f}", printed(x > 0)], real(3, 3)),
    case("repr of a result", lambda t, x: [printed(x.relu()), printed(x.sum())], whole(-3, 4, 3, 4), order=1),
    case("copies", lambda t, x: [copy.copy(x), copy.deepcopy(x), x.__deepcopy__({}), pickle.loads(pickle.dumps(x))], A),
    case("pinned", lambda t, x: [x.is_shared() if hasattr(x, "is_shared") else False, x.contiguous() is x], A),
    case("Size", lambda t, x: [x.shape.numel(), x.shape + (1,), x.shape[1:], t.Size([2, 3]), tuple(x.shape), x.shape == (3, 4), x.shape * 2, 2 * x.shape, (1,) + x.shape, x.shape.index(4), x.shape.count(3)], A),
    case("requires_grad_", lambda t, x: [x.detach().requires_grad_().requires_grad, x.detach().requires_grad_(False).requires_grad], A),
    order=0, strides=True,
)  # fmt: skip

NAMES = "bool uint8 int8 int16 int32 int64 float16 float32 float64 half float double short int long".split()

DTYPES = family(
    "dtype",
    case("dtypes", lambda t: {n: _dtype_facts(getattr(t, n)) for n in NAMES}),
    case("promote_types", lambda t: [[t.promote_types(getattr(t, a), getattr(t, b)) for a in NAMES] for b in NAMES]),
    case("can_cast", lambda t: [[t.can_cast(getattr(t, a), getattr(t, b)) for a in NAMES] for b in NAMES]),
    case("result_type", lambda t: [t.result_type(t.ones(1, dtype=t.int32), 1.5), t.result_type(t.tensor(1.0, dtype=t.float64), t.ones(1, dtype=t.float16))]),
    case("result_type of numbers", lambda t: [[t.result_type(t.ones(2, dtype=getattr(t, n)), v) for v in (True, 2, 2.5)] for n in NAMES]),
    case("default dtype", _dtype_default),
    case("default tensor type", _tensor_type_default),
    case("finfo", lambda t: [[i.eps, i.max, i.min, i.tiny, i.bits, i.smallest_normal, i.resolution, i.dtype] for i in map(t.finfo, (t.float16, t.float32, t.float64))] + [t.finfo(t.float32) == t.finfo()]),
    case("iinfo", lambda t: [[i.max, i.min, i.bits, i.dtype] for i in map(t.iinfo, (t.uint8, t.int8, t.int16, t.int32, t.int64))] + [t.iinfo(t.int8) == t.iinfo(t.uint8)]),
    case("device", lambda t: [t.device("cpu"), t.device("cuda", 1), t.device("cuda:0").index, t.device("cpu").type, t.device("cpu") == t.device("cpu")]),
    case("layouts and formats", lambda t: [t.strided, t.contiguous_format, t.preserve_format, isinstance(t.strided, t.layout), isinstance(t.contiguous_format, t.memory_format), isinstance(t.int8, t.dtype)]),
    case("set_printoptions", _print_options),
    case("threads", _threads),
    case("constants", lambda t: [t.pi, t.e, t.inf, t.nan, t.newaxis]),
    order=0, exact=True, dtypes=(),
)  # fmt: skip
