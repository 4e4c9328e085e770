"""What a tensor is, holds and becomes: attributes, conversions, operators of Python and NumPy, copies.

Each program runs in PyTorch and in minitorch: the same dtype, shape, strides and values, or the same type of error.
"""

from __future__ import annotations

import pytest
from agreement import agree, programs, refused

CASTS = """
torch.ones(2).to(torch.float64)   torch.ones(2).to("cpu")   torch.ones(2).to("cpu",torch.float64)
torch.ones(2).to(torch.float64,"cpu")   torch.ones(2).to(device="cpu",dtype=torch.int32)
torch.ones(2).to(dtype=torch.int32)   torch.ones(2).to(torch.ones(1,dtype=torch.int8))
torch.ones(2).to(other=torch.ones(1,dtype=torch.int8))   torch.ones(2).to()   torch.ones(2).to(None)
torch.ones(2).to(None,torch.int32)   torch.ones(2).to(None,None)   torch.ones(2).to(float)   torch.ones(2).to(int)
torch.ones(2).to(bool)   torch.ones(2).to("float64")   torch.ones(2).to("foo")   torch.ones(2).to("cuda")
torch.ones(2).to([1])   torch.ones(2).to(torch.float64,True)   torch.ones(2).to(torch.float64,True,True)
torch.ones(2).to(torch.float64,non_blocking=True,copy=True)   torch.ones(2).to("cpu",torch.float64,True,True)
torch.ones(2).to("cpu",torch.float64,1)   torch.ones(2).to(torch.float64,1)   torch.ones(2).to(torch.ones(1),True)
torch.ones(2).to(foo=1)   t=torch.ones(2); t.to("cpu") is t   t=torch.ones(2); t.to(t) is t
t=torch.ones(2); t.to(torch.ones(1)) is t   t=torch.ones(2,3).T; t.to(torch.float64).stride()
t=torch.ones(2,3).T; t.to(torch.float64,memory_format=torch.contiguous_format).stride()
t=torch.ones(2,3).T; t.to(torch.float64,memory_format=torch.preserve_format).stride()
torch.ones(2,requires_grad=True).to(torch.int32).requires_grad
torch.ones(2,requires_grad=True).to(torch.float64).requires_grad   torch.ones(2).to(device="cpu",dtype=None)
torch.ones(2).to(device=None)   torch.tensor([1.9,-1.9]).to(torch.int32)   torch.tensor([300.,-1.]).to(torch.uint8)
torch.tensor([300,-1]).to(torch.uint8)   torch.tensor([0.5,0.]).to(torch.bool)   torch.tensor([nan]).to(torch.bool)
torch.tensor([70000.]).to(torch.float16)   torch.ones(2).double()   torch.ones(2).float() is None
torch.ones(2).half()   torch.ones(2).long()   torch.ones(2).int()   torch.ones(2).short()   torch.ones(2).char()
torch.ones(2).byte()   torch.ones(2).bool()   torch.ones(2).cpu()   torch.ones(2).cuda()
torch.ones(2).cpu(memory_format=torch.preserve_format)   torch.ones(2).float(memory_format=torch.preserve_format)
"""

