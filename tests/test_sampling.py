"""Argument forms of the random functions; the seed is 0 in both libraries. Their numbers: test_random*.py.

Each program runs in PyTorch and in minitorch: the same dtype, shape, strides and values, or the same type of error.
"""

from __future__ import annotations

import pytest
from agreement import agree, programs, refused

UNIFORM_AND_NORMAL = """
torch.rand(3)   torch.rand()   torch.rand(2,3)   torch.rand((2,3))   torch.rand(size=(2,3))
torch.rand(2,dtype=torch.float64)   torch.rand(2,dtype=torch.float16)   torch.rand(2,dtype=torch.int64)
torch.rand(2,dtype=torch.bool)   torch.rand(2,requires_grad=True)   torch.rand(-1)   torch.rand(2.5)
torch.rand("a")   torch.rand(2,device="cpu")   torch.rand(2,foo=1)   torch.rand(2,generator=3)
torch.rand(2,generator=torch.Generator().manual_seed(3))   torch.randn(2,generator=torch.Generator().manual_seed(3))
torch.randn((2,),generator=torch.Generator().manual_seed(3))   torch.rand(2,generator=None).shape
torch.randn(2,dtype=torch.int64)   torch.randn(20)   torch.randn(())   torch.randn(0)
torch.rand_like(torch.ones(2,3))   torch.rand_like(torch.ones(2,3).T)
torch.rand_like(torch.ones(2,dtype=torch.int64))
torch.rand_like(torch.ones(2,dtype=torch.int64),dtype=torch.float32)   torch.rand_like(3)
torch.rand_like(torch.ones(3,2).T,memory_format=torch.contiguous_format)
torch.rand_like(torch.ones(3,2).T,memory_format=torch.preserve_format)   torch.rand(0,dtype=torch.int64)
torch.randn(0,dtype=torch.int64)   torch.randn_like(torch.ones(3),generator=torch.Generator().manual_seed(3))
torch.rand_like(torch.ones(2),requires_grad=True)   torch.randn_like(torch.ones(2,3))
torch.randn_like(torch.ones(2,3,dtype=torch.int32))   torch.randn_like(input=torch.ones(2))   torch.randn_like([1])
"""

INTEGERS = """
torch.randint(10,(3,))   torch.randint(0,10,(3,))   torch.randint(3,10,(2,2))
torch.randint(low=3,high=10,size=(2,2))   torch.randint(high=10,size=(2,2))   torch.randint(0,high=10,size=(2,2))
torch.randint(3,high=10,size=(2,2))   torch.randint(10,size=(2,2))   torch.randint(10,[2])
torch.randint(10,torch.Size([2]))   torch.randint(10,())   torch.randint(10,3)   torch.randint(0,10,3)
torch.randint(0,10)   torch.randint(10)   torch.randint(0,10,(3,),(4,))   torch.randint(0,0,(3,))
torch.randint(0,(3,))   torch.randint(5,3,(3,))   torch.randint(-5,3,(3,))   torch.randint(0,10,(-1,))
torch.randint(0,10.5,(3,))   torch.randint(0,10.,(3,))   torch.randint(10.,(3,))
torch.randint(0,10,(3,),dtype=torch.float32)   torch.randint(0,10,(3,),dtype=torch.float16)
torch.randint(0,10,(3,),dtype=torch.int32)   torch.randint(0,300,(3,),dtype=torch.uint8)
torch.randint(0,256,(3,),dtype=torch.uint8)   torch.randint(-1,10,(3,),dtype=torch.uint8)
torch.randint(0,2,(3,),dtype=torch.bool)   torch.randint(0,3,(3,),dtype=torch.bool)
torch.randint(0,2,(3,),dtype=bool)   torch.randint(0,2**63-1,(3,))   torch.randint(0,2**63,(3,))
torch.randint(-2**63,2**63-1,(3,))   torch.randint(0,2**40,(3,))   torch.randint(0,2**25,(3,),dtype=torch.float32)
torch.randint(0,10,(3,),requires_grad=True)   torch.randint(0,10,(3,),dtype=torch.float32,requires_grad=True)
torch.randint(0,10,(3,),generator=torch.Generator().manual_seed(3))
torch.randint(10,(3,),generator=torch.Generator().manual_seed(3))   torch.randint(np.int64(10),(3,))
torch.randint(0,np.int64(10),(3,))   torch.randint(0,np.int64(10),(np.int64(3),))
torch.randint(torch.tensor(10),(3,))   torch.randint(0,torch.tensor(10),(3,))   torch.randint(True,(3,))
torch.randint("a",(3,))   torch.randint(None,(3,))   torch.randint(0,None,(3,))   torch.randint(size=(3,))
torch.randint()   torch.randint(low=3,size=(2,))   torch.randint(10,low=3,size=(2,))   torch.randint_like(torch.ones(3),10)
torch.randint_like(torch.ones(3),2,10)   torch.randint_like(torch.ones(3),low=2,high=10)
torch.randint_like(torch.ones(3,dtype=torch.int32),high=10)
torch.randint_like(torch.ones(3,dtype=torch.int32),5,3)
torch.randint_like(torch.ones(3,dtype=torch.int32),10,dtype=torch.int64)   torch.randint_like(3,10)
torch.randperm(5)   torch.randperm(0)   torch.randperm(-1)   torch.randperm(5.0)
torch.randperm(5,dtype=torch.float32)   torch.randperm(5,dtype=torch.int32)   torch.randperm(5,dtype=torch.uint8)
torch.randperm(300,dtype=torch.uint8)   torch.randperm(3000,dtype=torch.float16)
torch.randperm(2,dtype=torch.bool)   torch.randperm(n=5)   torch.randperm(np.int64(5))
torch.randperm(torch.tensor(5))   torch.randperm(True)   torch.randperm("a")   torch.randperm(None)
torch.randperm()   torch.randperm(5,requires_grad=True)
torch.randperm(5,generator=torch.Generator().manual_seed(3))   torch.randperm(5,device="cpu")
"""

