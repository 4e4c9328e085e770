"""Logistic regression on two clouds of points."""

import argparse

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

parser = argparse.ArgumentParser(description="Logistic regression")
parser.add_argument("--epochs", type=int, default=100)
parser.add_argument("--lr", type=float, default=0.1, help="learning rate")
parser.add_argument("--seed", type=int, default=1)
args = parser.parse_args()
print(args)

torch.manual_seed(args.seed)

# 0) data: two overlapping clouds, standardised, split into train and test
rng = np.random.RandomState(args.seed)
X = np.concatenate([rng.normal(0.0, 1.5, (250, 5)), rng.normal(1.5, 2.0, (250, 5))])
y = np.concatenate([np.zeros(250), np.ones(250)])
n_samples, n_features = X.shape
print(f"{n_samples} samples, {n_features} features")

order = rng.permutation(n_samples)
train, test = order[:400], order[400:]
mean, std = X[train].mean(axis=0), X[train].std(axis=0)
X = (X - mean) / std
X_train = torch.tensor(X[train], dtype=torch.float32)
X_test = torch.tensor(X[test], dtype=torch.float32)
y_train = torch.from_numpy(y[train].astype(np.float32)).view(-1, 1)
y_test = torch.from_numpy(y[test].astype(np.float32)).view(-1, 1)


# 1) model
class LogisticRegression(nn.Module):
    def __init__(self, n_input_features):
        super().__init__()
        self.linear = nn.Linear(n_input_features, 1)

    def forward(self, x):
        return torch.sigmoid(self.linear(x))


model = LogisticRegression(n_features)
print(model)

# 2) loss and optimizer
criterion = nn.BCELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9, weight_decay=1e-4)

# 3) training loop
for epoch in range(args.epochs):
    y_pred = model(X_train)
    loss = criterion(y_pred, y_train)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    if (epoch + 1) % 10 == 0:
        print(f"epoch: {epoch + 1}, loss = {loss.item():.4f}")

with torch.no_grad():
    y_predicted = model(X_test)
    y_cls = y_predicted.round()
    acc = y_cls.eq(y_test).sum() / float(y_test.shape[0])
    print(f"accuracy: {acc.item():.4f}")
    print("test loss:", F.binary_cross_entropy(y_predicted, y_test))
print(y_predicted[:4])