CONTAINER = """
torch.tensor(3).item()   torch.tensor([3]).item()   torch.tensor([[3.5]]).item()   torch.tensor(True).item()
torch.tensor([1,2]).item()   torch.tensor([]).item()   torch.tensor(1.1,dtype=torch.float16).item()
torch.tensor(1.).item(3)   torch.tensor([[1,2],[3,4]]).tolist()   torch.tensor([1.5,2]).tolist()
torch.tensor([True]).tolist()   torch.tensor(3).tolist()   torch.tensor([]).tolist()
torch.tensor([1.,2],requires_grad=True).tolist()   torch.ones(0,3).tolist()   torch.ones(2,0).tolist()
[1,2,3][torch.tensor(1)]   [1,2,3][torch.tensor([1])]   [1,2,3][torch.tensor(1.)]   [1,2,3][torch.tensor(True)]
list(range(5))[torch.tensor(1):torch.tensor(3)]   float(torch.tensor(3))   float(torch.tensor([3.5]))
float(torch.tensor([1,2]))   float(torch.tensor([]))   int(torch.tensor(3.9))   int(torch.tensor(-3.9))
int(torch.tensor(nan))   int(torch.tensor(inf))   int(torch.tensor([1,2]))   int(torch.tensor(True))
bool(torch.tensor(0.))   bool(torch.tensor([0]))   bool(torch.tensor([1,2]))   bool(torch.tensor([]))
bool(torch.tensor(nan))   complex(torch.tensor(2.))   float(torch.tensor(3.,requires_grad=True))
int(torch.tensor(3.,requires_grad=True))   len(torch.ones(3,2))   len(torch.tensor(1))   len(torch.ones(0))
list(torch.tensor([1,2]))   list(torch.tensor(1))   list(torch.ones(2,2))   sum(torch.tensor([1,2,3]))
max(torch.tensor([1,3,2]))   sorted(torch.tensor([3,1,2]))   1 in torch.tensor([1,2])   3 in torch.tensor([1,2])
torch.tensor(1) in torch.tensor([1,2])   torch.tensor([1,2]) in torch.tensor([[1,2],[3,4]])
"a" in torch.tensor([1,2])   None in torch.tensor([1,2])   [1] in torch.tensor([1,2])   1.0 in torch.tensor([1,2])
True in torch.tensor([1,2])   torch.tensor([1,2])==None   torch.tensor([1,2])!=None   torch.tensor([1,2])=="a"
torch.tensor([1,2])!="a"   torch.tensor([1,2])==[1,2]   torch.tensor([1,2])==(1,2)   torch.tensor([1,2])==[1,2,3]
torch.tensor([1,2])=={}   torch.tensor([1,2])==object()   None==torch.tensor([1,2])   torch.tensor([1,2])==1
1==torch.tensor([1,2])   torch.tensor([1,2])==torch.tensor([1,2,3])   None+torch.tensor([1,2])
"a"+torch.tensor([1,2])   torch.tensor([1,2])@None   torch.ones(2,3).itemsize   torch.ones(2,3).is_complex()
torch.ones(2,3).is_floating_point()   torch.is_floating_point(torch.ones(2))   torch.is_floating_point(3.)
torch.is_complex(torch.ones(2))   t=torch.ones(2); t in {t}   t=torch.ones(2); t in [torch.zeros(3),t]
copy.copy(torch.ones(2))   t=torch.ones(2); c=copy.copy(t); c[0]=5; t
t=torch.ones(2); c=copy.deepcopy(t); c[0]=5; t   t=torch.ones(2,requires_grad=True); copy.deepcopy(t)
t=torch.ones(2,requires_grad=True); copy.copy(t).requires_grad
t=torch.ones(2,requires_grad=True); t.grad=torch.ones(2); copy.deepcopy(t).grad
t=torch.ones(2,requires_grad=True); t.grad=torch.ones(2); copy.copy(t).grad
t=torch.ones(2,requires_grad=True); copy.deepcopy(t*2)   t=torch.ones(2,requires_grad=True); copy.copy(t*2)
t=torch.ones(2); a,b=copy.deepcopy([t,t]); a is b   t=torch.ones(4); a,b=copy.deepcopy([t,t[:2]]); a[0]=9; b
pickle.loads(pickle.dumps(torch.ones(2)))   pickle.loads(pickle.dumps(torch.ones(2,requires_grad=True)))
pickle.loads(pickle.dumps(torch.ones(2,requires_grad=True)*2))
t=torch.ones(2); t.foo=3; pickle.loads(pickle.dumps(t)).foo   t=torch.ones(2); t.foo=3; copy.deepcopy(t).foo
t=torch.ones(2); t.foo=3; copy.copy(t).foo   t=torch.ones(2); t.data=None   t=torch.ones(2); t.grad=None; t.grad
t=torch.ones(2); t.requires_grad="a"   t=torch.ones(2); t.requires_grad=None
t=torch.ones(2); t.requires_grad_("a")
"""