NORMAL = """
torch.normal(0,1,(3,))   torch.normal(0.,1.,(3,))   torch.normal(0.,1.,size=(3,))   torch.normal(0.,1.,3)
torch.normal(mean=0.,std=1.,size=(3,))   torch.normal(0.,-1.,(3,))   torch.normal(0.,0.,(3,))   torch.normal(0.,1.)
torch.normal(0.)   torch.normal()   torch.normal(torch.zeros(3),torch.ones(3))   torch.normal(torch.zeros(3),2)
torch.normal(torch.zeros(3),2.)   torch.normal(torch.zeros(3))   torch.normal(mean=torch.zeros(3))
torch.normal(2.,torch.ones(3))   torch.normal(2,torch.ones(3))   torch.normal(2.,std=torch.ones(3))
torch.normal(mean=torch.arange(1.,11.),std=torch.arange(1,0,-0.1))   torch.normal(mean=0.5,std=torch.arange(1.,6.))
torch.normal(mean=torch.arange(1.,6.))   torch.normal(torch.zeros(3),-torch.ones(3))   torch.normal(0.,torch.tensor([1.,nan]))
torch.normal(torch.zeros(3),-1.)   torch.normal(torch.zeros(3,1),torch.ones(4))
torch.normal(torch.zeros(3),torch.ones(4))   torch.normal(torch.zeros(3),torch.ones(1,3))
torch.normal(torch.zeros(3,dtype=torch.float64),torch.ones(3))
torch.normal(torch.zeros(3),torch.ones(3,dtype=torch.float64))
torch.normal(torch.zeros(3,dtype=torch.int64),torch.ones(3))   torch.normal(torch.zeros(3,dtype=torch.int64),1.)
torch.normal(0.,torch.ones(3,dtype=torch.int64))   torch.normal(torch.zeros(20),torch.arange(20.))
torch.normal(torch.zeros(3),1.,(3,))   torch.normal(0.,1.,(3,),dtype=torch.float64)
torch.normal(0.,1.,(3,),requires_grad=True)   torch.normal(0.,1.,(3,),generator=torch.Generator().manual_seed(3))
torch.normal(torch.zeros(3),1.,generator=torch.Generator().manual_seed(3))
torch.normal(torch.zeros(3,requires_grad=True),1.)   torch.normal("a",1.,(3,))   torch.normal(0.,"a",(3,))
torch.normal(0.,1.,(3,),dtype=torch.int64)   torch.normal(np.float32(0.),np.float64(1.),(3,))
torch.normal(0.,1.,(2,-1))   torch.normal(torch.tensor(0.),torch.tensor(1.),(3,))
torch.normal(torch.tensor(0.),torch.tensor(1.))   torch.normal(torch.zeros(3,4).T,1.)   torch.normal(0.5,torch.zeros(0,dtype=torch.int64))
torch.normal(torch.zeros(0,dtype=torch.int64),torch.zeros(0,dtype=torch.int64))
torch.normal(torch.zeros(5,4).T,torch.ones(4,5))
"""

