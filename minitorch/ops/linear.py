"""Products of matrices and vectors."""

from __future__ import annotations

import string
from math import prod
from typing import Any

import numpy as np
from numpy import ndarray

from minitorch import cublas, recording
from minitorch.autograd import tape
from minitorch.autograd.mismatch import is_array, refuse_bool
from minitorch.autograd.tape import differentiable
from minitorch.device import Array, xp
from minitorch.ops.dims import wrap_dims
from minitorch.ops.shape import data_of, permute, reshape, t, transpose, unsqueeze

# PyTorch's words for two operands of different dtypes, by the number of dimensions.
_C_NAMES = {
    "float16": "c10::Half", "float32": "float", "float64": "double", "uint8": "unsigned char", "int8": "signed char",
    "int16": "short int", "int32": "int", "int64": "long int", "bool": "bool",
}  # fmt: skip


def _same_dtype(a: Array, b: Array) -> None:
    if a.dtype is not b.dtype and a.dtype != b.dtype:
        raise RuntimeError(
            f"expected m1 and m2 to have the same dtype, but got: {_C_NAMES[a.dtype.name]} != {_C_NAMES[b.dtype.name]}. "
            "Convert one of them with .to(dtype)."
        )


def _mm_shapes(a: Array, b: Array) -> None:
    if a.shape[-1] != b.shape[-2]:
        raise RuntimeError(
            f"mat1 and mat2 shapes cannot be multiplied ({a.shape[0]}x{a.shape[1]} and {b.shape[0]}x{b.shape[1]})"
        )


def _times(a: Array, b: Array) -> Array:
    """The product of two arrays. NumPy's `dot` goes to BLAS where its `@` would loop, and starts faster."""
    if a.__class__ is not ndarray or b.__class__ is not ndarray:  # of both kinds: `@` says so, `dot` warns before
        return cublas.matmul(a, b)
    return a.dot(b) if a.ndim == 2 and b.ndim <= 2 else a @ b


@differentiable(lambda g, b: product(g, b.T), lambda g, a: product(a.T, g), name="MmBackward0")
def product(a: Array, b: Array) -> Array:
    """`mm` without its checks, for rules."""
    return a.dot(b) if a.__class__ is ndarray else _times(a, b)


@differentiable(lambda g, mat2: product(g, mat2.T), lambda g, input: product(input.T, g))
def mm(input: Array, mat2: Array) -> Array:
    """The product of two matrices, (n, k) @ (k, m) -> (n, m)."""
    if input.ndim != 2 or mat2.ndim != 2:
        name = "self" if input.ndim != 2 else "mat2"
        raise RuntimeError(f"{name} must be a matrix")
    _mm_shapes(input, mat2)
    _same_dtype(input, mat2)
    refuse_bool("addmm_impl_cpu_", input)
    return _times(input, mat2)


@differentiable(lambda g, mat2: bmm(g, transpose(mat2, 1, 2)), lambda g, input: bmm(transpose(input, 1, 2), g))
def bmm(input: Array, mat2: Array) -> Array:
    """A batch of products of matrices, (b, n, k) @ (b, k, m) -> (b, n, m)."""
    for name, x in ("batch1", input), ("batch2", mat2):
        if x.ndim != 3:
            raise RuntimeError(f"{name} must be a 3D tensor")
    if input.shape[0] != mat2.shape[0] or input.shape[2] != mat2.shape[1]:
        raise RuntimeError(
            f"Expected size for first two dimensions of batch2 tensor to be: [{input.shape[0]}, {input.shape[2]}] but "
            f"got: [{mat2.shape[0]}, {mat2.shape[1]}]."
        )
    _same_dtype(input, mat2)
    return _times(input, mat2)


