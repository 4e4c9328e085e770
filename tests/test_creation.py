"""Making tensors, with ordinary and with odd arguments.

Each program runs in PyTorch and in minitorch: the same dtype, shape, strides and values, or the same type of error.
"""

from __future__ import annotations

import numpy as np
import pytest
from agreement import agree, programs, refused

import minitorch

FROM_DATA = """
torch.tensor(1)   torch.tensor(1.5)   torch.tensor(True)   torch.tensor([])   torch.tensor(())   torch.tensor([[]])
torch.tensor([[],[]])   torch.tensor([[[]],[[]]])   torch.tensor([1,2.5])   torch.tensor([True,2])
torch.tensor([True,2.5])   torch.tensor([2,True])   torch.tensor([True,False])
torch.tensor([1,2],dtype=torch.float64)   torch.tensor([1.7,-2.7],dtype=torch.int32)
torch.tensor([1.7,-2.7],dtype=torch.bool)   torch.tensor([0.5,0,2],dtype=torch.bool)
torch.tensor(1.5,dtype=torch.long)   torch.tensor([300],dtype=torch.uint8)   torch.tensor([-1],dtype=torch.uint8)
torch.tensor(-1,dtype=torch.uint8)   torch.tensor(300,dtype=torch.int8)   torch.tensor([300.0],dtype=torch.int8)
torch.tensor([-1.0],dtype=torch.uint8)   torch.tensor([1e10],dtype=torch.int32)
torch.tensor([nan],dtype=torch.int32)   torch.tensor([nan],dtype=torch.int64)
torch.tensor([inf],dtype=torch.int64)   torch.tensor([1e300],dtype=torch.float32)   torch.tensor([1e300])
torch.tensor([70000.],dtype=torch.float16)   torch.tensor([70000],dtype=torch.float16)   torch.tensor(2**63)
torch.tensor(2**63-1)   torch.tensor(-2**63)   torch.tensor(-2**63-1)   torch.tensor([2**63])   torch.tensor(2**64)
torch.tensor(2**63, dtype=torch.float32)   torch.tensor(2**70, dtype=torch.float64)   torch.tensor([2**63, 1.0])
torch.tensor(2**53+1, dtype=torch.float64)   torch.tensor(2**24+1)   torch.tensor(2**24+1, dtype=torch.float32)
torch.tensor([2**62+1, 1.0], dtype=torch.int64)   torch.tensor([2**62+1, True])   torch.tensor("a")
torch.tensor(["a"])   torch.tensor(b"ab")   torch.tensor([b"a"])   torch.tensor(None)   torch.tensor([None])
torch.tensor([1,None])   torch.tensor([None,1])   torch.tensor([1,"a"])   torch.tensor({})   torch.tensor({1:2})
torch.tensor({1,2})   torch.tensor([{1}])   torch.tensor(object())   torch.tensor([object()])
torch.tensor(range(3))   torch.tensor([range(3),range(3)])   torch.tensor(x for x in [1,2])
torch.tensor([[1,2],[3]])   torch.tensor([[1],[2,3]])   torch.tensor([[1],2])   torch.tensor([[[1,2]],[[3]]])
torch.tensor([[1,2],[3,4],5])   torch.tensor([[1,2],[]])   torch.tensor([[],[1]])
torch.tensor([torch.tensor(1),torch.tensor(2)])   torch.tensor([torch.tensor(1),torch.tensor(2.5)])
torch.tensor([torch.tensor(1.),2])   torch.tensor([2,torch.tensor(1.5)])
torch.tensor([torch.tensor([1,2]),torch.tensor([3,4])])   torch.tensor([torch.tensor([1]),torch.tensor([3])])
torch.tensor([torch.tensor([[1]]),torch.tensor([[3]])])
torch.tensor([torch.tensor(1,dtype=torch.uint8),torch.tensor(2,dtype=torch.uint8)])
torch.tensor([torch.tensor(1,dtype=torch.float64)])   torch.tensor([torch.tensor(1,dtype=torch.float16)])
torch.tensor([torch.tensor(True)])   torch.tensor([torch.tensor(1.,requires_grad=True)])
torch.tensor([[torch.tensor(1.),2],[3,torch.tensor(4)]])   torch.tensor([torch.tensor([])])
torch.tensor([np.float32(1),np.float32(2)])   torch.tensor([np.float64(1),2])   torch.tensor([np.float64(1)])
torch.tensor([np.float16(1)])   torch.tensor(np.float32(1))   torch.tensor(np.float64(1))
torch.tensor(np.float16(1))   torch.tensor(np.int32(1))   torch.tensor(np.int8(1))   torch.tensor(np.bool_(True))
torch.tensor([np.int32(1)])   torch.tensor([np.int8(1),2])   torch.tensor([np.bool_(True)])
torch.tensor([1,np.float32(2)])   torch.tensor([np.array([1,2]),np.array([3,4])])
torch.tensor([np.array([1.,2]),np.array([3.,4])])
torch.tensor([np.array([1.,2],dtype=np.float32),np.array([3.,4],dtype=np.float32)])
torch.tensor([np.array([1,2],dtype=np.int32),np.array([3,4],dtype=np.int32)])
torch.tensor([np.array(1.),np.array(2.)])   torch.tensor([np.array([1,2]),[3,4]])
torch.tensor([[3,4],np.array([1.,2])])   torch.tensor(np.array([1,2,3]))
torch.tensor(np.array([1,2,3],dtype=object))   torch.tensor(np.array(['a']))
torch.tensor(np.array([1,2,3],dtype='>f4'))   torch.tensor(np.array([1,2,3],dtype='>i8'))
torch.tensor(np.array([1,2,3])[::-1])   torch.tensor(np.arange(6).reshape(2,3).T)
torch.tensor(np.array([1.5]),dtype=torch.int32)   torch.tensor(np.array([300]),dtype=torch.uint8)
torch.tensor(np.array([1,2])).dtype   torch.tensor(torch.tensor([1,2]))
torch.tensor(torch.tensor([1.,2],requires_grad=True))   torch.tensor(torch.tensor([1,2]),dtype=torch.float32)
torch.tensor([1,2],requires_grad=True)   torch.tensor([1.,2],requires_grad=True)   torch.tensor([1.,2],device="cpu")
torch.tensor([1.,2],device=torch.device("cpu"))   torch.tensor([1.,2],device="cuda")
torch.tensor([1.,2],device="foo")   torch.tensor([1.,2],device=None)   torch.tensor([1.,2],device=1.5)
torch.tensor([1.,2],dtype=float)   torch.tensor([1.,2],dtype=int)   torch.tensor([1.,2],dtype=bool)
torch.tensor([1.,2],dtype=np.float32)   torch.tensor([1.,2],dtype="float32")   torch.tensor([1.,2],torch.float64)
torch.tensor()   torch.tensor(data=[1,2])   torch.tensor([1],foo=2)   torch.tensor(1,2)
torch.tensor(np.datetime64('2020-01-01'))   torch.tensor(deque([1,2]))   torch.tensor(bytearray(b"ab"))
torch.tensor(memoryview(b"ab"))   torch.tensor(np.array([True,False]))   torch.tensor(np.array(3.))
torch.tensor(np.zeros((0,3)))   torch.tensor([[1.0]*3]*2).is_contiguous()   torch.tensor(float('nan'))
torch.tensor([1,float('inf')])   torch.tensor([0.1,0.2],dtype=torch.float16)   torch.tensor(torch.Size([1,2]))
torch.tensor([torch.Size([1,2]),(3,4)])   torch.tensor((1,2))   torch.tensor(((1,2),[3,4]))
torch.tensor(True,dtype=torch.float32)   torch.tensor(1.0,dtype=torch.uint8)
torch.tensor([1.0],dtype=torch.uint8,requires_grad=True)   a=np.array([1.,2]); t=torch.tensor(a); a[0]=9; t
torch.zeros(torch.tensor(2))   torch.zeros(torch.tensor(2),3)   torch.zeros((torch.tensor(2),3))
torch.zeros(torch.tensor([2,3]))   torch.zeros(torch.tensor([2]))   torch.zeros(torch.tensor(2.))
torch.full((2,),torch.tensor(3))   torch.full((2,),torch.tensor(3.))   torch.full((2,),torch.tensor([3.]))
torch.full((2,),torch.tensor([3.,4]))   torch.full((2,),torch.tensor(3.,dtype=torch.float64))
torch.full_like(torch.zeros(2),torch.tensor(3))   torch.arange(torch.tensor(5))   torch.arange(torch.tensor(5.))
torch.arange(torch.tensor(1),torch.tensor(5))   torch.arange(torch.tensor([5]))   torch.arange(torch.tensor([5,6]))
torch.linspace(0,1,torch.tensor(3))   torch.linspace(torch.tensor(0.),torch.tensor(1.),3)
torch.linspace(torch.tensor(0.,dtype=torch.float64),1,3)   torch.linspace(torch.tensor([0.]),1,3)
torch.linspace(0,torch.tensor(1),3)   torch.range(torch.tensor(1),torch.tensor(3))   torch.eye(torch.tensor(2))
torch.ones(2).new_full((2,),torch.tensor(3))
"""