NUMPY = """
torch.ones(2).to(np.float64)   np.asarray(torch.tensor([1.,2]))   np.asarray(torch.tensor([1.,2]),dtype=np.int32)
np.array(torch.tensor([1.,2]))   np.asarray(torch.tensor([1.,2],requires_grad=True))
np.array([torch.tensor(1.),torch.tensor(2.)])   np.array([torch.tensor([1.,2]),torch.tensor([2.,3])])
np.stack([torch.tensor([1.,2]),torch.tensor([2.,3])])   np.sin(torch.tensor([1.,2]))   np.exp(torch.tensor([1.,2]))
np.sqrt(torch.tensor([1,4]))   np.add(torch.tensor([1.,2]),1)   np.add(torch.tensor([1.,2]),torch.tensor([1.,2]))
np.abs(torch.tensor([1.,-2]))   np.maximum(torch.tensor([1.,2]),0)   np.isnan(torch.tensor([1.,nan]))
np.sin(torch.tensor([1.,2],requires_grad=True))   np.dot(torch.tensor([1.,2]),np.array([1.,2]))
np.concatenate([torch.tensor([1.,2]),torch.tensor([3.])])   np.allclose(torch.tensor([1.,2]),torch.tensor([1.,2]))
np.array_equal(torch.tensor([1.,2]),np.array([1.,2]))   np.reshape(torch.tensor([1.,2]),(2,1))
np.transpose(torch.ones(2,3))   np.array([1.,2])*torch.tensor([1.,2])   torch.tensor([1.,2])*np.array([1.,2])
torch.tensor([1.,2])+np.array([1,2])   torch.tensor([1.,2])+np.array([1,2],dtype=np.float32)
np.array([1,2])+torch.tensor([1.,2])   np.array([1,2],dtype=np.float32)-torch.tensor([1.,2])
np.array([1,2],dtype=np.float32)/torch.tensor([1.,2])   np.array([[1,2]],dtype=np.float32)@torch.tensor([[1.],[2]])
torch.tensor([[1.],[2]])@np.array([[1,2]],dtype=np.float32)   np.array([1.,2])==torch.tensor([1.,2])
torch.tensor([1.,2])==np.array([1.,2])   torch.tensor([1.,2])<np.array([1.,3])
torch.tensor([1.,2])!=np.array([1.,3])   torch.tensor([1.,2],requires_grad=True)*np.array([1.,2])
np.array([1.,2])*torch.tensor([1.,2],requires_grad=True)   np.float32(2)*torch.tensor([1.,2])
np.float64(2)*torch.tensor([1.,2])   np.int64(2)*torch.tensor([1.,2])   np.float64(2)*torch.tensor([1,2])
np.float64(2)+torch.tensor([1.,2],requires_grad=True)   np.float32(2)/torch.tensor([1.,2])
np.float32(2)**torch.tensor([1.,2])   np.float32(2)-torch.tensor([1.,2])   np.float32(2)<torch.tensor([1.,3])
np.float32(2)==torch.tensor([1.,2])   np.float32(2)*torch.tensor(3.)   np.float64(2)*torch.tensor(3.)
torch.tensor(3.)*np.float64(2)   torch.tensor([1.,2])*np.float64(2)   torch.tensor([1,2])*np.float64(2)
torch.tensor([1,2])+np.int32(2)   torch.tensor(3.)+np.array(2.)   a=np.array([1.,2]); a+=torch.tensor([1.,2]); a
a=np.array([1.,2]); a*=torch.tensor([1.,2]); type(a)   t=torch.tensor([1.,2]); t+=np.array([1.,2]); t
t=torch.tensor([1.,2]); t.copy_(np.array([1.,2])); t   t=torch.tensor([1.,2]); t[:]=np.array([5.,6]); t
t=torch.tensor([1.,2]); t[0]=np.float32(5); t   a=np.zeros(3); a[0]=torch.tensor(2.); a
a=np.zeros(3); a[:2]=torch.tensor([2.,3]); a   a=np.zeros(3); a[torch.tensor(1)]
a=np.arange(5); a[torch.tensor([1,2])]   np.float32(1) in torch.tensor([1,2])   np.array(1) in torch.tensor([1,2])
type(torch.Size([2,np.int64(3)]).numel())   torch.is_tensor(np.ones(2))   torch.finfo(np.float32)
t=torch.ones(2); t.data=np.ones(2)   t=torch.ones(2); t.grad=np.ones(2)
"""