@differentiable(lambda g, vec: outer(g, vec), lambda g, input: mv(t(input), g))
def mv(input: Array, vec: Array) -> Array:
    """The product of a matrix and a vector, (n, k) @ (k,) -> (n,)."""
    if input.ndim != 2 or vec.ndim != 1:
        raise RuntimeError(f"vector + matrix @ vector expected, got 1, {input.ndim}, {vec.ndim}")
    if input.shape[1] != vec.shape[0]:
        raise RuntimeError(
            f"size mismatch, got input ({input.shape[0]}), mat ({input.shape[0]}x{input.shape[1]}), vec ({vec.shape[0]})"
        )
    _same_dtype(input, vec)
    return _times(input, vec)


@differentiable(lambda g, tensor: g * tensor, lambda g, input: g * input)
def dot(input: Array, tensor: Array) -> Array:
    """The product of two vectors of one length; 0-d."""
    if input.ndim != 1 or tensor.ndim != 1:
        raise RuntimeError(f"1D tensors expected, but got {input.ndim}D and {tensor.ndim}D tensors")
    if input.dtype is not tensor.dtype:
        names = [_scalar(x) for x in (input, tensor)]
        raise RuntimeError(f"dot : expected both vectors to have same dtype, but found {names[0]} and {names[1]}")
    if input.shape != tensor.shape:
        raise RuntimeError(
            f"inconsistent tensor size, expected tensor [{input.size}] and src [{tensor.size}] to have the same number of "
            f"elements, but got {input.size} and {tensor.size} elements respectively"
        )
    return _times(input, tensor)


def _scalar(x: Array) -> str:
    from minitorch.dtypes import scalar_name

    return scalar_name(x)


@differentiable(lambda g, vec2: mv(g, vec2), lambda g, input: mv(t(g), input), name="MulBackward0")
def outer(input: Array, vec2: Array) -> Array:
    """The products of all pairs, (n,) and (m,) -> (n, m)."""
    if input.ndim != 1 or vec2.ndim != 1:
        raise RuntimeError(f"outer: Expected 1-D argument self and vec2, but got {input.ndim}-D and {vec2.ndim}-D")
    return xp(input).multiply.outer(input, vec2)


ger = outer


@differentiable(
    lambda g, other: matmul(g, transpose(other, -2, -1)),
    lambda g, input: matmul(transpose(input, -2, -1), g),
    name="BmmBackward0",
)
def _batched(input: Array, other: Array) -> Array:
    """Matrices in the last two dimensions; the leading ones broadcast."""
    if input.shape[-1] != other.shape[-2]:
        (n, k), (j, m) = input.shape[-2:], other.shape[-2:]
        raise RuntimeError(
            f"mat1 and mat2 shapes cannot be multiplied ({n}x{k} and {j}x{m}); the operands are {list(input.shape)} "
            f"and {list(other.shape)}"
        )
    _same_dtype(input, other)
    return _times(input, other)


def matmul(input: Any, other: Any) -> Any:
    """input @ other in every rank: vectors and matrices as `dot`, `mv`, `mm`; more dimensions are a batch."""
    if is_array(input) and is_array(other):
        return _times(input, other)
    for name, position, x in ("input", 1, input), ("other", 2, other):
        if not isinstance(x, tape.Tensor):
            raise TypeError(
                f"matmul(): argument '{name}' (position {position}) must be Tensor, not {x.__class__.__name__}"
            )
    n, m = input._data.ndim, other._data.ndim
    if n == 2 and m == 2:
        return mm(input, other)
    if n == 0 or m == 0:
        raise RuntimeError(f"both arguments to matmul need to be at least 1D, but they are {n}D and {m}D")
    if n == 1 and m == 1:
        return dot(input, other)
    if m == 1:
        if n == 2:
            return mv(input, other)
        out = _batched(input, unsqueeze(other, 1))
        return reshape(out, out._data.shape[:-1])
    if n == 1:
        out = (mm if m == 2 else _batched)(unsqueeze(input, 0), other)
        return reshape(out, (*out._data.shape[:-2], out._data.shape[-1]))
    if m == 2:  # one large product instead of many
        rows = reshape(input, (-1, input._data.shape[-1])) if input._data.size else input
        if rows is not input:
            return reshape(mm(rows, other), (*input._data.shape[:-1], other._data.shape[1]))
    return _batched(input, other)


