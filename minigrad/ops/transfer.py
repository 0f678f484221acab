"""A tensor on another device: a copy, asked for by the user, through which gradients flow back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minigrad import kernels
from minigrad.graph import Gradients, Op, record
from minigrad.kernels import Array

if TYPE_CHECKING:
    from minigrad.tensor import Tensor


class ToDevice(Op):
    """y = x on another device"""

    def __init__(self, device: str) -> None:
        self.device = device

    def forward(self, kernels_there: Any, x: Array) -> Any:
        self.origin = kernels.device_of(x)
        return kernels.moved(x, self.device)

    def backward(self, dy: Tensor) -> Gradients:
        return (to_device(dy, self.origin),)


def to_device(x: Tensor, device: str) -> Tensor:
    """``x`` on the device of that name, as ``kernels.check_device`` gives it; itself, if it is there."""
    return x if x.device == device else record(ToDevice(device), x)