SIZES = """
torch.Size([2,3])   torch.Size((2,3))   torch.Size()   torch.Size([])   torch.Size(3)   torch.Size([2.5])
torch.Size(["a"])   torch.Size([torch.tensor(2)])   torch.Size([True])   torch.Size([-1])   torch.Size(range(3))
torch.Size(x for x in [1,2])   torch.Size([2,3]).numel()   torch.Size([]).numel()   torch.Size([2,0]).numel()
torch.Size([2,3])+torch.Size([4])   torch.Size([2,3])+(4,)   (4,)+torch.Size([2,3])   torch.Size([2,3])+[4]
[4]+torch.Size([2,3])   torch.Size([2,3])*2   2*torch.Size([2,3])   torch.Size([2,3])*2.5   torch.Size([2,3])[0]
torch.Size([2,3])[:1]   torch.Size([2,3])[-1:]   torch.Size([2,3])[5]   torch.Size([2,3])["a"]
torch.Size([2,3])==(2,3)   torch.Size([2,3])==[2,3]   torch.Size([2,3])==torch.Size([2,3])
hash(torch.Size([2,3]))==hash((2,3))   repr(torch.Size([2,3]))   str(torch.Size([]))   len(torch.Size([2,3]))
3 in torch.Size([2,3])   torch.Size([2,3]).index(3)   torch.Size([2,3]).count(3)   list(torch.Size([2,3]))
tuple(torch.Size([2,3]))   a,b=torch.Size([2,3]); a   pickle.loads(pickle.dumps(torch.Size([2,3])))
copy.copy(torch.Size([2,3]))   torch.Size([2,3])<(3,)   isinstance(torch.ones(2).shape,tuple)
torch.ones(2,3).shape[0]   torch.ones(2,3).size()   torch.ones(2,3).size(0)   torch.ones(2,3).size(-1)
torch.ones(2,3).size(2)   torch.ones(2,3).size(dim=1)   torch.ones(2,3).size(0,1)   torch.ones(2,3).size(1.)
torch.ones(2,3).size("a")   torch.ones(2,3).size(None)   torch.ones(2,3).size(True)   torch.tensor(1).size()
torch.tensor(1).size(0)   torch.ones(2,3).shape()   torch.ones(2,3).element_size()   torch.ones(2,3).mT.shape
t=torch.ones(2); t.shape=(1,2)   torch.is_same_size(torch.ones(2),torch.ones(2))
torch.ones(2).is_same_size(torch.ones(3))
"""

