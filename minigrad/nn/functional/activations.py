"""Activations that are made of operations; those that are one are in ``ops/``."""

from __future__ import annotations

from typing import Any

from minigrad.graph import record
from minigrad.ops import softmax, tanh, where
from minigrad.ops.operands import not_below_zero, only_floats, parameter, tensor
from minigrad.ops.rectifiers import PRelu, Softshrink
from minigrad.tensor import Tensor

__all__ = ["hardshrink", "prelu", "softmin", "softshrink", "tanhshrink", "threshold"]


def prelu(z: Tensor, weight: Tensor) -> Tensor:
    """``a = max(z, 0) + weight min(z, 0)``: the slope below 0 is learned.

    Args:
        z: floats of any shape.
        weight: one number, (1,), or one for each channel, (C,) for a z of (B, C, ...).

    Source: He, Zhang, Ren and Sun, Delving deep into rectifiers, 2015.

    Raises TypeError for other dtypes than one of floats, ValueError for a weight that does not fit.

    >>> import minigrad as mg
    >>> prelu(mg.tensor([-2.0, 3.0]), mg.tensor([0.25]))
    tensor([-0.5000,  3.0000])
    """
    channels = z.shape[1] if tensor("prelu", z).ndim > 1 else 1
    if tensor("prelu", weight).ndim > 1 or weight.numel() not in (1, channels):
        raise ValueError(
            f"prelu: a z of shape {z.shape} takes a weight of one element or of {channels}, not {weight.shape}"
        )
    if only_floats("prelu", z).dtype != weight.dtype:
        raise TypeError(f"prelu: the dtypes {z.dtype} and {weight.dtype} must be equal")
    slope = weight.reshape(1, channels, *[1] * (z.ndim - 2)) if weight.numel() > 1 else weight.reshape(())
    return record(PRelu(), z, slope)


def threshold(z: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """``a = z`` where z > threshold, else ``value``.

    >>> import minigrad as mg
    >>> mg.nn.functional.threshold(mg.tensor([0.5, 1.5]), 1.0, -7.0)
    tensor([-7.0000,  1.5000])
    """
    parameter("threshold", "threshold", threshold), parameter("threshold", "value", value)
    return where(tensor("threshold", z) > threshold, z, value)


def hardshrink(z: Tensor, lambd: float = 0.5) -> Tensor:
    """``a = 0`` where |z| <= lambd, else ``z``.

    >>> import minigrad as mg
    >>> hardshrink(mg.tensor([-1.0, 0.25, 2.0]))
    tensor([-1.,  0.,  2.])
    """
    limit = parameter("hardshrink", "lambd", lambd)
    return where(only_floats("hardshrink", tensor("hardshrink", z)).abs() <= limit, 0.0, z)


def softshrink(z: Tensor, lambd: float = 0.5) -> Tensor:
    """``a = z - min(max(z, -lambd), lambd)``: nearer to 0 by lambd, or 0. Raises ValueError if lambd is below 0.

    >>> import minigrad as mg
    >>> softshrink(mg.tensor([-1.0, 0.25, 2.0]))
    tensor([-0.5000,  0.0000,  1.5000])
    """
    limit = not_below_zero("softshrink", "lambd", lambd)
    return record(Softshrink(limit), only_floats("softshrink", tensor("softshrink", z)))


def tanhshrink(z: Tensor) -> Tensor:
    """``a = z - tanh z``.

    >>> import minigrad as mg
    >>> tanhshrink(mg.tensor([0.0, 2.0]))
    tensor([0.0000, 1.0360])
    """
    return tensor("tanhshrink", z) - tanh(z)


def softmin(z: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """``a = e^-z / sum e^-z`` along ``dim``, of z as ``dtype``.

    >>> import minigrad as mg
    >>> softmin(mg.tensor([0.0, 0.0]), 0)
    tensor([0.5000, 0.5000])
    """
    return softmax(-tensor("softmin", z), dim, dtype)
