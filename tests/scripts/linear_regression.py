"""Fit a straight line to noisy points with nn.Linear and SGD."""

import numpy as np
import torch
import torch.nn as nn

torch.manual_seed(42)
np.random.seed(42)

# Hyper-parameters
learning_rate = 0.05
num_epochs = 200

# Toy dataset: y = 2x + 1 + noise
x_train = np.random.rand(50, 1).astype(np.float32)
y_train = 2 * x_train + 1 + 0.1 * np.random.randn(50, 1).astype(np.float32)

inputs = torch.from_numpy(x_train)
targets = torch.from_numpy(y_train)
print("Input shape:", inputs.shape, "dtype:", inputs.dtype)

model = nn.Linear(1, 1)
print(model)
criterion = nn.MSELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate)

for epoch in range(num_epochs):
    outputs = model(inputs)
    loss = criterion(outputs, targets)

    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

    if (epoch + 1) % 20 == 0:
        print("Epoch [{}/{}], Loss: {:.4f}".format(epoch + 1, num_epochs, loss.item()))  # noqa: UP032

with torch.no_grad():
    predicted = model(inputs[:5])
print("Predictions:", predicted)
print("Targets:", targets[:5].squeeze())
print("Mean absolute error:", (model(inputs) - targets).abs().mean())

for name, param in model.named_parameters():
    print(name, param.data)
print(f"Learned: y = {model.weight.item():.3f} * x + {model.bias.item():.3f}")
print(loss.item())
