"""Models that several tests of pictures draw."""

from __future__ import annotations

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