CHOICES = """
torch.bernoulli(torch.tensor([0.1,0.9,0.5]))   torch.bernoulli(torch.tensor([0.1,0.9,0.5]),0.3)
torch.bernoulli(torch.tensor([0.1,0.9,0.5]),p=0.3)   torch.bernoulli(torch.tensor([1,0,1]),p=0.3)
torch.bernoulli(torch.tensor([1,0,1]))   torch.bernoulli(torch.tensor([1.5,0,1]))
torch.bernoulli(torch.tensor([-.5,0,1]))   torch.bernoulli(torch.tensor([nan,0,1]))
torch.bernoulli(torch.tensor([0.5]),1.5)   torch.bernoulli(0.5)   torch.bernoulli([0.5])   torch.bernoulli()
torch.bernoulli(input=torch.tensor([0.5]))   torch.bernoulli(torch.tensor([0.5],dtype=torch.float64))
torch.bernoulli(torch.full((4,),0.5,requires_grad=True))
torch.bernoulli(torch.full((4,),0.5,requires_grad=True)).grad_fn is None
torch.bernoulli(torch.full((4,),0.5),generator=torch.Generator().manual_seed(3))   torch.full((4,),0.5).bernoulli()
torch.full((4,),0.5).bernoulli(0.9)   torch.multinomial(torch.tensor([1.,2,3]),2)
torch.multinomial(torch.tensor([1.,2,3]),4)   torch.multinomial(torch.tensor([1.,2,3]),4,True)
torch.multinomial(torch.tensor([1.,2,3]),num_samples=4,replacement=True)
torch.multinomial(torch.tensor([1,2,3]),2)   torch.multinomial(torch.tensor([1.,2,-3]),2)
torch.multinomial(torch.tensor([1.,2,nan]),2)   torch.multinomial(torch.tensor([1.,2,inf]),2)
torch.multinomial(torch.tensor([0.,0,0]),2)   torch.multinomial(torch.tensor([0.,1,0]),2)
torch.multinomial(torch.tensor([0.,1,0]),1)   torch.multinomial(torch.ones(2,3),2)
torch.multinomial(torch.ones(2,3,4),2)   torch.multinomial(torch.tensor(1.),1)   torch.multinomial(torch.ones(3),0)
torch.multinomial(torch.ones(3),-1)   torch.multinomial(torch.ones(3),1.5)   torch.multinomial(torch.ones(3))
torch.multinomial([1.,2],1)   torch.multinomial(torch.ones(3,dtype=torch.float64),2)
torch.multinomial(torch.ones(3,dtype=torch.float16),2)   torch.ones(3).multinomial(2)
torch.ones(3).multinomial(2,replacement=True)   torch.multinomial(torch.ones(3,requires_grad=True),2)
torch.multinomial(torch.ones(3),torch.tensor(2))
torch.multinomial(torch.ones(3),2,generator=torch.Generator().manual_seed(3))   torch.poisson(torch.tensor([1.,5]))
torch.bernoulli(torch.zeros(0,dtype=torch.int64))   torch.multinomial(torch.ones(0),2,True)
torch.multinomial(torch.ones(0),1)   torch.multinomial(torch.ones(0),1,True)   torch.multinomial(torch.ones(3,0),1,True)
torch.multinomial(torch.ones(3,0),2,True)   torch.multinomial(torch.ones(0,0),1,True)
torch.multinomial(torch.ones(0,0),2,True)   torch.multinomial(torch.ones(0,3),2)
torch.multinomial(torch.ones(3),2,False,generator=torch.Generator().manual_seed(3),out=None)
torch.poisson(torch.tensor([1,5]))   torch.poisson(torch.tensor([-1.,5]))   torch.poisson(3.)
torch.poisson(torch.tensor([1.,5]),generator=torch.Generator().manual_seed(3))
"""