SHARED = """
torch.as_tensor([1,2])   torch.as_tensor(3)   torch.as_tensor(None)   torch.as_tensor("a")
torch.as_tensor([1,2],dtype=torch.float32)   torch.as_tensor([1,2],torch.float32)
torch.as_tensor([1,2],torch.float32,"cpu")   torch.as_tensor(np.float32(2))
a=np.array([1.,2]); t=torch.as_tensor(a); a[0]=9; t
a=np.array([1.,2]); t=torch.as_tensor(a,dtype=torch.float64); a[0]=9; t
a=np.array([1.,2]); t=torch.as_tensor(a,dtype=torch.float32); a[0]=9; t
a=np.array([1.,2]); t=torch.from_numpy(a); t[0]=9; a   a=np.array([1.,2]); t=torch.from_numpy(a); t.add_(1); a
a=np.array([1.,2]); t=torch.from_numpy(a); t.numpy()[0]=5; a   t=torch.ones(2); u=torch.as_tensor(t); u is t
t=torch.ones(2); u=torch.as_tensor(t,dtype=torch.float32); u is t
t=torch.ones(2,requires_grad=True); torch.as_tensor(t,dtype=torch.float64).requires_grad
t=torch.ones(2,requires_grad=True); torch.as_tensor(t).requires_grad   torch.as_tensor([1.],requires_grad=True)
torch.asarray([1.,2])   torch.asarray([1.,2],requires_grad=True)   torch.asarray([1.,2],dtype=torch.float64)
torch.asarray(np.array([1.,2]),copy=True)   torch.asarray(np.array([1.,2]),copy=False)
torch.asarray([1.,2],copy=False)   torch.asarray(3)   torch.asarray(np.float32(3))
torch.asarray(torch.ones(2),dtype=torch.int32)   torch.asarray(torch.ones(2,requires_grad=True)).requires_grad
torch.asarray(torch.ones(2,requires_grad=True),requires_grad=True).requires_grad   torch.from_numpy([1])
torch.from_numpy(np.float32(1))   torch.from_numpy(np.array(1.))   torch.from_numpy(np.array([1,2])[::-1])
torch.from_numpy(np.array([[1,2],[3,4]]).T)   torch.from_numpy(np.array(['a']))
torch.from_numpy(np.array([1],dtype=object))   torch.from_numpy(np.array([1],dtype='>i4'))
torch.from_numpy(np.broadcast_to(np.array([1.]),(3,))).shape   torch.from_numpy(torch.ones(2))
torch.from_numpy(np.arange(10)[::2])   torch.from_numpy(np.zeros((0,)))
"""