@differentiable(
    lambda g, weight: product(g, weight) if g.ndim == 2 else matmul(g, weight),
    lambda g, input: product(g.T, input) if g.ndim == 2 else _weight_gradient(g, input),
    lambda g: g,
    name="AddmmBackward0",
)
def linear(input: Array, weight: Array, bias: Array = None) -> Array:
    """input @ weight.T + bias: (..., in) with weight (out, in) and bias (out,) -> (..., out)."""
    try:
        both = input.__class__ is weight.__class__ is ndarray
        out = input.dot(weight.T) if both and input.ndim == 2 else _times(input, weight.T)
        if bias is not None:
            if bias.dtype is not out.dtype:
                _same_dtype(input, bias)
            out += bias
    except ValueError:
        raise _linear_error(input, weight, bias) from None
    except AttributeError as error:  # not an array: the tape says which argument
        raise TypeError(str(error)) from None
    if out.dtype is not input.dtype or weight.dtype is not input.dtype:
        _same_dtype(input, weight)
    return out


def _weight_gradient(g: Any, input: Any) -> Any:
    """Summed over all leading dimensions."""
    if g.ndim == 1:
        return outer(g, input)
    rows = prod(g.shape[:-1])
    return product(reshape(g, (rows, g.shape[-1])).T, reshape(input, (rows, input.shape[-1])))


def _linear_error(input: Array, weight: Array, bias: Array | None) -> Exception:
    if input.shape[-1:] != weight.shape[-1:]:
        rows = int(np.prod(input.shape[:-1]))
        return RuntimeError(
            f"mat1 and mat2 shapes cannot be multiplied ({rows}x{input.shape[-1] if input.ndim else 1} and "
            f"{weight.shape[-1]}x{weight.shape[0]}): the input's last dimension must be in_features, {weight.shape[-1]}"
        )
    shape = None if bias is None else list(bias.shape)
    return RuntimeError(f"linear(): a bias of shape {shape} does not fit weight {list(weight.shape)}")


@differentiable(
    lambda g, beta: g if beta == 1 else g * beta,
    lambda g, mat2, alpha: mm(g, t(mat2)) if alpha == 1 else mm(g, t(mat2)) * alpha,
    lambda g, mat1, alpha: mm(t(mat1), g) if alpha == 1 else mm(t(mat1), g) * alpha,
)
def addmm(input: Array, mat1: Array, mat2: Array, *, beta: float = 1, alpha: float = 1) -> Array:
    """beta * input + alpha * mat1 @ mat2."""
    if mat1.ndim != 2 or mat2.ndim != 2:
        raise RuntimeError("mat1 and mat2 must be matrices")
    _mm_shapes(mat1, mat2)
    _same_dtype(mat1, mat2)
    _same_dtype(input, mat1)
    product = _times(mat1, mat2) if alpha == 1 else alpha * _times(mat1, mat2)
    if input.ndim > 2:
        raise RuntimeError(
            f"addmm: expanded size [{', '.join(map(str, product.shape))}] must not have fewer dimensions than input {list(input.shape)}"
        )
    if beta == 0:  # NaN and inf in `input` do not count then
        return product + xp(input).zeros_like(input)
    return (input if beta == 1 else beta * input) + product


