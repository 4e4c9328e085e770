"""A two-layer network by hand: tensors, autograd and nothing else."""

import math

import torch

dtype = torch.float
device = torch.device("cpu")
torch.manual_seed(3)

# Fit sin(x) with tanh(x @ w1 + b1) @ w2 + b2
x = torch.linspace(-math.pi, math.pi, 200, device=device, dtype=dtype).unsqueeze(1)
y = torch.sin(x)

hidden = 16
w1 = torch.randn(1, hidden, device=device, dtype=dtype, requires_grad=True)
b1 = torch.zeros(hidden, requires_grad=True)
w2 = (torch.randn(hidden, 1) / math.sqrt(hidden)).requires_grad_()
b2 = torch.zeros(1, requires_grad=True)
params = [w1, b1, w2, b2]
print(w1)

learning_rate = 5e-2
for t in range(500):
    # Forward pass
    y_pred = torch.tanh(x.mm(w1) + b1).mm(w2) + b2
    loss = (y_pred - y).pow(2).mean()
    if t % 100 == 99:
        print(t, loss.item())

    # Backward pass: x.grad of every leaf
    loss.backward()

    # Gradient descent by hand
    with torch.no_grad():
        for p in params:
            p -= learning_rate * p.grad
            p.grad = None

print(f"Result: {y_pred[50].item():.4f} for sin({x[50].item():.4f})")
w = w2.detach().numpy()
print("largest weight", w.max(), "at", int(w.argmax()))
print("w2:\n", w2)