OLD_CONSTRUCTORS = """
torch.Tensor()   torch.Tensor(2,3).shape   torch.Tensor([1,2])   torch.Tensor([[1,2],[3,4]])   torch.Tensor((2,3))
torch.Tensor(torch.Size([2,3])).shape   torch.Tensor(3).shape   torch.Tensor(3.0)   torch.Tensor([3])
torch.Tensor(True)   torch.Tensor([True])   torch.Tensor(np.array([1,2]))
torch.Tensor(np.array([1,2],dtype=np.float32))   torch.Tensor(np.array([1,2.]))   torch.Tensor(np.int64(3)).shape
torch.Tensor(np.float32(3))   torch.Tensor(torch.tensor([1.,2]))   torch.Tensor(torch.tensor([1,2]))
torch.Tensor(torch.tensor(3)).shape   torch.Tensor(2.5,3)   torch.Tensor(-1)   torch.Tensor("a")
torch.Tensor(None)   torch.Tensor([None])   torch.Tensor(2,3,device="cpu").shape
torch.Tensor(2,3,dtype=torch.float64)   torch.Tensor(range(3))   torch.Tensor([[1],[2,3]])
torch.Tensor([1.5,2],device="cpu")   torch.Tensor(1,2,3).dtype   torch.Tensor([])   torch.Tensor(2,[3])
torch.Tensor((1,2),(3,4))   torch.Tensor(data=[1,2])   torch.FloatTensor([1,2])   torch.FloatTensor(2,3).shape
torch.FloatTensor()   torch.FloatTensor((1,2))   torch.FloatTensor(torch.Size([2,3])).shape
torch.FloatTensor(np.array([1,2]))   torch.FloatTensor(np.array([1.,2]))   torch.LongTensor([1,2])
torch.LongTensor([1.7,2])   torch.LongTensor([[1,2]])   torch.LongTensor(np.array([1,2]))
torch.LongTensor(np.array([1,2],dtype=np.int32))   torch.LongTensor(2).shape   torch.LongTensor(torch.tensor([1,2]))
torch.LongTensor(torch.tensor([1.,2]))   torch.IntTensor([1,2])   torch.ByteTensor([1,255])
torch.ByteTensor([1,256])   torch.ByteTensor([-1])   torch.BoolTensor([1,0])   torch.BoolTensor([True])
torch.DoubleTensor([1])   torch.HalfTensor([1])   torch.ShortTensor([1])   torch.CharTensor([1])
torch.FloatTensor("a")   torch.FloatTensor(None)   torch.FloatTensor(2.5)   torch.FloatTensor([1,2],device="cpu")
torch.FloatTensor([1,2],device="cuda")   torch.FloatTensor(2,dtype=torch.float64)   torch.FloatTensor(range(3))
isinstance(torch.ones(2),torch.FloatTensor)   isinstance(torch.ones(2),torch.LongTensor)
isinstance(torch.ones(2),torch.Tensor)   torch.FloatTensor.dtype   torch.FloatTensor.__name__
torch.ones(2).type(torch.LongTensor)   torch.ones(2).type('torch.LongTensor')   torch.ones(2).type(torch.Tensor)
torch.ones(2,dtype=torch.int64).type(torch.Tensor)
"""

