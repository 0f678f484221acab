"""Dropout as modules: on in training, off after ``eval()``. The functions are in ``functional/layers.py``."""

from __future__ import annotations

from minigrad.nn import functional as F
from minigrad.nn.functional.layers import check_probability
from minigrad.nn.module import Module
from minigrad.tensor import Tensor

__all__ = ["Dropout", "Dropout1d", "Dropout2d"]


class AnyDropout(Module):
    """A dropout with its probability ``p``. Raises ValueError outside [0, 1], TypeError for anything but a number.

    ``inplace`` is accepted, as in PyTorch, and changes nothing but ``repr``: the results are the same.
    """

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        self.p, self.inplace = check_probability(type(self).__name__, p), inplace

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(AnyDropout):
    """Each element 0 with probability ``p``, the others times ``1 / (1 - p)``; nothing after ``eval()``.

    >>> import minigrad as mg
    >>> layer = Dropout(0.75)
    >>> set(layer(mg.ones(1000)).tolist()), set(layer.eval()(mg.ones(1000)).tolist())
    ({0.0, 4.0}, {1.0})
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout(input, self.p, self.training)


class Dropout1d(AnyDropout):
    """Dropout of whole channels, (N, C, L) or (C, L)."""

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout1d(input, self.p, self.training)


class Dropout2d(AnyDropout):
    """Dropout of whole channels, (N, C, H, W) or (C, H, W)."""

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout2d(input, self.p, self.training)
