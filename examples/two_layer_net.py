"""A net of two layers, written twice: by hand, with tensors and autograd, and with ``nn`` and ``optim``.

    python examples/two_layer_net.py
    python examples/two_layer_net.py --plot moons.png --draw by_hand.svg

Both learn to tell two half moons apart, from the same weights and with the same batches. After two seconds they
get 97 % of the held-out points right, and agree to the last digits: ``nn`` does what the formulas say. So do the
gradients, which are first compared with the chain rule worked out on paper.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from tqdm import tqdm

import minigrad as mg
from minigrad import nn
from minigrad.data import DataLoader, TensorDataset, random_split
from plots import COLOURS, Panel, curves
from script import TrainingScript, run
from training import train

Weights = tuple[mg.Tensor, ...]  # W1 (16, 2), b1 (16,), W2 (1, 16), b2 (1,)

POINTS, HELD_OUT, HIDDEN, NOISE = 2000, 500, 16, 0.2


def main(arguments: list[str] | None = None) -> None:
    script = TrainingScript(
        "A net of two layers, written twice: by hand, with tensors and autograd, and with nn and optim.",
        epochs=60,
        batch=32,
        lr=0.5,
    )
    chosen = script.read(arguments)
    train_part, held_out = random_split(moons(), [POINTS - HELD_OUT, HELD_OUT])
    points, labels = held_out.dataset[held_out.indices]
    start = first_weights()

    def batches() -> DataLoader:
        return DataLoader(
            train_part, chosen.batch, shuffle=True, generator=mg.Generator().manual_seed(chosen.seed)
        )

    apart = gradients_differ(start, points, labels)
    print(f"Gradients of autograd and of the formulas: {apart:.1e} apart at most")
    weights, losses = train_by_hand(start, batches(), chosen.epochs, chosen.lr, chosen.device)

    model = nn.Sequential(nn.Linear(2, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, 1), nn.Sigmoid()).double()
    with mg.no_grad():
        for parameter, w in zip(model.parameters(), start, strict=True):
            parameter.copy_(w)
    cross_entropy, optimizer = nn.BCELoss(), mg.optim.SGD(model.parameters(), lr=chosen.lr)
    history = train(
        model, lambda x, y: cross_entropy(model(x), y), batches(), optimizer, chosen.epochs, device=chosen.device
    )

    print(f"{history}\n")
    apart = max((w - p).abs().max().item() for w, p in zip(weights, model.parameters(), strict=True))
    print(f"Weights by hand and of nn, trained: {apart:.1e} apart at most")
    with mg.no_grad():
        for name, p in {"by hand": forward(points, *weights), "nn": model(points)}.items():
            share = ((p >= 0.5).double() == labels).double().mean().item()
            print(f"{name:<8}{share:.1%} of {HELD_OUT} held-out points are right")

    x, y = points[:4], labels[:4]
    names = dict(zip(("W1", "b1", "W2", "b2"), weights, strict=True))
    script.save_graph(loss(x, y, *weights), "The loss of four points, by hand", x=x, y=y, **names)
    script.save_plot(
        curves("loss in training: two equal lines", {"by hand": losses, "nn": history.losses}, log=True),
        border(weights, points, labels),
    )


# -- by hand --------------------------------------------------------------------------------------------------


def forward(x: mg.Tensor, W1: mg.Tensor, b1: mg.Tensor, W2: mg.Tensor, b2: mg.Tensor) -> mg.Tensor:
    """The probability that each point is of the second moon."""
    z1 = x @ W1.T + b1  # (B, 2) -> (B, 16)
    a1 = mg.tanh(z1)
    z2 = a1 @ W2.T + b2  # (B, 16) -> (B, 1)
    return 1 / (1 + mg.exp(-z2))


def loss(x: mg.Tensor, y: mg.Tensor, *weights: mg.Tensor) -> mg.Tensor:
    """Binary cross entropy."""
    p = forward(x, *weights)
    return -(y * p.log() + (1 - y) * (1 - p).log()).mean()


def train_by_hand(
    start: Weights, batches: DataLoader, epochs: int, lr: float, device: str = "cpu"
) -> tuple[Weights, list[float]]:
    """Gradient descent on the device: the trained weights, on the CPU, and the mean loss of each epoch."""
    weights = tuple(w.clone().to(device).requires_grad_() for w in start)
    losses = []
    for _ in tqdm(range(epochs), desc="by hand", unit="epoch"):
        steps = []
        for x, y in batches:
            value = loss(x.to(device), y.to(device), *weights)
            value.backward()
            with mg.no_grad():
                for w in weights:
                    w -= lr * w.grad
                    w.grad = None
            steps.append(value.item())
        losses.append(float(np.mean(steps)))
    return tuple(w.detach().cpu().requires_grad_() for w in weights), losses


def gradients_differ(start: Weights, x: mg.Tensor, y: mg.Tensor) -> float:
    """The largest difference of the gradients of autograd from the chain rule on paper."""
    W1, b1, W2, _ = weights = tuple(w.clone().requires_grad_() for w in start)
    loss(x, y, *weights).backward()
    with mg.no_grad():
        a1 = mg.tanh(x @ W1.T + b1)
        dz2 = (forward(x, *weights) - y) / len(x)  # sigmoid and cross entropy together
        da1 = dz2 @ W2
        dz1 = da1 * (1 - a1**2)  # tanh' z = 1 - tanh² z
        by_formula = dz1.T @ x, dz1.sum(dim=0), dz2.T @ a1, dz2.sum(dim=0)
        pairs = zip(weights, by_formula, strict=True)
        return max((w.grad - gradient).abs().max().item() for w, gradient in pairs)


# -- weights, points and a picture ----------------------------------------------------------------------------


def first_weights() -> Weights:
    """Random weights of spread 1 / sqrt(inputs), biases of 0."""
    W1 = mg.randn(HIDDEN, 2, dtype=mg.float64) / math.sqrt(2)
    W2 = mg.randn(1, HIDDEN, dtype=mg.float64) / math.sqrt(HIDDEN)
    return W1, mg.zeros(HIDDEN, dtype=mg.float64), W2, mg.zeros(1, dtype=mg.float64)


def moons() -> TensorDataset:
    """Points (N, 2) of two half circles, each reaching into the other, with noise; labels (N, 1)."""
    angle = math.pi * mg.rand(POINTS, 1, dtype=mg.float64)
    label = (mg.rand(POINTS, 1) < 0.5).double()
    sign = 1 - 2 * label  # the second moon is the first one turned round
    points = mg.cat([label + sign * angle.cos(), 0.5 * label + sign * angle.sin()], dim=1)
    return TensorDataset(points + NOISE * mg.randn(POINTS, 2, dtype=mg.float64), label)


def border(weights: Weights, points: mg.Tensor, labels: mg.Tensor) -> Panel:
    """The held-out points, and where the probability is one half."""
    across, up = np.meshgrid(np.linspace(-1.8, 2.8, 120), np.linspace(-1.3, 1.8, 120))
    grid = mg.from_numpy(np.stack([across.ravel(), up.ravel()], axis=1))
    with mg.no_grad():
        p = forward(grid, *weights).numpy().reshape(across.shape)

    def panel(axes: Any) -> None:
        axes.contourf(across, up, p, levels=[0, 0.5, 1], colors=COLOURS[:2], alpha=0.12)
        axes.contour(across, up, p, levels=[0.5], colors=COLOURS[3])
        for label, colour in enumerate(COLOURS[:2]):
            chosen = points.numpy()[labels.numpy()[:, 0] == label]
            axes.scatter(chosen[:, 0], chosen[:, 1], s=7, color=colour, linewidth=0)
        axes.set(title="held-out points, and the border between the moons")

    return panel


if __name__ == "__main__":
    run(main)