CONSTANTS = """
torch.ones(2).type_as(torch.zeros(1,dtype=torch.int32))   torch.ones(2).type_as(3)   torch.zeros()   torch.zeros(2)
torch.zeros(2,3)   torch.zeros((2,3))   torch.zeros([2,3])   torch.zeros(torch.Size([2,3]))
torch.zeros(size=(2,3))   torch.zeros(size=3)   torch.zeros(size=[2])   torch.zeros(())   torch.zeros([])
torch.zeros(0)   torch.zeros(-1)   torch.zeros(2,-1)   torch.zeros(2.0)   torch.zeros(2,3.0)   torch.zeros((2,3.0))
torch.zeros("a")   torch.zeros(None)   torch.zeros((2,None))   torch.zeros(True)   torch.zeros(True,False)
torch.zeros((True,2))   torch.zeros(np.int64(2))   torch.zeros(np.int32(2),3)   torch.zeros((np.int64(2),3))
torch.zeros(np.float32(2))   torch.zeros(np.array([2,3]))   torch.zeros(np.array(2))   torch.zeros(np.bool_(True))
torch.zeros((2,3),4)   torch.zeros(2,(3,))   torch.zeros(2,dtype=torch.int32)   torch.zeros(2,dtype=int)
torch.zeros(2,dtype=float)   torch.zeros(2,dtype=bool)   torch.zeros(2,dtype=np.float32)
torch.zeros(2,dtype="float32")   torch.zeros(2,dtype=None)   torch.zeros(2,device="cpu")
torch.zeros(2,device="cpu:0")   torch.zeros(2,device=None)   torch.zeros(2,device="cuda")
torch.zeros(2,device=3.5)   torch.zeros(2,requires_grad=True)   torch.zeros(2,requires_grad=1)
torch.zeros(2,requires_grad=None)   torch.zeros(2,dtype=torch.int32,requires_grad=True)   torch.zeros(2,foo=1)
torch.zeros(2,out=None)   torch.zeros(2,pin_memory=False)   torch.zeros(2,layout=None)   torch.zeros(2,size=3)
torch.zeros((2,),size=(3,))   torch.zeros(2,0,3).shape   torch.ones(2,3,dtype=torch.bool)   torch.ones(-3)
torch.ones((2,),dtype=torch.float16)   torch.full((2,),3)   torch.full((2,),3.)   torch.full((2,),True)
torch.full([2],3)   torch.full(2,3)   torch.full((),3)   torch.full(torch.Size([2]),3)
torch.full((2,),3,dtype=torch.float32)   torch.full((2,),3.7,dtype=torch.int32)
torch.full((2,),300,dtype=torch.uint8)   torch.full((2,),-1,dtype=torch.uint8)
torch.full((2,),1e10,dtype=torch.int32)   torch.full((2,),nan,dtype=torch.int32)
torch.full((2,),1e300,dtype=torch.float32)   torch.full((2,),2**40)   torch.full((2,),2**63)
torch.full((2,),2**70,dtype=torch.float32)   torch.full((2,),np.float32(3))   torch.full((2,),np.float64(3))
torch.full((2,),np.int32(3))   torch.full((2,),np.bool_(True))   torch.full((2,),np.array(3))
torch.full((2,),None)   torch.full((2,),"a")   torch.full((2,),[3])   torch.full((2,-1),3)   torch.full((2.0,),3)
torch.full(size=(2,),fill_value=3)   torch.full((2,),fill_value=3)   torch.full((2,))   torch.full(2)
torch.full((2,),3,4)   torch.full((2,),inf)   torch.full((2,),3,requires_grad=True)
torch.full((2,),3.,requires_grad=True)   torch.full((2,),3.,device="cpu",dtype=torch.float64)   torch.eye(3)
torch.eye(2,3)   torch.eye(3,2)   torch.eye(0)   torch.eye(-1)   torch.eye(2,-1)   torch.eye(2.0)   torch.eye(2,3.0)
torch.eye(None)   torch.eye(n=2)   torch.eye(n=2,m=3)   torch.eye(True)   torch.eye(np.int64(2))
torch.eye(2,dtype=torch.bool)   torch.eye(2,dtype=torch.float16)   torch.eye(2,dtype=torch.int64)
torch.eye(2,requires_grad=True)   torch.eye(2,device="cpu")   torch.eye((2,3))   torch.eye()   torch.eye(2,3,4)
"""

