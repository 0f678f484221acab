"""What is done to all parameters of a model at once: clipping their gradients, and making one vector of them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from minigrad import kernels
from minigrad.mistakes import described
from minigrad.modes import no_grad
from minigrad.nn.module import Module
from minigrad.nn.utils import rnn as rnn
from minigrad.ops import cat, split, stack
from minigrad.ops.operands import parameter
from minigrad.ops.operands import tensor as check_tensor
from minigrad.tensor import Tensor

Parameters = Tensor | Iterable[Tensor]


def clip_grad_norm_(
    parameters: Parameters, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False
) -> Tensor:
    """Scale all gradients, in place, so that their norm together is at most ``max_norm``; return what it was.

    ``dp = dp min(1, max_norm / (norm + 1e-6))``, with the norm of all gradients as one long vector. It bounds a
    step without turning it (Pascanu, Mikolov and Bengio, On the difficulty of training recurrent neural networks,
    2013).

    Args:
        parameters: tensors, usually ``model.parameters()``; those without a gradient are passed over.
        max_norm: at least 0.
        norm_type: p of the norm; ``float("inf")`` for the largest absolute value.
        error_if_nonfinite: refuse a norm that is NaN or infinite, which otherwise spoils all gradients.

    Raises:
        RuntimeError: the norm is not finite, and ``error_if_nonfinite``. No gradient has been changed then.
        ValueError: a negative ``max_norm``.

    >>> import minigrad as mg
    >>> p = mg.zeros(2, requires_grad=True)
    >>> p.grad = mg.tensor([3.0, 4.0])
    >>> clip_grad_norm_([p], max_norm=1.0), p.grad
    (tensor(5.), tensor([0.6000, 0.8000]))
    """
    gradients = _gradients("clip_grad_norm_", parameters)
    limit = parameter("clip_grad_norm_", "max_norm", max_norm)
    if not limit >= 0:
        raise ValueError(f"clip_grad_norm_: max_norm must not be negative, got {max_norm}")
    p = parameter("clip_grad_norm_", "norm_type", float(norm_type))
    if not gradients:
        return Tensor.of(np.zeros((), np.float32))
    with no_grad():
        total = stack([g.detach().norm(p) for g in gradients]).norm(p)
        if error_if_nonfinite and not math.isfinite(total.item()):
            raise RuntimeError(
                f"clip_grad_norm_: the norm of the gradients is {total.item()}, and so they cannot be clipped; "
                "error_if_nonfinite=False clips them anyway"
            )
        scale = (limit / (total + 1e-6)).clamp(max=1.0)  # NaN spoils them, as in PyTorch
        for g in gradients:
            _write(g, (g.detach() * scale).array)
    return total


def clip_grad_value_(parameters: Parameters, clip_value: float) -> None:
    """Bring every element of every gradient, in place, between ``-clip_value`` and ``clip_value``.

    Raises ValueError for a negative ``clip_value``.

    >>> import minigrad as mg
    >>> p = mg.zeros(3, requires_grad=True)
    >>> p.grad = mg.tensor([-3.0, 0.5, 4.0])
    >>> clip_grad_value_([p], 1.0)
    >>> p.grad.tolist()
    [-1.0, 0.5, 1.0]
    """
    limit = parameter("clip_grad_value_", "clip_value", clip_value)
    if not limit >= 0:
        raise ValueError(f"clip_grad_value_: clip_value must not be negative, got {clip_value}")
    for g in _gradients("clip_grad_value_", parameters):
        _write(g, g.detach().clamp(-limit, limit).array)


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """The elements of all parameters, one after another.

    >>> import minigrad as mg
    >>> parameters_to_vector([mg.zeros(2, 2), mg.ones(3)])
    tensor([0., 0., 0., 0., 1., 1., 1.])
    """
    return cat([p.reshape(-1) for p in _listed("parameters_to_vector", parameters)])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Copy the elements of a vector into the parameters, in place, one after another.

    Raises ValueError, and copies nothing, unless there are as many elements.

    >>> import minigrad as mg
    >>> p, q = mg.zeros(2), mg.zeros(1)
    >>> vector_to_parameters(mg.tensor([1.0, 2.0, 3.0]), [p, q])
    >>> p, q
    (tensor([1., 2.]), tensor([3.]))
    """
    tensors = _listed("vector_to_parameters", parameters)
    count = sum(p.numel() for p in tensors)
    if check_tensor("vector_to_parameters", vec).shape != (count,):
        raise ValueError(f"vector_to_parameters: the vector must have {count} elements, it has shape {vec.shape}")
    for p, part in zip(tensors, split(vec.detach(), [p.numel() for p in tensors]), strict=True):
        _write(p, part.reshape(p.shape).array)


def _listed(name: str, parameters: Any) -> list[Tensor]:
    if isinstance(parameters, Module):
        raise TypeError(f"{name}() expects tensors, not {described(parameters)}: use model.parameters()")
    return [check_tensor(name, p) for p in ([parameters] if isinstance(parameters, Tensor) else parameters)]


def _gradients(name: str, parameters: Any) -> list[Tensor]:
    """The gradients there are; empty ones have no largest element, and nothing to clip."""
    return [p.grad for p in _listed(name, parameters) if p.grad is not None and p.numel()]


def _write(t: Tensor, values: Any) -> None:
    kernels.write(t.array, values)
    t.touch()