FILLED_IN_PLACE = """
torch.full((4,),0.5).bernoulli_()   torch.full((4,),0.5).bernoulli_(0.9)
torch.zeros(40).bernoulli_(torch.tensor(0.5))   torch.zeros(40).bernoulli_(torch.tensor(0.5,dtype=torch.float64))
torch.zeros(2,3).bernoulli_(torch.tensor([0.1,0.9,0.5]))   torch.zeros(3).bernoulli_(torch.tensor([0.1,0.9]))
torch.zeros(3).uniform_(True,2)   torch.zeros(3).normal_(False,True)   torch.zeros(3).exponential_(True)
torch.zeros(3,dtype=torch.int64).random_(True)   torch.zeros(3).normal_(torch.tensor(1.),torch.tensor(2.))
torch.full((4,),0.5).bernoulli_(torch.tensor([0.,1,0,1]))   torch.zeros(3).normal_()   torch.zeros(3).normal_(1,2)
torch.zeros(3).normal_(mean=1,std=2)   torch.zeros(3).normal_(std=2)   torch.zeros(3).normal_(0,-1)
torch.zeros(3).normal_("a")   torch.zeros(3).normal_(foo=1)   torch.zeros(3,dtype=torch.int64).normal_()
torch.zeros(3,requires_grad=True).normal_()   torch.zeros(4,5).T.normal_()   torch.zeros(3).uniform_()
torch.zeros(3).uniform_(-1,1)   torch.zeros(3).uniform_(a=-1,b=1)   torch.zeros(3).uniform_(to=5)
torch.zeros(3).uniform_(**{"from":-5})   torch.zeros(3).uniform_(1,-1)   torch.zeros(3,dtype=torch.int64).uniform_()
torch.zeros(3).random_()   torch.zeros(3,dtype=torch.int64).random_()   torch.zeros(3,dtype=torch.int64).random_(5)
torch.zeros(3,dtype=torch.int64).random_(5,10)   torch.zeros(3,dtype=torch.int64).random_(to=10)
torch.zeros(3,dtype=torch.uint8).random_()   torch.zeros(3,dtype=torch.bool).random_()
torch.zeros(3).random_(None)   torch.zeros(3).random_(**{"from":3})   torch.zeros(3).random_(3,None)
torch.zeros(3).random_(**{"from":3,"to":9})   torch.zeros(3).random_(3,to=None)   torch.zeros(3).random_(to=None)
torch.zeros(3).random_(10,5)   torch.zeros(3).exponential_()   torch.zeros(3).exponential_(2)
torch.zeros(3).exponential_(lambd=2)   torch.zeros(3).exponential_(-1)   torch.zeros(3).log_normal_()
torch.zeros(3).geometric_(0.5)   torch.zeros(3).geometric_(p=0.5)   torch.zeros(3).geometric_()
torch.zeros(3).geometric_(1.5)   torch.zeros(3).cauchy_()
torch.zeros(3).normal_(generator=torch.Generator().manual_seed(3))
"""


@pytest.mark.parametrize("program", programs(UNIFORM_AND_NORMAL))
def test_uniform_and_normal(program: str) -> None:
    agree(program)


@pytest.mark.parametrize("program", programs(INTEGERS))
def test_integers(program: str) -> None:
    agree(program)


@pytest.mark.parametrize("program", programs(NORMAL))
def test_normal(program: str) -> None:
    agree(program)


@pytest.mark.parametrize("program", programs(CHOICES))
def test_choices(program: str) -> None:
    agree(program)


@pytest.mark.parametrize("program", programs(FILLED_IN_PLACE))
def test_filled_in_place(program: str) -> None:
    agree(program)


REFUSED = [
    ("torch.randint(0, 10.5, (3,))", TypeError, "randint", "high", "float"),
    ("torch.randint(0, 10, 3)", TypeError, "randint", "size", "int"),
    ("torch.randint(5, 3, (3,))", RuntimeError, "from=5", "to=3"),
    ("torch.normal(torch.zeros(3), torch.ones(4))", RuntimeError, "normal", r"\(3\)", r"\(4\)"),
    ("torch.multinomial([1.0], 1)", TypeError, "multinomial", "input", "list"),
    ("torch.zeros(3).normal_('a')", TypeError, "normal_", "mean", "str"),
    ("torch.zeros(3).uniform_(low=1)", TypeError, "uniform_", "low"),
    ("torch.rand(2, out=torch.zeros(2))", NotImplementedError, "rand", "out"),
    ("torch.bernoulli(torch.ones(2), out=torch.zeros(2))", NotImplementedError, "bernoulli", "out"),
    ("torch.multinomial(torch.ones(2), 1, out=torch.zeros(1))", NotImplementedError, "multinomial", "out"),
    ("torch.normal(torch.ones(2), 1.0, out=torch.zeros(1))", NotImplementedError, "normal", "out"),
]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case[0])
def test_refused(case: tuple[str, type[Exception], str]) -> None:
    refused(*case)