LIKE = """
torch.zeros_like(torch.ones(2,3))   torch.zeros_like(torch.ones(2,3,dtype=torch.int32))
torch.zeros_like(torch.ones(2,3).T)   torch.zeros_like(torch.ones(2,1).expand(2,3))
torch.zeros_like(torch.ones(4,6)[::2,::3])   torch.zeros_like(torch.ones(2),dtype=torch.int64)
torch.zeros_like(torch.ones(2),dtype=float)   torch.zeros_like(torch.ones(2),requires_grad=True)
torch.zeros_like(torch.ones(2,requires_grad=True))   torch.zeros_like(input=torch.ones(2))
torch.zeros_like(torch.ones(2),memory_format=torch.preserve_format)
torch.zeros_like(torch.ones(2,3).T,memory_format=torch.contiguous_format)   torch.zeros_like([1,2])
torch.zeros_like(np.ones(2))   torch.zeros_like(3)   torch.zeros_like(None)   torch.zeros_like()
torch.zeros_like(torch.ones(2),2)   torch.zeros_like(torch.ones(2),device="cpu")
torch.zeros_like(torch.ones(2),foo=1)   torch.ones_like(torch.zeros(2,dtype=torch.bool))
torch.ones_like(torch.zeros(2,3).T)   torch.empty_like(torch.zeros(2,3).T).stride()
torch.empty_like(torch.zeros(4,6)[::2,::3]).stride()   torch.empty_like(torch.zeros(2,3,4).permute(2,0,1)).stride()
torch.full_like(torch.zeros(2),3)   torch.full_like(torch.zeros(2,dtype=torch.int32),3.7)
torch.full_like(torch.zeros(2,dtype=torch.bool),3.7)   torch.full_like(torch.zeros(2,dtype=torch.uint8),300)
torch.full_like(torch.zeros(2),3,dtype=torch.int64)   torch.full_like(torch.zeros(2),fill_value=3)
torch.full_like(input=torch.zeros(2),fill_value=3)   torch.full_like(torch.zeros(2))
torch.full_like(torch.zeros(2),"a")   torch.full_like(torch.zeros(2),None)
"""

