"""Cases that Hypothesis draws: an expression as text, and its inputs. Shapes, broadcasts, dtypes, layouts, dims, indices.

Everything shrinks to something small: shapes to few and short dimensions, layouts to contiguous, dtypes to float32.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

FLOATS = ("float32", "float64")
DTYPES = ("float32", "float64", "int64", "bool", "uint8", "int8", "int16", "int32", "float16")
# The same numbers, laid out otherwise in memory.
LAYOUTS = {
    "contiguous": "{}",
    "transposed": "{}.transpose(0, -1).contiguous().transpose(0, -1)",
    "strided": "t.stack([{0}, {0}], -1)[..., 0]",
    "offset": "t.cat([{0}, {0}])[len({0}):]",
    "flipped": "{}.flip(0).flip(0)",
    "expanded": "{0}[:1].expand(*{0}.shape)",
}
Draw = Any  # what a composite strategy draws with
Input = np.ndarray


@dataclass
class Drawn:
    """An expression in `t` and the names of the inputs."""

    text: str
    inputs: dict[str, Input]


# --- parts


def shapes(most: int = 3, longest: int = 4, least: int = 0, empty: bool = True) -> st.SearchStrategy[tuple[int, ...]]:
    return st.lists(st.integers(0 if empty else 1, longest), min_size=least, max_size=most).map(tuple)


@st.composite
def broadcast_pair(draw: Draw, most: int = 3) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Two shapes that broadcast: either may lack leading dimensions, or have 1 for any."""
    whole = draw(shapes(most))
    pair = []
    for _ in range(2):
        start = draw(st.integers(0, len(whole)))
        pair.append(tuple(draw(st.sampled_from([n, 1])) for n in whole[start:]))
    return pair[0], pair[1]


def numbers(draw: Draw, shape: tuple[int, ...], dtype: str, kind: str | None = None) -> Input:
    """Quarters (few digits, with ties and zeros), reals, positive reals, all different, or with nan and infinities."""
    kind = kind or draw(st.sampled_from(["quarters", "real", "special"]))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    if np.dtype(dtype).kind != "f":
        low = 0 if dtype in ("bool", "uint8") else -3
        return rng.integers(low, 2 if dtype == "bool" else 5, shape).astype(dtype)
    values = {
        "quarters": lambda: rng.integers(-8, 9, shape) / 4,
        "real": lambda: rng.uniform(-2, 2, shape),
        "positive": lambda: rng.uniform(0.3, 2.5, shape),
        "distinct": lambda: (rng.permutation(int(np.prod(shape))).reshape(shape) - 5) * 0.37,
        "special": lambda: rng.choice([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.5], shape),
    }[kind]()
    return np.asarray(values).astype(dtype)


def laid_out(draw: Draw, name: str, shape: tuple[int, ...], layouts: Any = tuple(LAYOUTS)) -> str:
    """The name, in one of the layouts that the shape has."""
    if not shape:
        return name
    return LAYOUTS[draw(st.sampled_from(layouts))].format(name)


def dims(draw: Draw, ndim: int, *, beyond: bool = True) -> int:
    """A dimension, from either end; now and then one that is not there."""
    if not ndim:
        return int(draw(st.sampled_from([0, -1] + [1] * beyond)))
    return int(draw(st.integers(-ndim - (1 if beyond and draw(st.integers(0, 9)) == 9 else 0), ndim - 1)))


DIFFERENT = ("contiguous", "transposed", "strided", "offset", "flipped")  # layouts that keep all values

# --- families

UNARY = """abs neg sign square sqrt rsqrt exp exp2 expm1 log log2 log10 log1p sin cos tan asin acos atan sinh cosh tanh asinh
acosh atanh sigmoid relu floor ceil trunc round frac reciprocal erf erfc erfinv lgamma deg2rad rad2deg sinc signbit isnan
isinf isfinite logical_not positive nan_to_num clone""".split()


@st.composite
def unary(draw: Draw) -> Drawn:
    shape, dtype = draw(shapes()), draw(st.sampled_from(DTYPES))
    x = laid_out(draw, "x", shape)
    return Drawn(f"t.{draw(st.sampled_from(UNARY))}({x})", {"x": numbers(draw, shape, dtype)})


BINARY = """add sub mul div maximum minimum pow fmod remainder floor_divide eq ne lt le gt ge logical_and logical_or
logical_xor bitwise_and bitwise_or bitwise_xor atan2 hypot logaddexp xlogy isclose""".split()