def baddbmm(input: Any, batch1: Any, batch2: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    """beta * input + alpha * batch1 @ batch2, for batches of matrices."""
    product = bmm(batch1, batch2) * alpha if alpha != 1 else bmm(batch1, batch2)
    if input.ndim > 3 or input._data.dtype is not product._data.dtype:
        raise RuntimeError(
            f"baddbmm: input must fit the product's shape {list(product.shape)} and dtype {product.dtype}, but it has shape "
            f"{list(input.shape)} and dtype {input.dtype}"
        )
    return product if beta == 0 else (input if beta == 1 else input * beta) + product


def chain_matmul(*matrices: Any) -> Any:
    """The product of matrices, left to right."""
    out = matrices[0]
    for m in matrices[1:]:
        out = mm(out, m)
    return out


def trace(input: Any) -> Any:
    """The sum of a matrix's diagonal."""
    from minitorch.ops.diagonal import diagonal
    from minitorch.ops.reduce import sum

    if input._data.ndim != 2:
        raise RuntimeError("trace: expected a matrix, but got tensor with dim " + str(input._data.ndim))
    return sum(diagonal(input))


def tensordot(a: Any, b: Any, dims: Any = 2) -> Any:
    """Products summed over pairs of dimensions: the last `dims` of a with the first of b, or two lists of them."""
    if isinstance(dims, int):
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        first, second = list(range(a.ndim - dims, a.ndim)), list(range(dims))
    else:
        first, second = ([d] if isinstance(d, int) else list(d) for d in dims)
    first, second = list(wrap_dims(tuple(first), a.ndim)), list(wrap_dims(tuple(second), b.ndim))
    if [a.shape[d] for d in first] != [b.shape[d] for d in second]:
        raise RuntimeError(
            f"contracted dimensions need to match, but dims {first} of a {list(a.shape)} and {second} of b {list(b.shape)} do not"
        )
    keep_a = [d for d in range(a.ndim) if d not in first]
    keep_b = [d for d in range(b.ndim) if d not in second]
    size = (*(a.shape[d] for d in keep_a), *(b.shape[d] for d in keep_b))
    k = int(np.prod([a.shape[d] for d in first]))
    rows = reshape(permute(a, (*keep_a, *first)), (-1, k) if k else (int(np.prod(size[: len(keep_a)])), 0))
    columns = reshape(permute(b, (*second, *keep_b)), (k, -1) if k else (0, int(np.prod(size[len(keep_a) :]))))
    return reshape(mm(rows, columns), size)


# --- einsum


@differentiable(lambda g, i, operands, equation: _einsum_gradient(g, i, operands, equation), name="EinsumBackward0")
def _einsum(*operands: Array, equation: str) -> Array:
    kind = operands[0].dtype
    for x in operands[1:]:
        _same_dtype(operands[0], x)
    lib = xp(operands[0])
    if len(operands) == 1:
        return lib.einsum(equation, *operands).astype(kind, copy=False)
    out = _pairwise(equation, operands) if recording.here.recording else lib.einsum(equation, *operands, optimize=True)
    return lib.asarray(out, kind, order="C")


def _pairwise(equation: str, operands: tuple[Array, ...]) -> Array:
    """einsum by products of two operands at a time: CuPy's cannot be part of a CUDA graph."""
    inputs, output = equation.split("->")
    (term, out), *others = zip(inputs.split(","), operands, strict=True)
    for i, (other, x) in enumerate(others, 1):
        later = set(output).union(*[t for t, _ in others[i:]])
        term, out = _product_of(term, out, other, x, later)
    return xp(out).einsum(f"{term}->{output}", out)


def _product_of(s: str, a: Array, t: str, b: Array, later: set[str]) -> tuple[str, Array]:
    """(subscripts, array) of a product, summed over what is not in `later`."""
    lib, found = xp(a), dict.fromkeys(s + t)
    s, a = _without_ones(s, a, dict(zip(t, b.shape, strict=True)))
    t, b = _without_ones(t, b, dict(zip(s, a.shape, strict=True)))
    both = [c for c in found if c in s and c in t]
    batch, summed = "".join(c for c in both if c in later), "".join(c for c in both if c not in later)
    rows, columns = ("".join(c for c in found if c in u and c not in both and c in later) for u in (s, t))
    a, b = lib.einsum(f"{s}->{batch}{rows}{summed}", a), lib.einsum(f"{t}->{batch}{summed}{columns}", b)
    sizes = dict(zip(batch + rows + summed + columns, a.shape + b.shape[len(batch) + len(summed) :], strict=True))
    many, n, k, m = ([sizes[c] for c in u] for u in (batch, rows, summed, columns))
    out = _times(a.reshape((*many, prod(n), prod(k))), b.reshape((*many, prod(k), prod(m))))
    return batch + rows + columns, out.reshape((*many, *n, *m))


def _without_ones(s: str, x: Array, others: dict[str, int]) -> tuple[str, Array]:
    """Without the dimensions of size 1 that the other operand has larger: they broadcast."""
    kept = "".join(c for c, n in zip(s, x.shape, strict=True) if n != 1 or others.get(c, 1) == 1)
    return kept, x if kept == s else xp(x).einsum(f"{s}->{kept}", x)


def _einsum_gradient(g: Any, i: int, operands: Any, equation: str) -> Any:
    """Exchange the operand's subscripts with the output's; what only it has is spread, what it repeats is a diagonal."""
    inputs, output = equation.split("->")
    terms = inputs.split(",")
    mine = terms[i]
    others = [(term, x) for j, (term, x) in enumerate(zip(terms, operands, strict=True)) if j != i]
    once = "".join(dict.fromkeys(mine))
    known = set(output).union(*(term for term, _ in others))
    found = "".join(c for c in once if c in known)
    arrays = [g, *(x for _, x in others)]
    gradient = einsum(",".join([output, *(term for term, _ in others)]) + "->" + found, *arrays)
    sizes = dict(zip(mine, data_of(operands[i]).shape, strict=True))
    if found != once:  # summed away on the way in: constant along it
        gradient = reshape(gradient, tuple(sizes[c] if c in known else 1 for c in once))
        from minitorch.autograd.broadcast import broadcast_to

        gradient = broadcast_to(gradient, tuple(sizes[c] for c in once))
    if once != mine:
        gradient = _to_diagonal(gradient, mine)
    return gradient


def _to_diagonal(x: Any, mine: str) -> Any:
    from minitorch.ops.diagonal import diag_embed

    if len(mine) != 2:
        raise NotImplementedError(f"einsum(): the gradient of an operand with subscripts {mine!r} is not done")
    return diag_embed(x)


def einsum(equation: str, *operands: Any) -> Any:
    """Einstein's summation convention: `einsum("ij,jk->ik", a, b)`; with ellipses, and implicit output."""
    arrays = list(operands[0]) if len(operands) == 1 and isinstance(operands[0], list | tuple) else list(operands)
    if not isinstance(equation, str):
        raise NotImplementedError("einsum(): minitorch takes the equation as a string, not as lists of subscripts")
    full = _explicit(equation.replace(" ", ""), [data_of(x).ndim for x in arrays])
    if is_array(arrays[0]):
        return _einsum.array(*arrays, equation=full)
    return _einsum(*arrays, equation=full)


def _explicit(equation: str, ndims: list[int]) -> str:
    """The equation with ellipses spelled out and the output written."""
    inputs, arrow, output = equation.partition("->")
    terms = inputs.split(",")
    if len(terms) != len(ndims):
        raise RuntimeError(
            f"einsum(): more operands were provided than specified in the equation: {equation!r}, {len(ndims)} operands"
        )
    free = [c for c in string.ascii_letters if c not in equation]
    most = max((n - len(term) + 3 for term, n in zip(terms, ndims, strict=True) if "..." in term), default=0)
    spelled: list[str] = []
    for term, n in zip(terms, ndims, strict=True):
        if "..." in term:
            k = n - len(term) + 3
            if k < 0:
                raise RuntimeError(f"einsum(): the subscripts {term!r} need more dimensions than the operand has ({n})")
            term = term.replace("...", "".join(free[most - k : most]))
        elif len(term) != n:
            raise RuntimeError(
                f"einsum(): the number of subscripts in the equation ({len(term)}) does not match the number of dimensions "
                f"({n}) for operand {len(spelled)} and no ellipsis was given"
            )
        spelled.append(term)
    dots = "".join(free[:most])
    if not arrow:
        letters = "".join(spelled)
        output = dots + "".join(sorted(c for c in set(letters) if letters.count(c) == 1 and c not in dots))
    return ",".join(spelled) + "->" + output.replace("...", dots)