NEW = """
torch.ones(2,dtype=torch.int32).new_tensor([1.5])   torch.ones(2).new_tensor([1,2])   torch.ones(2).new_tensor(3)
torch.ones(2,requires_grad=True).new_tensor([1,2])   torch.ones(2).new_tensor([1,2],dtype=torch.int32)
torch.ones(2).new_tensor([1,2],requires_grad=True)   torch.ones(2).new_tensor(torch.ones(3))
torch.ones(2).new_tensor(data=[1])   torch.ones(2).new_tensor()   torch.ones(2).new_tensor(np.array([1.5]))
torch.ones(2).new_zeros(3)   torch.ones(2).new_zeros(2,3)   torch.ones(2).new_zeros((2,3))
torch.ones(2).new_zeros(size=(2,3))   torch.ones(2,dtype=torch.int8).new_zeros(2,3)
torch.ones(2).new_zeros(2,3,dtype=torch.int32)   torch.ones(2).new_zeros(2,requires_grad=True)
torch.ones(2).new_zeros(-1)   torch.ones(2).new_zeros()   torch.ones(2).new_zeros(2.5)   torch.ones(2).new_ones(2,3)
torch.ones(2).new_ones((2,),dtype=torch.bool)   torch.ones(2).new_full((2,),3)
torch.ones(2,dtype=torch.int32).new_full((2,),3.7)   torch.ones(2).new_full((2,),fill_value=3)
torch.ones(2).new_full(2,3)   torch.ones(2).new_full((2,),3,dtype=torch.int64)   torch.ones(2).new()
torch.ones(2).new([1,2])   torch.ones(2,dtype=torch.int64).new([1,2])   torch.ones(2,dtype=torch.int64).new([1.5,2])
torch.ones(2).new((2,3))   torch.ones(2).new(torch.Size([2,3])).shape
torch.ones(2).new(np.array([1.,2],dtype=np.float32))   torch.ones(2).new(torch.ones(3))
torch.ones(2).new(torch.ones(3,dtype=torch.int64))   torch.ones(2).new(2.5)
torch.ones(2).new(2,device="cpu").shape   torch.ones(2,requires_grad=True).new([1.]).requires_grad
"""

