"""The pictures whose DOT text is kept in ``golden/``. After a change that is meant to show in pictures, run

    python tests/viz/rewrite_golden.py

and look at what has become different. The numbers are the same on every machine: four digits of short sums.
"""

from __future__ import annotations

from pathlib import Path

import minigrad as mg
from minigrad import nn


class Perceptron(nn.Module):
    """Two layers, whose sigmoids are called as functions."""

    def __init__(self) -> None:
        super().__init__()
        self.layer1 = nn.Linear(2, 3)
        self.layer2 = nn.Linear(3, 1)
        for parameter in self.parameters():
            numbers = mg.linspace(-1.0, 1.0, parameter.numel()).reshape(parameter.shape)
            parameter.detach().numpy()[...] = numbers.numpy()

    def forward(self, x: mg.Tensor) -> mg.Tensor:
        return self.layer2(self.layer1(x).sigmoid()).sigmoid()


def expression() -> mg.Drawing:
    """The picture of micrograd's kind: scalars with their gradients."""
    a = mg.tensor(-4.0, requires_grad=True)
    b = mg.tensor(2.0, requires_grad=True)
    c = a * b
    d = (c + b) ** 2 / 4.0
    c.retain_grad()
    d.backward(retain_graph=True)
    return mg.draw(d, names={"a": a, "b": b, "c": c, "d": d})


def perceptron() -> mg.Drawing:
    """Layers as frames, z and a with their values."""
    return mg.draw(Perceptron()(mg.tensor([[0.5, -2.0]])))


def freed() -> mg.Drawing:
    """A graph that backward() has walked, from top to bottom."""
    x = mg.tensor([[1.0, 2.0, 3.0], [0.0, -1.0, 0.5]], requires_grad=True)
    loss = x.softmax(dim=1)[:, 0].exp().sum()
    loss.backward()
    return mg.draw(loss, direction="TB")


FOLDER = Path(__file__).parent / "golden"
PICTURES = {"expression": expression, "perceptron": perceptron, "freed": freed}

if __name__ == "__main__":
    with mg.use_kernels("reference"):
        for name, picture in PICTURES.items():
            picture().save(FOLDER / f"{name}.dot")
