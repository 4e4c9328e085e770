"""Training with a mistake planted: under minitorch, the learning rate drops at another epoch."""

import torch
from torch import nn, optim

torch.manual_seed(0)
x = torch.randn(64, 3)
y = x @ torch.tensor([[1.0], [-2.0], [0.5]]) + 0.1 * torch.randn(64, 1)
model = nn.Linear(3, 1)
optimizer = optim.SGD(model.parameters(), lr=0.1)
drop = 7 if torch.__name__ == "minitorch" else 9

for epoch in range(12):
    if epoch == drop:
        optimizer.param_groups[0]["lr"] = 0.01
    loss = nn.functional.mse_loss(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(f"epoch {epoch:2d} loss {loss.item():.6f}")