RANGES = """
torch.zeros(range(2,4))   torch.arange(5)   torch.arange(5.)   torch.arange(0)   torch.arange(-1)
torch.arange(2,5)   torch.arange(5,2)   torch.arange(5,2,-1)   torch.arange(0,1,0.1)   torch.arange(0,1,0)
torch.arange(1,2.5,0.5)   torch.arange(0.5,3)   torch.arange(end=5)   torch.arange(start=1,end=5)
torch.arange(1,end=5)   torch.arange(1,5,step=2)   torch.arange(start=0,end=5,step=2)   torch.arange(end=5,step=2)
torch.arange(5,step=2)   torch.arange(0,step=2,end=5)   torch.arange(5,dtype=torch.float32)
torch.arange(5,dtype=torch.float16)   torch.arange(5,dtype=float)   torch.arange(5,dtype=torch.uint8)
torch.arange(5,dtype=torch.bool)   torch.arange(2,dtype=torch.bool)   torch.arange(300,dtype=torch.uint8)
torch.arange(0,5,1.5,dtype=torch.int64)   torch.arange(0.5,5.5,dtype=torch.int64)
torch.arange(0,1,0.25,dtype=torch.int64)   torch.arange(0.9,5,dtype=torch.int32)   torch.arange(0,-3,-0.7)
torch.arange(True)   torch.arange(True,5)   torch.arange(np.int64(5))   torch.arange(np.float32(5))
torch.arange(np.float64(2),5)   torch.arange(np.array(5))   torch.arange(inf)   torch.arange(0,inf)
torch.arange(nan)   torch.arange(0,5,nan)   torch.arange(0,5,inf)   torch.arange("5")   torch.arange(None)
torch.arange()   torch.arange(1,2,3,4)   torch.arange(1,5,None)   torch.arange([5])
torch.arange(5,requires_grad=True)   torch.arange(5.,requires_grad=True)   torch.arange(5,device="cpu")
torch.arange(2**53,2**53+3)   torch.arange(2**62,2**62+3)   torch.arange(0,2**63)
torch.arange(0,1,0.1,dtype=torch.float64)   torch.arange(0,1,0.3)   torch.arange(1,1)   torch.arange(0.,0.)
torch.arange(-5,5,3)   torch.arange(5,-5,-3)   torch.arange(0,10,3,dtype=torch.int8)   torch.arange(0.1,1.0,0.1)
torch.arange(0,2,0.1).numpy()[-3:]   torch.arange(1e10,1e10+5)   torch.linspace(0,1,5)   torch.linspace(0,1,1)
torch.linspace(0,1,0)   torch.linspace(0,1,-1)   torch.linspace(0,1)   torch.linspace(0,1,steps=3)
torch.linspace(start=0,end=1,steps=3)   torch.linspace(0,10,5,dtype=torch.int64)
torch.linspace(0,10,4,dtype=torch.int64)   torch.linspace(0,-10,4,dtype=torch.int32)
torch.linspace(0,10,4,dtype=torch.uint8)   torch.linspace(10,0,4)   torch.linspace(0,1,3,dtype=torch.float64)
torch.linspace(0,1,3,dtype=torch.float16)   torch.linspace(0,1,2.5)   torch.linspace(0,1,3.0)
torch.linspace(0,1,np.int64(3))   torch.linspace(np.float64(0),np.float64(1),3)   torch.linspace(0,inf,3)
torch.linspace(nan,1,3)   torch.linspace("a",1,3)   torch.linspace(0,1,None)   torch.linspace(0,1,"3")
torch.linspace(0,1,True)   torch.linspace(0,1,7,requires_grad=True)
torch.linspace(0,1,3,dtype=torch.int64,requires_grad=True)   torch.linspace(-10,10,100)
torch.linspace(3,10,steps=5)   torch.linspace(0,1,3,dtype=torch.bool)   torch.linspace(True,5,3)
torch.linspace(-3.4e38,3.4e38,5)   torch.logspace(0,2,3)   torch.logspace(0,2,3,base=2)   torch.logspace(0,2,3,2)
torch.logspace(start=-10,end=10,steps=5)   torch.logspace(0.1,1,5)   torch.logspace(0.1,1,1)
torch.logspace(2,2,1,base=2)   torch.logspace(0,3,4,dtype=torch.int64)   torch.logspace(0,3,-1)
torch.logspace(0,3,5,base=-2)   torch.logspace(0,3,5,base=0)   torch.logspace(0,3,5,base=1)   torch.logspace(0,3)
torch.logspace(0,3,4,dtype=torch.float64)   torch.logspace(0,3,4,dtype=torch.float16)
torch.logspace(0,3,4,requires_grad=True)   torch.range(1,4)   torch.range(1,4,0.5)
torch.range(1,4,dtype=torch.int64)   torch.range(4,1)   torch.range(4,1,-1)   torch.range(1,4,0)   torch.range(1)
torch.range(0,1.05,0.1)   torch.range(1,4,requires_grad=True)   torch.range(1,inf)
torch.range(1,4,1.5,dtype=torch.int64)   torch.range(start=1,end=3)   torch.range(end=3)
"""