@st.composite
def binary(draw: Draw) -> Drawn:
    """Two tensors of any two dtypes that broadcast, or a tensor and a number."""
    op, one = draw(st.sampled_from(BINARY)), draw(st.sampled_from(DTYPES))
    left, right = draw(broadcast_pair())
    if draw(st.integers(0, 3)) == 3:
        number = draw(st.sampled_from([2, 0.5, -3, True, 0, 1.5]))
        symbol = draw(st.sampled_from(["+", "-", "*", "/", "//", "%", "**", "==", "<", ">=", "&", "|", "^"]))
        text = f"{number} {symbol} x" if draw(st.booleans()) else f"x {symbol} {number}"
        return Drawn(text, {"x": numbers(draw, left, one)})
    other = draw(st.sampled_from(DTYPES))
    x, y = laid_out(draw, "x", left), laid_out(draw, "y", right)
    return Drawn(f"t.{op}({x}, {y})", {"x": numbers(draw, left, one), "y": numbers(draw, right, other)})


@st.composite
def ternary(draw: Draw) -> Drawn:
    a, b = draw(broadcast_pair())
    shape, dtype = np.broadcast_shapes(a, b), draw(st.sampled_from([*FLOATS, "float16", "int64"]))
    xs = {n: numbers(draw, s, dtype, "real") for n, s in zip("xyz", (shape, a, b))}
    text = draw(st.sampled_from([
        "t.where(x > 0, y, z)", "t.addcmul(x, y, z, value=2)", "t.addcdiv(x, y, z * z + 1)", "t.lerp(x, y, z)", "t.lerp(x, y, 0.25)",
        "t.clamp(x, y, z)", "t.clamp(x, min=y)", "t.clamp(x, -0.5, 0.5)", "t.clamp(x, max=0)", "t.where(x > 0, y, 1.5)",
        "t.masked_fill(x, y > 0, 2)", "t.where(x > 0, 1, z)", "t.sub(x, y, alpha=3) * z",
    ]))  # fmt: skip
    return Drawn(text, {n: a for n, a in xs.items() if n in text.replace("max", "")})


REDUCE = "sum mean prod amax amin all any logsumexp var std nansum nanmean count_nonzero norm".split()
ALONG = (
    "max min median cummax cummin cumsum cumprod sort argsort argmax argmin logcumsumexp softmax log_softmax".split()
)


@st.composite
def reduction(draw: Draw) -> Drawn:
    op, shape, dtype = draw(st.sampled_from(REDUCE)), draw(shapes()), draw(st.sampled_from(DTYPES))
    x = laid_out(draw, "x", shape)
    options = []
    if draw(st.booleans()):
        some = st.lists(st.integers(-len(shape), max(len(shape) - 1, 0)), max_size=2).map(tuple)
        options.append(f"dim={draw(some) if draw(st.booleans()) else dims(draw, len(shape))}")
        if op != "count_nonzero" and draw(st.booleans()):
            options.append("keepdim=True")
    if op == "logsumexp" and not options:
        options.append("dim=0")
    if op in ("sum", "mean", "prod") and draw(st.booleans()):
        options.append(f"dtype=t.{draw(st.sampled_from(FLOATS))}")
    return Drawn(f"t.{op}({', '.join([x, *options])})", {"x": numbers(draw, shape, dtype, "real")})


@st.composite
def along(draw: Draw) -> Drawn:
    """Along one dimension, of numbers that are all different: which of several equals is meant, may differ."""
    op, shape = draw(st.sampled_from(ALONG)), draw(shapes())
    dtype = draw(st.sampled_from(["float32", "float64", "float16"]))
    x = laid_out(draw, "x", shape, DIFFERENT)
    return Drawn(f"t.{op}({x}, dim={dims(draw, len(shape))})", {"x": numbers(draw, shape, dtype, "distinct")})


