"""A strict double of CuPy, to test the CUDA half of minitorch without a GPU.

NumPy computes, CuPy's rules hold: what CuPy refuses is refused, what it lacks is missing, and what it does silently and
ought not to be done (copying an index to the device, dispatching np.exp) is refused as well. The names, keywords and
types come from the real package (snapshot.py, snapshot.json). What it cannot show: rounding, races, streams, speed.

namespace.py has `cupy` and `cupyx`, sync.py `forbid_sync`, kernels.py `model`.
"""
