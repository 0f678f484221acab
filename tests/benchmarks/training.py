"""Training steps of whole nets, as a user writes them: the same net with the same weights in minigrad and PyTorch.

A step forgets the gradients, computes the loss, walks back and lets the optimiser change the weights. Both
libraries must find the same first losses before they are timed.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from harness import OURS, Case

import minigrad as mg

try:
    import torch
except ImportError:
    torch = None  # type: ignore[assignment]

SIZES = (784, 128, 64, 10)
SETS = 4  # of inputs, taken in rotation

Make = Callable[[Any], Any]  # a net of a library's nn


def perceptron(nn: Any) -> Any:
    parts = []
    for i, (n, m) in enumerate(itertools.pairwise(SIZES)):
        parts += [nn.Linear(n, m)] + ([nn.ReLU()] if i < len(SIZES) - 2 else [])
    return nn.Sequential(*parts)


def conv_net(nn: Any) -> Any:
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),  # (B, 16, 14, 14)
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),  # (B, 32, 7, 7)
        nn.Flatten(),
        nn.Linear(32 * 7 * 7, 10),
    )


def residual_net(nn: Any) -> Any:
    class Block(nn.Module):  # type: ignore[misc, name-defined]
        """Two convolutions with batch norms, around which x goes too."""

        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = (nn.Conv2d(32, 32, 3, padding=1, bias=False) for _ in range(2))
            self.norm, self.last = nn.BatchNorm2d(32), nn.BatchNorm2d(32)

        def forward(self, x: Any) -> Any:
            return (x + self.last(self.second(self.norm(self.first(x)).relu()))).relu()

    return nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), Block(), Block(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10),
    )  # fmt: skip


def lstm(nn: Any) -> Any:
    class Last(nn.Module):  # type: ignore[misc, name-defined]
        """The class of a sequence, from what the last step says."""

        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(128, 128, batch_first=True)
            self.head = nn.Linear(128, 10)

        def forward(self, x: Any) -> Any:
            out, _ = self.lstm(x)  # (B, T, 128)
            return self.head(out[:, -1])

    return Last()


def transformer(nn: Any) -> Any:
    class Pooled(nn.Module):  # type: ignore[misc, name-defined]
        """The class of a sequence, from the mean of its tokens."""

        def __init__(self) -> None:
            super().__init__()
            self.block = nn.TransformerEncoderLayer(128, 4, dim_feedforward=512, dropout=0.0, batch_first=True)
            self.head = nn.Linear(128, 10)

        def forward(self, x: Any) -> Any:
            return self.head(self.block(x).mean(1))

    return Pooled()


def twins(make: Make) -> tuple[mg.nn.Module, Any]:
    """The same net with the same weights, ours and PyTorch's."""
    mg.manual_seed(0)
    ours, theirs = make(mg.nn), torch and make(torch.nn)
    if theirs is not None:
        theirs.load_state_dict({name: torch.from_numpy(t.numpy().copy()) for name, t in ours.state_dict().items()})
    return ours, theirs


def cases() -> Iterator[Case]:
    for work, make, shape, reaches in (
        ("784-128-64-10, batch 64", perceptron, (64, 784), {"SGD": 1.7, "Adam": 5.0}),
        ("conv net on (64, 1, 28, 28)", conv_net, (64, 1, 28, 28), {"SGD": 0.8}),
        ("two residual blocks with batch norms on (16, 3, 32, 32)", residual_net, (16, 3, 32, 32), {"SGD": 1.0}),
        ("LSTM 128 over 64 steps, batch 16", lstm, (16, 64, 128), {"SGD": 1.0}),
        ("transformer block 128 wide, 4 heads, 64 tokens, batch 16", transformer, (16, 64, 128), {"SGD": 1.0}),
    ):
        for optimiser, reach in reaches.items():
            yield steps(f"{work}, {optimiser}", make, shape, optimiser, reach)


def steps(work: str, make: Make, shape: tuple[int, ...], optimiser: str, reach: float) -> Case:
    """Training steps on a few batches of random inputs and labels."""
    rng = np.random.default_rng(0)
    inputs = [rng.standard_normal(shape).astype(np.float32) for _ in range(SETS)]
    labels = [rng.integers(0, 10, shape[0]) for _ in range(SETS)]
    ours, theirs = twins(make)
    calls = {OURS: _calls(mg, ours, optimiser, inputs, labels, mg.from_numpy)}
    if theirs is not None:
        calls["torch"] = _calls(torch, theirs, optimiser, inputs, labels, torch.from_numpy)
    losses = {name: [call() for call in each] for name, each in calls.items()}
    for name, found in losses.items():
        np.testing.assert_allclose(found, losses[OURS], rtol=1e-4, err_msg=f"{work}: the losses of {name}")
    return Case(work, reach, calls)


def _calls(
    library: Any, model: Any, optimiser: str, inputs: list[np.ndarray], labels: list[np.ndarray], tensor: Any
) -> list[Callable[[], float]]:
    optimizer = getattr(library.optim, optimiser)(model.parameters(), lr=1e-3)

    def step(x: Any, y: Any) -> float:
        optimizer.zero_grad()
        loss = library.nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    return [functools.partial(step, tensor(x), tensor(y)) for x, y in zip(inputs, labels, strict=True)]