@st.composite
def reshaping(draw: Draw) -> Drawn:
    shape = draw(shapes())
    n, size = len(shape), int(np.prod(shape))
    x = laid_out(draw, "x", shape)
    dim = lambda: dims(draw, n)
    factors = [(size,), (-1,), (1, size), (size, 1), (2, -1), (size // 2, 2) if size % 2 == 0 else (size,), (-1, 1, 1)]
    target = draw(st.sampled_from(factors))
    order = draw(st.permutations(range(n)))
    text = draw(st.sampled_from([
        f"{x}.reshape({target})", f"{x}.view({target})", f"t.flatten({x}, {dim()}, {dim()})", f"t.squeeze({x})",
        f"t.squeeze({x}, {dim()})", f"t.unsqueeze({x}, {dim()})", f"t.permute({x}, {tuple(order)})",
        f"t.transpose({x}, {dim()}, {dim()})", f"t.movedim({x}, {dim()}, {dim()})", f"{x}.expand({(2, *shape)})",
        f"{x}.expand({(-1,) * n})", f"{x}.repeat({(2,) * max(n, 1)})", f"t.tile({x}, (2,))", f"t.flip({x}, ({dim()},))",
        f"t.roll({x}, {draw(st.integers(-3, 3))}, {dim()})", f"t.roll({x}, 2)", f"t.diagonal({x}, {draw(st.integers(-2, 2))})",
        f"t.tril({x}, {draw(st.integers(-2, 2))})", f"t.triu({x}, {draw(st.integers(-2, 2))})",
        f"t.rot90({x}, {draw(st.integers(-2, 5))})", f"t.diag({x})", f"t.diag_embed({x})", f"{x}.contiguous()", f"{x}.clone()",
        f"{x}.T", f"{x}.unfold({dim()}, {draw(st.integers(0, 3))}, {draw(st.integers(1, 2))})",
        f"t.repeat_interleave({x}, 2, {dim()})", f"t.unflatten({x}, {dim()}, (1, -1))", f"t.broadcast_to({x}, {(3, *shape)})",
        f"t.ravel({x})", f"t.swapaxes({x}, {dim()}, {dim()})", f"t.narrow({x}, {dim()}, 0, 1)", f"t.select({x}, {dim()}, 0)",
    ]))  # fmt: skip
    return Drawn(text, {"x": numbers(draw, shape, draw(st.sampled_from(DTYPES)), "quarters")})


@st.composite
def joining(draw: Draw) -> Drawn:
    shape = draw(shapes(least=1))
    n, dim = len(shape), dims(draw, len(shape))
    other = list(shape)
    if draw(st.booleans()):
        other[draw(st.integers(-n, n - 1))] = draw(st.integers(0, 3))
    kinds = [draw(st.sampled_from(DTYPES)) for _ in range(2)]
    count, sizes = draw(st.integers(1, 4)), draw(st.lists(st.integers(0, 3), min_size=1, max_size=3))
    text = draw(st.sampled_from([
        f"t.cat([x, y], {dim})", f"t.stack([x, y], {dim})", "t.hstack([x, y])", "t.vstack([x, y])", f"t.split(x, {count}, {dim})",
        f"t.split(x, {sizes}, {dim})", f"t.chunk(x, {count}, {dim})", f"t.tensor_split(x, {count}, {dim})",
        f"t.tensor_split(x, {tuple(sizes)}, {dim})", f"t.unbind(x, {dim})", "t.broadcast_tensors(x, y)",
        "t.meshgrid(x.ravel(), y.ravel(), indexing='ij')",
    ]))  # fmt: skip
    inputs = {"x": numbers(draw, shape, kinds[0], "quarters"), "y": numbers(draw, tuple(other), kinds[1], "quarters")}
    return Drawn(text, {k: v for k, v in inputs.items() if k in text})


@st.composite
def _index(draw: Draw, shape: tuple[int, ...]) -> str:
    """What stands in x[...]: numbers, slices, None, ..., lists and masks."""
    parts, dots = [], False
    for size in shape[: draw(st.integers(0, len(shape)))]:
        kind = draw(st.integers(0, 6))
        low, high = (draw(st.one_of(st.none(), st.integers(-5, 5))) for _ in range(2))
        if kind <= 1:
            parts.append(str(draw(st.integers(-size - (kind == 1), max(size - 1, 0)))))
        elif kind <= 3:
            step = draw(st.sampled_from(["", ":2", ":3"]))
            parts.append(f"{'' if low is None else low}:{'' if high is None else high}{step}")
        elif kind == 4:
            parts.append(
                str(draw(st.lists(st.integers(-size, max(size - 1, 0)), min_size=1, max_size=3))) if size else ":"
            )
        elif kind == 5:
            bits = draw(st.lists(st.booleans(), min_size=size, max_size=size))
            parts.append(f"t.tensor({bits}, dtype=t.bool)")
        elif not dots:
            parts.append("...")
            dots = True
            break
    if draw(st.integers(0, 3)) == 3:
        parts.insert(draw(st.integers(0, len(parts))), "None")
    return ", ".join(parts) or "..."


@st.composite
def reading(draw: Draw) -> Drawn:
    shape = draw(shapes())
    x = laid_out(draw, "x", shape)
    return Drawn(f"{x}[{draw(_index(shape))}]", {"x": numbers(draw, shape, draw(st.sampled_from(FLOATS)), "real")})


@st.composite
def writing(draw: Draw) -> Drawn:
    """Into a copy, at an index, a number or a tensor that broadcasts; or with a method, through a view."""
    shape = draw(shapes(least=1))
    index = draw(_index(shape))
    value = draw(st.sampled_from(["y", "2.5", "x.sum()", "y.double()"]))
    op = draw(st.sampled_from([
        f"written(x, lambda x, t: x.__setitem__(({index}), {value}), t)" if ":" not in index else "",
        f"written(x, lambda x, t: x[{index}].add_({value}), t)", f"written(x, lambda x, t: x[{index}].mul_(2), t)",
        f"written(x, lambda x, t: x[{index}].zero_(), t)", f"written(x, lambda x, t: x[{index}].copy_(y), t)",
        f"written(x, lambda x, t: x.t()[:1].sub_({value}), t)", "written(x, lambda x, t: x.view(-1)[::2].exp_(), t)",
    ]))  # fmt: skip
    dtype = draw(st.sampled_from(FLOATS))
    last = draw(st.sampled_from([(), (1,), shape[-1:]]))
    inputs = {"x": numbers(draw, shape, dtype, "real"), "y": numbers(draw, last, dtype, "real")}
    return Drawn(op or f"written(x, lambda x, t: x[{index}].neg_(), t)", inputs)


@st.composite
def gathering(draw: Draw) -> Drawn:
    """gather, scatter, index_*, take: with indices within range, repeats, and shapes smaller than the input's."""
    shape = draw(shapes(least=1, empty=False))
    dim = draw(st.integers(-len(shape), len(shape) - 1))
    smaller = tuple(draw(st.integers(1, n)) for n in shape)
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    i = rng.integers(0, shape[dim], smaller)
    line = rng.integers(0, shape[dim], draw(st.integers(0, 4)))
    along_dim = list(shape)
    along_dim[dim] = len(line)
    dtype = draw(st.sampled_from([*FLOATS, "int64"]))
    inputs = {"x": numbers(draw, shape, dtype, "real")}
    text = draw(st.sampled_from([
        f"t.gather(x, {dim}, i)", f"t.scatter_add(x, {dim}, i, y)", f"t.scatter(x, {dim}, i, 2)", f"t.index_select(x, {dim}, j)",
        f"t.index_add(x, {dim}, j, z)", f"t.index_fill(x, {dim}, j, 3)", "t.take(x, i)", f"t.take_along_dim(x, i, {dim})",
        "t.masked_select(x, x > 0)", "t.masked_fill(x, x > 0, 1)", "t.index_put(x, (k,), x[:1], accumulate=True)",
    ]))  # fmt: skip
    every = {"i": i, "j": line, "k": rng.integers(0, shape[0], 3), "y": numbers(draw, smaller, dtype, "real"),
             "z": numbers(draw, tuple(along_dim), dtype, "real")}  # fmt: skip
    plain = (
        text.replace("index", "").replace("take", "").replace("mask", "").replace("fill", "").replace("accumulate", "")
    )
    return Drawn(text, inputs | {k: v for k, v in every.items() if f" {k}" in plain or f"({k}," in plain})


@st.composite
def product(draw: Draw) -> Drawn:
    """Matrix products of every rank; equations of einsum."""
    n, m, k = (draw(st.integers(0, 4)) for _ in range(3))
    dtype = draw(st.sampled_from([*FLOATS, "int64"]))
    batch = draw(broadcast_pair(2))
    kind = draw(st.sampled_from(["matmul", "vector", "einsum", "linear", "addmm", "outer"]))
    if kind == "matmul":
        shapes_, text = ((*batch[0], n, m), (*batch[1], m, k)), "x @ y"
    elif kind == "vector":
        shapes_, text = (
            draw(st.sampled_from([((m,), (m,)), ((*batch[0], n, m), (m,)), ((m,), (*batch[0], m, k))])),
            "x @ y",
        )
    elif kind == "einsum":
        equation = draw(st.sampled_from(["ij,jk->ik", "ij,jk->ki", "ij,jk", "ij,jk->", "ij,jk->ijk", "ij,jk->j"]))
        shapes_, text = ((n, m), (m, k)), f"t.einsum({equation!r}, x, y)"
    elif kind == "linear":
        shapes_, text = ((*batch[0], m), (k, m)), "t.nn.functional.linear(x, y)"
    elif kind == "addmm":
        shapes_, text = ((n, m), (m, k)), "t.addmm(x.sum(), x, y, beta=2, alpha=3)"
    else:
        shapes_, text = ((n,), (m,)), "t.outer(x, y)"
    x, y = (laid_out(draw, name, s, DIFFERENT[:4]) for name, s in zip("xy", shapes_))
    text = text.replace("x @ y", f"{x} @ {y}")
    return Drawn(text, {name: numbers(draw, s, dtype, "real") for name, s in zip("xy", shapes_)})


ACTIVATIONS = """celu elu gelu hardsigmoid hardswish hardtanh hardshrink leaky_relu logsigmoid mish relu relu6 selu sigmoid silu
softplus softshrink softsign tanh""".split()  # tanhshrink cancels: PyTorch's own error is thousands of ulp


@st.composite
def activation(draw: Draw) -> Drawn:
    shape, dtype = draw(shapes()), draw(st.sampled_from([*FLOATS, "float16", "int64"]))
    x = laid_out(draw, "x", shape)
    return Drawn(
        f"t.nn.functional.{draw(st.sampled_from(ACTIVATIONS))}({x})", {"x": numbers(draw, shape, dtype, "real")}
    )


@st.composite
def loss(draw: Draw) -> Drawn:
    dtype, reduction = draw(st.sampled_from(FLOATS)), draw(st.sampled_from(["mean", "sum", "none"]))
    if draw(st.booleans()):
        shape = draw(shapes())
        name = draw(
            st.sampled_from(
                ["mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "binary_cross_entropy_with_logits", "kl_div"]
            )
        )
        inputs = {"x": numbers(draw, shape, dtype, "real"), "y": numbers(draw, shape, dtype, "positive")}
        return Drawn(f"t.nn.functional.{name}(x, y, reduction={reduction!r})", inputs)
    classes, rest = draw(st.integers(1, 4)), draw(shapes(2, 3))
    rows = () if not rest else rest[:1]
    x = numbers(draw, (*rows, classes, *rest[1:]), dtype, "real")
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    target = np.asarray(rng.integers(0, classes, rest))
    options = [f"reduction={reduction!r}"]
    if draw(st.booleans()):
        options.append("ignore_index=0")
    inputs = {"x": x, "i": target}
    if draw(st.booleans()):
        options.append("weight=w.detach()")
        inputs["w"] = numbers(draw, (classes,), dtype, "positive")
    name = draw(st.sampled_from(["cross_entropy", "nll_loss"]))
    if name == "cross_entropy" and draw(st.booleans()):
        options.append("label_smoothing=0.2")
    return Drawn(f"t.nn.functional.{name}(x, i, {', '.join(options)})", inputs)


INPLACE = "add sub mul div pow fmod remainder floor_divide atan2 eq lt logical_and copy".split()


@st.composite
def in_place(draw: Draw) -> Drawn:
    left, right = draw(broadcast_pair())
    one, other = draw(st.sampled_from(DTYPES)), draw(st.sampled_from(DTYPES))
    op = draw(st.sampled_from(INPLACE))
    return Drawn(f"x.clone().{op}_(y)", {"x": numbers(draw, left, one), "y": numbers(draw, right, other)})


@st.composite
def creation(draw: Draw) -> Drawn:
    shape, kind = draw(shapes()), f"dtype=t.{draw(st.sampled_from(DTYPES))}"
    number = st.sampled_from([0, 1, -2, 3, 0.5, -1.5, 7, 2.25])
    a, b, c = (draw(number) for _ in range(3))
    return Drawn(draw(st.sampled_from([
        f"t.zeros({shape}, {kind})", f"t.ones({shape}, {kind})", f"t.full({shape}, {a})", f"t.full({shape}, {a}, {kind})",
        f"t.arange({a}, {b}, {c})", f"t.arange({a}, {b}, {c}, {kind})", f"t.arange({a})", f"t.eye({len(shape)}, {sum(shape)}, {kind})",
        f"t.tensor({[a, b]}, {kind})", f"t.tensor({[[a], [b]]})", f"t.tensor({a})", f"t.linspace({a}, {b}, {len(shape)})",
        f"t.tensor({a}, {kind}) + {b}", f"t.tensor({[a, b]}).to(t.uint8)", f"t.zeros({shape}).new_full((2,), {b})",
        f"t.ones({shape}, {kind}).sum()", f"t.ones({shape}, {kind}).tolist()", f"repr(t.full({shape}, {a}))",
        f"repr(t.full({shape}, {b}, {kind}))",
    ])), {})  # fmt: skip


@st.composite
def random(draw: Draw) -> Drawn:
    """Streams: equal to the bit, and the generator is as far along afterwards."""
    size, kind = draw(st.integers(0, 70)), f"dtype=t.{draw(st.sampled_from([*FLOATS, 'float16']))}"
    low, high = sorted((draw(st.integers(-9, 9)), draw(st.integers(10, 99))))
    text = draw(st.sampled_from([
        f"t.rand({size}, {kind})", f"t.randn({size}, {kind})", f"t.randint({low}, {high}, ({size},))", f"t.randperm({size})",
        f"t.empty({size}, {kind}).uniform_({low}, {high})", f"t.empty({size}, {kind}).normal_({low}, {high})",
        f"t.empty({size}, {kind}).exponential_({high})", f"t.empty({size}, {kind}).bernoulli_(0.3)", f"t.empty({size}, {kind}).geometric_(0.4)",
        f"t.empty({size}).cauchy_({low}, {high})", f"t.empty({size}).log_normal_(0.5, 2)", f"t.bernoulli(t.full(({size},), 0.3))",
        f"t.multinomial(t.ones({size + 1}), 5, replacement=True)", f"t.poisson(t.full(({size},), {high / 5}))",
        f"t.nn.functional.dropout(t.ones({size}), 0.3)", f"t.nn.init.xavier_normal_(t.empty({size % 7 + 1}, {high}))",
        f"t.normal({low}.0, {high}.0, ({size},))", f"t.randint({high}, ({size},), dtype=t.int32)",
    ]))  # fmt: skip
    return Drawn(f"[(t.manual_seed({draw(st.integers(0, 2**40))}), {text})[1], t.rand(2)]", {})


@st.composite
def optimizer(draw: Draw) -> Drawn:
    """Ten steps with options drawn."""
    flag, small = st.booleans(), st.sampled_from([0.0, 0.01, 0.1])
    rate = draw(st.sampled_from([0.01, 0.1, 0.003]))
    betas = f"betas=({draw(st.sampled_from([0.9, 0.5, 0.0]))}, {draw(st.sampled_from([0.999, 0.9]))})"
    common = f"lr={rate}, weight_decay={draw(small)}, maximize={draw(flag)}"
    momentum = draw(st.sampled_from([0.9, 0.0, 0.5]))
    make = draw(st.sampled_from([
        f"SGD(p, {common}, momentum={momentum}, dampening={draw(small)})", f"SGD(p, {common}, momentum=0.9, nesterov=True)",
        f"Adam(p, {common}, {betas}, amsgrad={draw(flag)})", f"AdamW(p, {common}, {betas}, amsgrad={draw(flag)})",
        f"Adamax(p, {common}, {betas})", f"NAdam(p, {common}, {betas})", f"RAdam(p, {common}, {betas})",
        f"RMSprop(p, {common}, alpha={draw(st.sampled_from([0.99, 0.5]))}, momentum={momentum}, centered={draw(flag)})",
        f"Adagrad(p, {common}, lr_decay={draw(small)}, initial_accumulator_value={draw(small)})", f"Adadelta(p, {common})",
        f"ASGD(p, {common}, t0={draw(st.sampled_from([1e6, 3]))})",
    ]))  # fmt: skip
    dtype = draw(st.sampled_from(FLOATS))
    inputs = {n: numbers(draw, s, dtype, "real") for n, s in zip("xywv", ((6, 4), (6, 3), (3, 4), (3,)))}
    return Drawn(f"trained(t, lambda t, p: t.optim.{make}, x, y, w, v, 10)", inputs)