DEVICES = """
torch.ones(2).to(torch.device("cpu"))   torch.device("cpu")   torch.device("cuda")   torch.device("cuda:1")
torch.device("cuda",1)   torch.device("cuda:1",1)   torch.device("cpu",0)   torch.device("cpu",-1)
torch.device("cpu:-1")   torch.device("cuda:01")   torch.device("CPU")   torch.device("")   torch.device(-1)
torch.device(None)   torch.device()   torch.device(1.5)   torch.device(type="cuda",index=1)
torch.device(torch.device("cpu"))   torch.device(torch.device("cuda"),1)   torch.device("cuda:1").index
torch.device("cuda:1").type   str(torch.device("cuda:1"))   torch.device("cpu")==torch.device("cpu")
torch.device("cpu")==torch.device("cpu:0")   torch.device("cpu")=="cpu"   torch.device("cpu")!="cpu"
hash(torch.device("cpu"))==hash(torch.device("cpu"))   {torch.device("cpu"):1}[torch.device("cpu")]
pickle.loads(pickle.dumps(torch.device("cuda:1")))   copy.deepcopy(torch.device("cuda:1"))
d=torch.device("cpu"); setattr(d,"type","x")   torch.device("cuda: 1")   torch.device("cuda",True)
torch.device("cuda","1")   torch.ones(2,3).get_device()
"""

DTYPE_OBJECTS = """
t=torch.ones(2); t.to(torch.float32) is t   t=torch.ones(2); t.to(torch.float32,copy=True) is t
t=torch.ones(2); t.to(torch.float32,False,True) is t   torch.tensor(1.1,dtype=torch.float32).item()
torch.full((1,),1e39,dtype=torch.float32)   torch.full((1,),2**53+1,dtype=torch.float32)
torch.float32==torch.float   torch.float32 is torch.float   repr(torch.float32)
hash(torch.float32)==hash(torch.float)   torch.float32.itemsize   torch.float32.is_signed   torch.uint8.is_signed
torch.float32.is_complex   torch.float32("a")   torch.dtype("float32")   pickle.loads(pickle.dumps(torch.float32))
copy.deepcopy(torch.float32) is torch.float32   torch.float32.to_real()   torch.float32=="float32"
torch.float32<torch.float64   torch.finfo(torch.float32).eps   torch.finfo(torch.float64).max
torch.finfo(torch.float16).tiny   torch.finfo().bits   torch.finfo(torch.int32)   torch.finfo(float)
torch.finfo("float32")   torch.finfo(torch.float32).dtype   repr(torch.finfo(torch.float32))
repr(torch.finfo(torch.float64))   repr(torch.finfo(torch.float16))   repr(torch.iinfo(torch.int32))
torch.finfo(torch.float32).smallest_normal   torch.finfo(torch.float32).resolution   torch.finfo(torch.float32).foo
torch.finfo(type=torch.float32).bits   torch.finfo(torch.float32)==torch.finfo(torch.float32)
torch.iinfo(torch.int32).max   torch.iinfo(torch.uint8).min   torch.iinfo(torch.int8).bits
torch.iinfo(torch.float32)   torch.iinfo(torch.bool)   torch.iinfo(torch.int64).dtype   torch.iinfo()
torch.iinfo(int)   torch.iinfo(torch.int8)==torch.iinfo(torch.int8)   torch.get_default_dtype()
torch.set_default_dtype(torch.float64); x=torch.tensor([1.,2]); torch.set_default_dtype(torch.float32); x
torch.set_default_dtype(torch.float64); x=torch.tensor([1,2])/2; torch.set_default_dtype(torch.float32); x
torch.set_default_dtype(torch.float64); x=torch.tensor([1,2])*2.5; torch.set_default_dtype(torch.float32); x
torch.set_default_dtype(torch.float64); x=torch.tensor([1.,2],dtype=torch.float32)*2.5; torch.set_default_dtype(torch.float32); x
torch.set_default_dtype(torch.float64); x=torch.tensor([1,2]).sqrt(); torch.set_default_dtype(torch.float32); x
torch.set_default_dtype(torch.float64); x=torch.arange(3.); torch.set_default_dtype(torch.float32); x
torch.set_default_dtype(torch.float64); x=torch.Tensor([1,2]); torch.set_default_dtype(torch.float32); x
torch.set_default_dtype(torch.float64); x=torch.Tensor(2,3).dtype; torch.set_default_dtype(torch.float32); x
torch.set_default_dtype(torch.float64); x=torch.full((2,),1.5); torch.set_default_dtype(torch.float32); x
torch.set_default_dtype(torch.float16); x=torch.tensor([1.5]); torch.set_default_dtype(torch.float32); x
torch.set_default_dtype(torch.int64)   torch.set_default_dtype(float)   torch.set_default_dtype("float32")
torch.promote_types(torch.int8,torch.uint8)   torch.promote_types(torch.int8,"a")
torch.promote_types(torch.int64,torch.float16)   torch.promote_types(type1=torch.int64,type2=torch.float16)
torch.can_cast(torch.float32,torch.int32)   torch.can_cast(torch.int32,torch.float32)
torch.can_cast(torch.int64,torch.uint8)   torch.can_cast(torch.bool,torch.uint8)
torch.can_cast(torch.uint8,torch.bool)   torch.can_cast(from_=torch.bool,to=torch.uint8)
torch.can_cast(3,torch.bool)   torch.result_type(torch.tensor([1,2]),1.0)   torch.result_type(1,2)
torch.result_type(1,2.5)   torch.result_type(True,2)
torch.result_type(torch.tensor(1),torch.tensor([1.],dtype=torch.float16))
torch.result_type(tensor=torch.tensor([1]),other=1.)   torch.strided   torch.preserve_format
torch.contiguous_format   pickle.loads(pickle.dumps(torch.strided)) is torch.strided
torch.set_default_tensor_type(torch.DoubleTensor); x=torch.ones(1); torch.set_default_tensor_type("torch.FloatTensor"); x
torch.foo
"""