@pytest.mark.parametrize("program", programs(FROM_DATA))
def test_from_data(program: str) -> None:
    agree(program)


@pytest.mark.parametrize("program", programs(SHARED))
def test_shared(program: str) -> None:
    agree(program)


@pytest.mark.parametrize("program", programs(OLD_CONSTRUCTORS))
def test_old_constructors(program: str) -> None:
    agree(program)


@pytest.mark.parametrize("program", programs(CONSTANTS))
def test_constants(program: str) -> None:
    agree(program)


@pytest.mark.parametrize("program", programs(LIKE))
def test_like(program: str) -> None:
    agree(program)


@pytest.mark.parametrize("program", programs(NEW))
def test_new(program: str) -> None:
    agree(program)


@pytest.mark.parametrize("program", programs(RANGES))
def test_ranges(program: str) -> None:
    agree(program)


REFUSED = [
    ("torch.tensor([[1, 2], [3]])", ValueError, "length 2 at dim 1", "got 1"),
    ("torch.tensor({1: 2})", RuntimeError, "dict", "takes numbers"),
    ("torch.tensor([300], dtype=torch.uint8)", RuntimeError, "uint8", "300"),
    ("torch.tensor(1j)", NotImplementedError, "complex"),
    ("torch.tensor(np.array([1], dtype=np.uint16))", NotImplementedError, "uint16", "astype"),
    ("torch.from_numpy(np.array([1], dtype='>f4'))", ValueError, "byte order", "astype"),
    ("torch.zeros(2, out=torch.ones(2))", NotImplementedError, "zeros", "out"),
    ("torch.zeros(2, layout='sparse')", NotImplementedError, "zeros", "layout", "sparse"),
    (
        "torch.zeros_like(torch.ones(2), memory_format='channels_last')",
        NotImplementedError,
        "zeros_like",
        "channels_last",
    ),
    ("torch.zeros(2, requires_grad=1)", TypeError, "zeros", "requires_grad", "int"),
    ("torch.zeros(2, -1)", RuntimeError, "zeros", r"\[2, -1\]"),
    ("torch.zeros(10**15)", RuntimeError, "zeros", "allocate"),
    ("torch.zeros(2**62, 4)", RuntimeError, "zeros", "allocate"),
    ("torch.arange(5, step=2)", TypeError, "arange", "start and end"),
    ("torch.full((2,), 'a')", TypeError, "full", "fill_value", "Number", "str"),
    ("torch.linspace(0, 1, 3.0)", TypeError, "linspace", "steps", "float"),
    ("torch.eye(2.0)", TypeError, "eye", "n", "float"),
    ("torch.asarray([1.0], copy=False)", ValueError, "alias"),
    ("torch.bfloat16", AttributeError, "bfloat16"),
]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case[0])
def test_refused(case: tuple[str, type[Exception], str]) -> None:
    refused(*case)


def test_uninitialised() -> None:
    for t in (
        minitorch.empty(2, 3),
        minitorch.Tensor(2, 3),
        minitorch.ones(1).new(2, 3),
        minitorch.Tensor(size=(2, 3)),
    ):
        assert t.shape == (2, 3)
        assert t.dtype is minitorch.float32


def test_memory_is_shared_or_copied() -> None:
    array = np.zeros(3, np.float32)
    shared = [minitorch.from_numpy(array), minitorch.as_tensor(array), minitorch.asarray(array, copy=False)]
    copied = [
        minitorch.tensor(array),
        minitorch.asarray(array, copy=True),
        minitorch.as_tensor(array, dtype=minitorch.float64),
    ]
    array[:] = 7
    assert [t.tolist() for t in shared] == [[7.0] * 3] * 3
    assert [t.tolist() for t in copied] == [[0.0] * 3] * 3
