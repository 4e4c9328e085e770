"""Arithmetic and comparison: every pair of dtypes, whole tensors, 0-d tensors and numbers; odd values.

Each program runs in PyTorch and in minitorch: the same dtype, shape, strides and values, or the same type of error.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from agreement import agree, alike, outcome, programs
from hypothesis import given, settings
from hypothesis import strategies as st

import minitorch

ARITHMETIC = """
round(torch.tensor(4.5))   round(torch.tensor(4.567),2)   abs(torch.tensor(-4.5))   torch.tensor([1,2])<None
torch.tensor([1,2])<"a"   torch.tensor([1,2])<[1,2]   torch.tensor([1,2])+None   torch.tensor([1,2])+"a"
torch.tensor([1,2])-None   torch.tensor([1,2])/"a"   torch.tensor([1,2])**None   torch.tensor([1,2])%"a"
"%s"%torch.tensor(3)   torch.tensor([1,2])//None   torch.tensor([1,2])&1.5   torch.tensor([1,2])|None
~torch.tensor([1,2])   ~torch.tensor([True])   ~torch.tensor([1.])   -torch.tensor([True])
-torch.tensor([1],dtype=torch.uint8)   +torch.tensor([1])   +torch.tensor([True])   abs(torch.tensor([True]))
torch.tensor([1,2])<<1   1<<torch.tensor([1,2])   8>>torch.tensor([1,2])   torch.tensor([-8])>>1
torch.tensor([1])<<64   torch.tensor([1])<<-1   torch.tensor([1])>>64   torch.tensor([-1])>>64
torch.tensor([1])>>-1   torch.tensor([1],dtype=torch.int8)<<7   torch.tensor([1],dtype=torch.int8)<<8
torch.tensor([1],dtype=torch.uint8)<<8   2**torch.tensor([1,2])   2.0**torch.tensor([1,2])   2**torch.tensor([1.,2])
(-2)**torch.tensor([1.,2])   torch.tensor([2,3])**-1   torch.tensor([2,1,-1,0])**torch.tensor([-1,-1,-1,-1])
torch.tensor([2.,3])**-1   torch.tensor([2,3])**0.5   torch.tensor([-8.])**(1/3)   torch.tensor([0.])**0
torch.tensor([0])**0   torch.tensor([2])**63   torch.tensor([2])**64   torch.tensor([3],dtype=torch.int8)**5
torch.tensor([True])**2   torch.tensor([True])**True   True**torch.tensor([2])   7//torch.tensor([2,-2])
7%torch.tensor([2,-2])   -7%torch.tensor([2,-2])   7.5//torch.tensor([2.,-2.])   torch.tensor([7,-7])//2
torch.tensor([7,-7])%3   torch.tensor([7,-7])%-3   torch.tensor([7.,-7.])%3   torch.tensor([7.,-7.])%-3
torch.tensor([7.,-7.])%0   torch.tensor([7,-7])%0   torch.tensor([7,-7])//0   torch.tensor([7.,-7.,0.])//0
torch.tensor([7,-7])/0   torch.tensor([inf,-inf,nan,0.])%inf   torch.tensor([5.,-5.])%inf
torch.tensor([5.,-5.])%-inf   torch.tensor([inf,-inf])//2   torch.tensor([5.,-5.])//inf
torch.fmod(torch.tensor([5.,-5.]),inf)   torch.fmod(torch.tensor([inf]),2)   torch.fmod(torch.tensor([7,-7]),3)
torch.fmod(torch.tensor([7,-7]),-3)   torch.fmod(torch.tensor([-128],dtype=torch.int8),-1)
torch.tensor([-128],dtype=torch.int8)//-1   torch.tensor([-128],dtype=torch.int8)%-1
torch.tensor([-128],dtype=torch.int8).abs()   -torch.tensor([-128],dtype=torch.int8)
torch.tensor([127],dtype=torch.int8)+1   torch.tensor([255],dtype=torch.uint8)+1
torch.tensor([0],dtype=torch.uint8)-1   torch.tensor([200],dtype=torch.uint8)*2   torch.tensor([2**63-1])+1
torch.tensor([1])+2**63   torch.tensor([1],dtype=torch.int32)+2**40   torch.tensor([1],dtype=torch.int8)+300
torch.tensor([100],dtype=torch.uint8)/300   torch.tensor([100],dtype=torch.uint8)/256
300/torch.tensor([100],dtype=torch.uint8)   300//torch.tensor([100],dtype=torch.uint8)
300-torch.tensor([100],dtype=torch.uint8)   torch.tensor([44],dtype=torch.uint8)==300
torch.tensor([44],dtype=torch.uint8)<300   torch.tensor([44],dtype=torch.uint8)>-1
torch.tensor([44],dtype=torch.int8)<1000   torch.tensor([44],dtype=torch.uint8).clamp(-5,300)
torch.tensor([44],dtype=torch.uint8).clamp(-5,100)   torch.tensor([44])==2**63
torch.tensor([7.,-7.]).div(2,rounding_mode="floor")   torch.tensor([7.,-7.]).div(2,rounding_mode="trunc")
torch.tensor([7,-7]).div(2,rounding_mode="trunc")   torch.tensor([7,-7]).div(2,rounding_mode="floor")
torch.tensor([7,-7]).div(0,rounding_mode="trunc")   torch.tensor([7,-7]).div(2,rounding_mode="round")
torch.tensor([7,-7]).div(2,rounding_mode=None)   torch.tensor([7,-7]).div(2,"floor")
torch.tensor([-128],dtype=torch.int8).div(-1,rounding_mode="trunc")   torch.tensor([0.5,1.5,2.5,-0.5]).round()
torch.tensor([1.2345]).round(decimals=2)   torch.tensor([12345.]).round(decimals=-2)
torch.tensor([5,15]).round(decimals=-1)   torch.round(torch.tensor([5,15]))   torch.tensor([1.5]).round(2)
torch.tensor([True]).round()   torch.tensor([1.5,-1.5]).trunc()   torch.tensor([1.5,-1.5]).frac()
torch.tensor([1,2]).frac()   torch.tensor([1,2]).floor()   torch.tensor([True]).floor()
torch.tensor([nan,inf,-inf]).floor()   torch.sign(torch.tensor([nan,-0.,0.,-2.]))
torch.sign(torch.tensor([True,False]))   torch.sign(torch.tensor([0,200],dtype=torch.uint8))
torch.abs(torch.tensor([-0.,nan,-inf]))   torch.maximum(torch.tensor([nan,1.]),torch.tensor([1.,nan]))
torch.clamp(torch.tensor([nan,1.,5.]),0,2)   torch.clamp(torch.tensor([1.,5.]),min=nan)
torch.clamp(torch.tensor([1.,5.]),3,2)   torch.clamp(torch.tensor([1,5]),1.5,2.5)   torch.clamp(torch.tensor([1,5]))
torch.clamp(torch.tensor([1.,5]),torch.tensor([2.,2.]),None)
torch.clamp(torch.tensor([1.,5]),torch.tensor([2.,2.]),torch.tensor(3.))
torch.clamp(torch.tensor([1.,5]),torch.tensor([2.,2.]),torch.tensor([[3.],[4.]]))
torch.clamp(torch.tensor([1.,5]),max=2)   torch.clamp(min=1,input=torch.tensor([0.,5]))
torch.square(torch.tensor([True,False]))   torch.square(torch.tensor([100],dtype=torch.int8))
torch.reciprocal(torch.tensor([0,2]))   torch.nan_to_num(torch.tensor([nan,inf,-inf,1.]))
torch.nan_to_num(torch.tensor([nan,inf,-inf,1.]),nan=5.,posinf=6.)   torch.nan_to_num(torch.tensor([1,2]))
torch.nan_to_num(torch.tensor([nan,inf],dtype=torch.float16))   torch.isnan(torch.tensor([1,2]))
torch.isinf(torch.tensor([1,inf]))   torch.isfinite(torch.tensor([True]))   torch.isposinf(torch.tensor([1,2]))
torch.signbit(torch.tensor([-0.,0.,-1.,nan]))   torch.signbit(torch.tensor([True,False]))
torch.allclose(torch.tensor([1.]),torch.tensor([1.]))   torch.allclose(torch.tensor([1.]),torch.tensor([1.+1e-6]))
torch.allclose(torch.tensor([1.]),torch.tensor([1.],dtype=torch.float64))   torch.allclose(torch.tensor([1.]),1.)
torch.allclose(torch.tensor([nan]),torch.tensor([nan]))
torch.allclose(torch.tensor([nan]),torch.tensor([nan]),equal_nan=True)
torch.allclose(torch.tensor([1.,2.]),torch.tensor([1.]))
torch.allclose(torch.tensor([1]),torch.tensor([1]),rtol=-1)
torch.isclose(torch.tensor([inf,-inf,inf]),torch.tensor([inf,-inf,-inf]))
torch.isclose(torch.tensor([1,2]),torch.tensor([1,3]))   torch.isclose(torch.tensor([True]),torch.tensor([True]))
torch.isclose(torch.tensor([1,2]),torch.tensor([1,3]),atol=1.5)
torch.equal(torch.tensor([1,2]),torch.tensor([1,2]))   torch.equal(torch.tensor([1,2]),torch.tensor([1.,2]))
torch.equal(torch.tensor([1,2]),torch.tensor([[1,2]]))   torch.equal(torch.tensor([nan]),torch.tensor([nan]))
t=torch.tensor([nan]); torch.equal(t,t)   torch.equal(torch.tensor([1]),1)   torch.tensor([1]).equal([1])
torch.full((1,),-255,dtype=torch.uint8)   torch.full((1,),-256,dtype=torch.uint8)
torch.full((1,),-1.0,dtype=torch.uint8)   torch.full((1,),-0.5,dtype=torch.uint8)
torch.full((1,),255.9,dtype=torch.uint8)   torch.full((1,),2**62+1,dtype=torch.int64)
torch.tensor([-255],dtype=torch.uint8)   torch.tensor([-256],dtype=torch.uint8)
torch.tensor([-0.5],dtype=torch.uint8)   torch.tensor([255.9],dtype=torch.uint8)
torch.tensor([127.9],dtype=torch.int8)   torch.tensor([-128.9],dtype=torch.int8)
torch.tensor(-1.0,dtype=torch.uint8)   torch.ones(1,dtype=torch.uint8).fill_(-255)
torch.ones(1,dtype=torch.uint8).fill_(-256)   torch.ones(2,3).is_signed()   t=torch.arange(3); t.fmod_(2)
t=torch.arange(3); t.logical_and_(torch.tensor([1,0,1])); t   t=torch.arange(3); t<<=1; t
t=torch.arange(3.); t.sinh_(); t   t=torch.arange(3.); t.eq_(1); t   t=torch.arange(3.); t.cumsum_(0); t
t=torch.arange(3.); t.atan2_(torch.ones(3)); t   t=torch.arange(3.); t.pow_(2); t
t=torch.arange(3.); t.clamp_(min=1); t   t=torch.arange(3.); t.clamp_(1,1.5); t
t=torch.arange(3.); t.clip_(max=1); t   t=torch.arange(3.); t.clamp_()   t=torch.arange(3.); t**=2; t
torch.add(input=torch.ones(2),other=2)   torch.add(torch.ones(2),other=2,alpha=3)
torch.sub(torch.ones(2),2,alpha=3)   torch.sub(torch.tensor([True]),torch.tensor([False]))   1-torch.tensor([True])
torch.div(input=torch.ones(2),other=2)   torch.pow(input=torch.ones(2),exponent=2)   torch.pow(2,torch.ones(2))
torch.clamp(input=torch.ones(2),max=0)   torch.pow(2,3)   torch.clamp(3,0,1)
torch.xlogy(2,torch.ones(2,dtype=torch.uint8))
"""

BACKWARD = """
torch.ones(2,3).grad_fn   t=torch.ones(2); t.grad_fn=None
x=torch.tensor([2.,3.],requires_grad=True); (x/2).sum().backward(); x.grad
x=torch.tensor([2.,3.],requires_grad=True); (2/x).sum().backward(); x.grad
x=torch.tensor([2.,3.],requires_grad=True); (x**3).sum().backward(); x.grad
x=torch.tensor([2.,3.],requires_grad=True); (x**-200).sum().backward(); x.grad
x=torch.tensor([2.,3.],requires_grad=True); (x-2).sum().backward(); x.grad
x=torch.tensor([2.,3.],requires_grad=True); (2-x).sum().backward(); x.grad
x=torch.tensor([2.,3.],requires_grad=True); (x%2).sum().backward(); x.grad
x=torch.tensor([2.,3.],requires_grad=True); x.clamp(0,2.5).sum().backward(); x.grad
x=torch.tensor([2.,3.],requires_grad=True); (x-torch.tensor([1,2])).sum().backward(); x.grad
x=torch.tensor([2.,3.],requires_grad=True,dtype=torch.float16); (x-torch.tensor([1.,2])).sum().backward(); x.grad
m=torch.tensor([2.,3.],requires_grad=True); torch.normal(m,1.).sum().backward(); m.grad
m=torch.tensor([.2,.3],requires_grad=True); torch.bernoulli(m).sum().backward(); m.grad
str((torch.tensor([2.,3.],requires_grad=True)/2).grad_fn.name())
str((torch.tensor([2.,3.],requires_grad=True)**2).grad_fn.name())
str((torch.tensor([2.,3.],requires_grad=True)-2).grad_fn.name())
str((2-torch.tensor([2.,3.],requires_grad=True)).grad_fn.name())
"""

DTYPES = ["float16", "float32", "float64", "uint8", "int8", "int16", "int32", "int64", "bool"]
BINARY = (
    "add sub mul div floor_divide remainder fmod pow eq ne lt le gt ge bitwise_and bitwise_or bitwise_xor "
    "bitwise_left_shift bitwise_right_shift logical_and logical_or logical_xor maximum minimum atan2 hypot logaddexp xlogy"
).split()
OPERATORS = "+ - * / // % ** & | ^ << >> == != < <= > >=".split()
WITH_OPTIONS = [
    "torch.div(a, b, rounding_mode='floor')", "torch.div(a, b, rounding_mode='trunc')", "torch.add(a, b, alpha=2)",
    "torch.where(torch.tensor([True, False, True, False]), a, b)", "torch.clamp(a, min=b)", "torch.clamp(a, max=b)",
    "torch.addcmul(a, a, b)", "torch.isclose(a, b)", "torch.equal(a, b)", "torch.result_type(a, b)", "torch.lerp(a, b, 0.3)",
]  # fmt: skip
IN_PLACE = [f"t = a.clone(); t {op}= b; t" for op in "+ - * / // % ** & | ^ << >>".split()]
NUMBERS = ["True", "2", "-3", "300", "1.5", "2.0", "np.float32(1.5)", "np.float64(1.5)", "np.int64(2)", "np.int32(2)"]


def whole(dtype: str) -> str:
    values = {
        "f": "[2.5, -1.5, 0.5, 3.0]",
        "i": "[2, -1, 1, 3]",
        "u": "[2, 200, 1, 3]",
        "b": "[True, False, True, True]",
    }
    return f"torch.tensor({values[np.dtype(dtype).kind]}, dtype=torch.{dtype})"


def single(dtype: str) -> str:
    return f"torch.tensor({'True' if dtype == 'bool' else 2}, dtype=torch.{dtype})"


TENSORS = [form(dtype) for dtype in DTYPES for form in (whole, single)]
FEW = [form(dtype) for dtype in ("float32", "uint8", "int32", "bool") for form in (whole, single)]
EXPRESSIONS = [f"torch.{name}(a, b)" for name in BINARY] + WITH_OPTIONS

# Where minitorch knowingly differs. A write that cannot be and a dtype that an op refuses: which error comes first.
ERRORS_BY_ORDER = (RuntimeError, NotImplementedError)


def check(expression: str, a: str, b: str) -> None:
    program = f"a = {a}; b = {b}; {expression}"
    theirs, mine = outcome(torch, program), outcome(minitorch, program)
    if isinstance(theirs, ERRORS_BY_ORDER) and isinstance(mine, ERRORS_BY_ORDER):
        return
    assert alike(theirs, mine), f"{program}\nPyTorch:   {theirs!r}\nminitorch: {mine!r}"


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_promotion(expression: str) -> None:
    for a in map(whole, DTYPES):
        for b in TENSORS + NUMBERS:
            check(expression, a, b)


@pytest.mark.parametrize("operator", OPERATORS)
def test_operators(operator: str) -> None:
    for tensor in FEW:
        for other in FEW + NUMBERS:
            check(f"a {operator} b", tensor, other)
            check(f"a {operator} b", other, tensor)


@pytest.mark.parametrize("program", IN_PLACE)
def test_promotion_in_place(program: str) -> None:
    for a in FEW:
        for b in TENSORS + NUMBERS:
            check(program, a, b)


INTEGERS = st.integers(-(2**40), 2**40)
FLOATS = st.floats(width=32)


# Not float16: PyTorch keeps the number in float32, NumPy rounds it to a half first.
@given(
    operator=st.sampled_from("+ - * / // % == < >=".split()), dtype=st.sampled_from(DTYPES[1:]),
    values=st.lists(st.integers(-128, 127), min_size=1, max_size=4), number=INTEGERS | FLOATS | st.booleans(),
    reflected=st.booleans(),
)  # fmt: skip
@settings(max_examples=200, deadline=None)
def test_any_number(operator: str, dtype: str, values: list[int], number: object, reflected: bool) -> None:
    tensor = f"torch.tensor({values}).to(torch.{dtype})"
    check(f"b {operator} a" if reflected else f"a {operator} b", tensor, repr(number))


@pytest.mark.parametrize("program", programs(ARITHMETIC))
def test_arithmetic(program: str) -> None:
    agree(program)


@pytest.mark.parametrize("program", programs(BACKWARD))
def test_backward(program: str) -> None:
    agree(program)


@pytest.mark.parametrize("number", [2**70, -(2**63) - 1, 2**64, -(2**63), 2**64 - 1], ids=str)
@pytest.mark.parametrize(
    "program",
    programs("""
    torch.ones(2) * N   torch.ones(2, dtype=torch.int64) * N   N - torch.ones(2)   torch.ones(2) ** N   torch.ones(2) / N
    torch.ones(2).add_(N)   torch.ones(2, dtype=torch.int64).mul_(N)   torch.ones(2, dtype=torch.bool) + N
    torch.ones(2).eq(N)   torch.ones(2).fill_(N)   torch.clamp(torch.ones(2), max=N)   torch.add(*[torch.ones(2)] * 2, alpha=N)
    torch.where(torch.tensor([True]), torch.ones(1), N)   torch.lerp(*[torch.ones(2)] * 2, N)
    torch.addcmul(*[torch.ones(2)] * 3, value=N)   torch.addcdiv(*[torch.ones(2)] * 3, value=N)
    """),
)
def test_numbers_of_more_than_64_bits(program: str, number: int) -> None:
    """They raise, rather than wrap to another value."""
    agree(program.strip().replace("N", f"({number})"))
