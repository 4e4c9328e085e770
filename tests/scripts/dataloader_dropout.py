"""A custom Dataset, a DataLoader with workers, dropout, and a model that is saved and loaded again."""

import argparse
import os
import tempfile
import time

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.utils.data import DataLoader, Dataset


class Spirals(Dataset):
    """Points on three noisy spiral arms."""

    def __init__(self, per_class=200, classes=3, noise=0.15, seed=0):
        g = torch.Generator().manual_seed(seed)
        points, labels = [], []
        for c in range(classes):
            r = torch.linspace(0.05, 1, per_class)
            angle = torch.linspace(c * 4, (c + 1) * 4, per_class) + noise * torch.randn(per_class, generator=g)
            points.append(torch.stack([r * torch.sin(angle), r * torch.cos(angle)], dim=1))
            labels.append(torch.full((per_class,), c))
        self.points = torch.cat(points)
        self.labels = torch.cat(labels)

    def __len__(self):
        return len(self.points)

    def __getitem__(self, idx):
        return self.points[idx], self.labels[idx]


class Net(nn.Module):
    def __init__(self, p=0.2):
        super().__init__()
        self.fc1 = nn.Linear(2, 64)
        self.fc2 = nn.Linear(64, 64)
        self.dropout = nn.Dropout(p)
        self.fc3 = nn.Linear(64, 3)

    def forward(self, x):
        x = F.relu(self.fc1(x))
        x = self.dropout(F.relu(self.fc2(x)))
        return F.log_softmax(self.fc3(x), dim=1)


def evaluate(model, loader):
    model.eval()
    correct = total = 0
    running = 0.0
    with torch.no_grad():
        for data, target in loader:
            output = model(data)
            running += F.nll_loss(output, target, reduction="sum").item()
            correct += (
                output.argmax(dim=1, keepdim=True).eq(target.view_as(output.argmax(dim=1, keepdim=True))).sum().item()
            )
            total += len(data)
    return running / total, 100.0 * correct / total


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--lr", type=float, default=5e-3)
    args = parser.parse_args()

    torch.manual_seed(7)
    dataset = Spirals()
    train_loader = DataLoader(dataset, batch_size=args.batch_size, shuffle=True, num_workers=args.workers)
    test_loader = DataLoader(Spirals(seed=1), batch_size=100)

    model = Net()
    optimizer = optim.Adam(model.parameters(), lr=args.lr)
    start = time.time()
    for epoch in range(1, args.epochs + 1):
        model.train()
        train_loss = 0.0
        for data, target in train_loader:
            optimizer.zero_grad()
            loss = F.nll_loss(model(data), target)
            loss.backward()
            optimizer.step()
            train_loss += loss.item() * data.size(0)
        train_loss /= len(dataset)
        test_loss, accuracy = evaluate(model, test_loader)
        print(f"Epoch {epoch:2d} | train loss {train_loss:.4f} | test loss {test_loss:.4f} | accuracy {accuracy:.2f}%")
    print(f"Training took {time.time() - start:.2f}s")

    path = os.path.join(tempfile.mkdtemp(), "net.pt")
    torch.save(model.state_dict(), path)
    restored = Net()
    print(restored.load_state_dict(torch.load(path)))
    print("restored:", evaluate(restored, test_loader))


if __name__ == "__main__":
    main()