ATTRIBUTES_SET = """
t=torch.tensor([1.,2]); t.copy_([1.,2]); t   t=torch.ones(2); {t:1}[t]   t=torch.ones(2); t.foo=[3]; t.foo
t=torch.ones(2); del t.foo   t=torch.ones(2); t.data=torch.zeros(3); t
t=torch.ones(2); t.data=torch.zeros(3,dtype=torch.int64); t   t=torch.ones(2); t.data=[1,2]
t=torch.ones(2,requires_grad=True); t.data=torch.zeros(3); t
t=torch.ones(2,requires_grad=True); t.data=torch.zeros(3,dtype=torch.int64)
t=torch.ones(2,requires_grad=True); t.data=torch.zeros(2,requires_grad=True); t
t=torch.ones(2,requires_grad=True); t.data.requires_grad   t=torch.ones(2,requires_grad=True); t.data[0]=5; t
t=torch.ones(2,requires_grad=True); t.data+=1; t   t=torch.ones(2,requires_grad=True); t.data*=2; t.is_leaf
t=torch.ones(2); del t.data   t=torch.ones(2); t.grad=torch.ones(2); t.grad   t=torch.ones(2); t.grad=torch.ones(3)
t=torch.ones(2); t.grad=torch.ones(2,dtype=torch.float64)   t=torch.ones(2); t.grad=3   t=torch.ones(2); t.grad=t
t=torch.ones(2); t.grad=torch.ones(2); del t.grad; t.grad
t=torch.ones(2,dtype=torch.int64); t.grad=torch.ones(2,dtype=torch.int64)   t=torch.ones(2); t.dtype=torch.float64
t=torch.ones(2); t.requires_grad=1   t=torch.ones(2); t.requires_grad=True; t
t=torch.ones(2,dtype=torch.int64); t.requires_grad=True
t=torch.ones(2,dtype=torch.int64); t.requires_grad=False; t   t=torch.ones(2,dtype=torch.int64); t.requires_grad_()
t=torch.ones(2); t.requires_grad_(False); t   t=torch.ones(2); t.requires_grad_(requires_grad=True); t
t=torch.ones(2); t.requires_grad_() is t   t=torch.ones(2,requires_grad=True)*2; t.requires_grad=False
t=torch.ones(2,requires_grad=True)*2; t.requires_grad_(False)
t=torch.ones(2,requires_grad=True)*2; t.requires_grad_(True); t
t=torch.ones(2,requires_grad=True); t.detach().requires_grad   t=torch.ones(2,requires_grad=True); (t*2).detach_()
t=torch.ones(2); t.T.detach_()   t=torch.ones(2); t.is_leaf=True   t=torch.ones(2); t.device="cpu"
t=torch.ones(1,3,1); t.squeeze_()   t=torch.ones(1,3,1); t.squeeze_(0) is t   t=torch.ones(1,3,1); t.squeeze_(0); t
t=torch.ones(3); t.unsqueeze_(0); t   t=torch.ones(3); t.unsqueeze_(5)   t=torch.arange(6).reshape(2,3); t.t_(); t
t=torch.arange(6).reshape(2,3); t.transpose_(0,1); t   t=torch.arange(24).reshape(2,3,4); t.swapaxes_(0,2); t
t=torch.ones(3,requires_grad=True); t.unsqueeze_(0)
t=torch.ones(3,requires_grad=True); u=t*2; u.unsqueeze_(0); u.sum().backward(); t.grad
t=torch.ones(3,requires_grad=True); u=(t*2).unsqueeze(0); u.squeeze_(0); (u*u).sum().backward(); t.grad
t=torch.ones(3,requires_grad=True); u=(t*2); v=u[:2]; v.unsqueeze_(0); u.mul_(3); v.sum().backward(); t.grad
t=torch.arange(6.); t.resize_(2,2); t   t=torch.arange(6.); t.resize_((2,3)); t
t=torch.arange(6.); t.resize_(8); t[:6]   t=torch.arange(6.); t.resize_(-1)   t=torch.arange(6.); t.resize_()
t=torch.arange(6.,requires_grad=True); t.resize_(2)   t=torch.arange(6.); t.resize_as_(torch.ones(3,2)); t
t=torch.arange(6.); t.resize_as_([1])   t=torch.arange(6.); u=t.resize_(2,2); u[0,0]=9; t
"""

REST = """
torch.tensor([1,2]).numpy()   torch.tensor([1.,2],requires_grad=True).numpy()
torch.tensor([1.,2],requires_grad=True).numpy(force=True)   torch.tensor([1.,2]).numpy(True)
torch.tensor(3).numpy()   type(torch.tensor(3.).numpy())   range(torch.tensor(3))   "ab"*torch.tensor(3)
[1]*torch.tensor(2)   torch.tensor(2)*[1]   divmod(torch.tensor(7),2)   hex(torch.tensor(255))
bin(torch.tensor(5))   a,b=torch.tensor([1,2]); (a,b)   any(torch.tensor([0,1]))
min(torch.tensor(1),torch.tensor(2))   torch.tensor([1,2])@3   7/torch.tensor([2,-2])
torch.full((1,),70000.,dtype=torch.float16)   torch.full((1,),inf,dtype=torch.float16)
torch.full((1,),nan,dtype=torch.bool)   torch.full((1,),3.5,dtype=torch.bool)
torch.full((1,),9.3e18,dtype=torch.int64)   torch.tensor([9.3e18],dtype=torch.int64)
torch.ones(1,dtype=torch.int32).fill_(nan)   torch.ones(1).fill_(1e39)   torch.ones(1).fill_(torch.tensor([1.]))
torch.ones(1).fill_(torch.tensor(3))   torch.ones(1,dtype=torch.int64).fill_(torch.tensor(3.7))
torch.ones(2).fill_()   torch.ones(2).fill_(value=3)   torch.ones(2).zero_()   str(torch.int64)
torch.ones(2).device   torch.ones(2,3).stride(0)   torch.ones(2,3).stride(-1)   torch.ones(2,3).stride(2)
torch.ones(2,3).stride(dim=1)   torch.ones(2,3).dim()   torch.ones(2,3).ndim   torch.ones(2,3).numel()
torch.numel(torch.ones(2,3))   torch.numel([1])   torch.ones(2,3).nelement()   torch.ones(2,3).nbytes
torch.ones(2,3).is_contiguous()   torch.ones(2,3).T.is_contiguous()
torch.ones(2,3).is_contiguous(memory_format=torch.contiguous_format)   torch.ones(2,3).is_cuda
torch.ones(2,3).is_sparse   torch.ones(2,3).layout   torch.ones(2,3).is_leaf   torch.ones(2,3).names
torch.ones(2,3).foo   torch.ones(3).T   torch.is_tensor(torch.ones(2))   torch.is_tensor(obj=3)
torch.is_nonzero(torch.tensor([1.]))   torch.is_nonzero(torch.tensor([1.,2]))
torch.ones(2,requires_grad=True).retain_grad()   torch.ones(2).retain_grad()   torch.ones(2).backward()
torch.ones(2,requires_grad=True).backward()   torch.ones(2).register_hook(lambda g:g)   torch.get_num_threads()>0
torch.set_printoptions(precision=2); torch.set_printoptions(precision=4)   torch.ones(2,layout=torch.strided)
torch.typename(torch.ones(2))   torch.typename(3)   torch.scalar_tensor(3)
torch.scalar_tensor(3,dtype=torch.int64)   torch.positive(torch.ones(2))   torch.positive(torch.tensor([True]))
torch.ones(2).is_cpu   torch.ones(2).foo   torch.ones(2).clone(memory_format=torch.contiguous_format)
torch.ones(2).contiguous(memory_format=torch.contiguous_format)   torch.ones(2)-torch.tensor([True,False])
torch.ones(2)-True
"""


@pytest.mark.parametrize("program", programs(CASTS))
def test_casts(program: str) -> None:
    agree(program)


@pytest.mark.parametrize("program", programs(CONTAINER))
def test_container(program: str) -> None:
    agree(program)


@pytest.mark.parametrize("program", programs(NUMPY))
def test_numpy(program: str) -> None:
    agree(program)


@pytest.mark.parametrize("program", programs(SIZES))
def test_sizes(program: str) -> None:
    agree(program)


@pytest.mark.parametrize("program", programs(DEVICES))
def test_devices(program: str) -> None:
    agree(program)


@pytest.mark.parametrize("program", programs(DTYPE_OBJECTS))
def test_dtype_objects(program: str) -> None:
    agree(program)


@pytest.mark.parametrize("program", programs(ATTRIBUTES_SET))
def test_attributes_set(program: str) -> None:
    agree(program)


@pytest.mark.parametrize("program", programs(REST))
def test_rest(program: str) -> None:
    agree(program)


REFUSED = [
    ("torch.ones(2).to(torch.float64, 1)", TypeError, "to", "non_blocking", "int"),
    ("torch.ones(2).to('foo')", RuntimeError, "foo", "cpu, cuda"),
    ("torch.ones(2).type(float)", ValueError, "float", "dtype"),
    ("torch.ones(2).bfloat16()", AttributeError, "bfloat16"),
    ("'a' in torch.ones(2)", RuntimeError, "str"),
    ("t = torch.ones(3); u = t[:2]; u.resize_(9)", NotImplementedError, "resize_", "clone"),
    ("torch.ones(2, 3).T.resize_(2)", NotImplementedError, "resize_", "contiguous"),
    ("np.ones(2) * torch.ones(2)", TypeError, "ndarray", "Tensor"),
    ("torch.ones(2).requires_grad_('a')", TypeError, "requires_grad_", "str"),
]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case[0])
def test_refused(case: tuple[str, type[Exception], str]) -> None:
    refused(*case)
