"""Norm layers as functions: numbers brought to mean 0 and variance 1, then scaled and shifted.

=================  ==============================================================================================
batch_norm         each channel, over the batch; when not training, with the statistics of the training
instance_norm      each channel of each example
group_norm         each group of channels of each example
layer_norm         each example, or its last dims
rms_norm           the same without the mean: divided by the root of the mean square alone
=================  ==============================================================================================

Each is one node, ``Normalise``, with weight and bias as inputs; but ``rms_norm`` is made of ordinary operations.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import ModuleType

import numpy as np

from minigrad import kernels
from minigrad.creation import ones_like
from minigrad.graph import record
from minigrad.kernels import Array
from minigrad.modes import current_mode, no_grad
from minigrad.ops import rsqrt
from minigrad.ops.in_place import check_changeable
from minigrad.ops.linear_algebra import one_dtype
from minigrad.ops.normalisation import Normalise, NormaliseBy, one, zero
from minigrad.ops.operands import at_most_one, not_below_zero, only_floats, sizes, tensor
from minigrad.tensor import Tensor

__all__ = ["batch_norm", "group_norm", "instance_norm", "layer_norm", "rms_norm"]

# -- over the batch -------------------------------------------------------------------------------------------


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Batch norm of each channel: ``y = w (x - mean) / (var + eps)^(1/2) + b``.

    Args:
        input: x of C channels, (N, C) or (N, C, d1, ...).
        running_mean, running_var: the statistics used when not training, (C,) each, as constants. Training moves
            them, in place: ``running = (1 - momentum) running + momentum observed``, the variance unbiased.
        weight, bias: w and b, (C,) each; None is 1 and 0.
        training: use the mean and the biased variance of this batch, over all dims but the second.
        momentum: how much a batch moves the running statistics.
        eps: what keeps the root away from 0.

    Source: Ioffe and Szegedy, Batch normalization, 2015.

    Raises:
        TypeError: x is not of floats, or the dtypes differ.
        ValueError: a shape that is not (C,), one value per channel in training, or no statistics otherwise.

    >>> import minigrad as mg
    >>> x = mg.tensor([[1.0, 10.0], [3.0, 30.0]])
    >>> mean, var = mg.zeros(2), mg.ones(2)
    >>> batch_norm(x, mean, var, training=True)
    tensor([[-1.0000, -1.0000],
            [ 1.0000,  1.0000]])
    >>> mean, var
    (tensor([0.2000, 2.0000]), tensor([ 1.1000, 20.9000]))
    """
    name = "batch_norm"
    x = only_floats(name, tensor(name, input))
    momentum, eps = at_most_one(name, "momentum", momentum), not_below_zero(name, "eps", eps)
    channels = _channels(name, x)
    _check_vectors(name, x, channels, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    running = _running(name, running_mean, running_var)
    if not training:
        if running is None:
            raise ValueError(f"{name}: without training it needs running_mean and running_var")
        m, v = (_as_it_is(t, x) for t in running)
        w = _beside_channels(ones_like(running[0]) if weight is None else weight, x)
        return record(NormaliseBy(eps), x, m, v, w, zero(x) if bias is None else _beside_channels(bias, x))
    count = x.numel() // max(channels, 1)
    _check_several(name, x, count, "channel")
    dims = (0, *range(2, x.ndim))
    if running:
        _check_changeable(name, running)
    op = Normalise(dims, eps)
    y = _normalised(op, x, weight, bias)
    if running and count:
        _move(running, *op.moments, count, momentum)
    return y


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Instance norm: :func:`batch_norm` for each example by itself, (N, C, d1, ...), with the same arguments.

    With ``use_input_stats`` the statistics are those of each channel of each example, and running ones move by
    their means over the examples; without it the running ones are used.

    Source: Ulyanov, Vedaldi and Lempitsky, Instance normalization, 2016.

    Raises:
        TypeError: x is not of floats, or the dtypes differ.
        ValueError: a shape that is not (C,), one value per channel of an example, or no statistics.

    >>> import minigrad as mg
    >>> instance_norm(mg.tensor([[[1.0, 3.0], [10.0, 10.0]]]))
    tensor([[[-1.0000,  1.0000],
             [ 0.0000,  0.0000]]])
    """
    name = "instance_norm"
    x = only_floats(name, tensor(name, input))
    momentum, eps = at_most_one(name, "momentum", momentum), not_below_zero(name, "eps", eps)
    channels = _channels(name, x)
    _check_vectors(name, x, channels, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    running = _running(name, running_mean, running_var)
    if not use_input_stats:
        return batch_norm(x, running_mean, running_var, weight, bias, eps=eps)
    count = math.prod(x.shape[2:])
    _check_several(name, x, count, "channel of an example")
    dims = tuple(range(2, x.ndim))
    if running:
        _check_changeable(name, running)
    op = Normalise(dims, eps)
    y = _normalised(op, x, weight, bias)
    if running and x.numel():
        mean, var = (Tensor.of(each).mean(0).array for each in op.moments)  # over the examples
        _move(running, mean, var, count, momentum)
    return y


# -- within an example ----------------------------------------------------------------------------------------


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Layer norm over the last dims: ``y = w (x - mean) / (var + eps)^(1/2) + b``, with the biased variance.

    Args:
        input: x, (..., *normalized_shape).
        normalized_shape: the sizes of the dims that mean and variance are taken over.
        weight, bias: w and b of that shape; None is 1 and 0.
        eps: what keeps the root away from 0.

    Source: Ba, Kiros and Hinton, Layer normalization, 2016.

    Raises:
        TypeError: x is not of floats, or the dtypes differ.
        ValueError: x does not end in that shape, or a parameter does not have it.

    >>> import minigrad as mg
    >>> layer_norm(mg.tensor([[1.0, 3.0], [5.0, -5.0]]), [2])
    tensor([[-1.0000,  1.0000],
            [ 1.0000, -1.0000]])
    """
    x, dims = _last_dims("layer_norm", input, normalized_shape, weight=weight, bias=bias)
    return _normalised(Normalise(dims, not_below_zero("layer_norm", "eps", eps)), x, weight, bias, at_end=True)


def rms_norm(
    input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None, eps: float | None = None
) -> Tensor:
    """Norm by the root of the mean square over the last dims: ``y = w x / (mean x^2 + eps)^(1/2)``.

    The arguments are those of :func:`layer_norm`. Without ``eps`` it is the spacing of the dtype's numbers at 1.

    Source: Zhang and Sennrich, Root mean square layer normalization, 2019.

    >>> import minigrad as mg
    >>> rms_norm(mg.tensor([[3.0, 3.0], [1.0, -7.0]]), [2])
    tensor([[ 1.0000,  1.0000],
            [ 0.2000, -1.4000]])
    """
    name = "rms_norm"
    x, dims = _last_dims(name, input, normalized_shape, weight=weight)
    small = float(np.finfo(x.dtype).eps) if eps is None else not_below_zero(name, "eps", eps)
    y = x * rsqrt((x * x).mean(dims, keepdim=True) + small)
    return y if weight is None else y * weight


def group_norm(
    input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """Group norm: the C channels of each example in groups of neighbours, each brought to mean 0 and variance 1.

    Args:
        input: x, (N, C, d1, ...).
        num_groups: how many groups; they divide C.
        weight, bias: w and b of each channel, (C,); None is 1 and 0.
        eps: what keeps the root away from 0.

    Source: Wu and He, Group normalization, 2018.

    Raises:
        TypeError: x is not of floats, or the dtypes differ.
        ValueError: the groups do not divide C, or a parameter is not (C,).

    >>> import minigrad as mg
    >>> group_norm(mg.tensor([[1.0, 3.0, 50.0, 70.0]]), 2)
    tensor([[-1.0000,  1.0000, -1.0000,  1.0000]])
    """
    name = "group_norm"
    x, eps = only_floats(name, tensor(name, input)), not_below_zero(name, "eps", eps)
    channels = _channels(name, x)
    (groups,) = sizes(name, (num_groups,))
    if groups < 1 or channels % groups:
        raise ValueError(f"{name}: {channels} channels cannot be divided into {groups} groups")
    _check_vectors(name, x, channels, weight=weight, bias=bias)
    own = groups, channels // groups  # (N, C, ...) -> (N, groups, C / groups, ...)
    rows = x.reshape(x.shape[0], *own, math.prod(x.shape[2:]))
    w, b = (t if t is None else t.reshape(*own, 1) for t in (weight, bias))
    return _normalised(Normalise((2, 3), eps), rows, w, b, at_end=True).reshape(x.shape)


# -- arguments ------------------------------------------------------------------------------------------------


def _channels(name: str, x: Tensor) -> int:
    if x.ndim < 2:
        raise ValueError(f"{name}: expects x of shape (N, C, ...), got {x.shape}")
    return x.shape[1]


def _check_vectors(name: str, x: Tensor, channels: int, **vectors: Tensor | None) -> None:
    """Raise unless each vector that is given has an element for each channel, of the dtype of ``x``."""
    for what, vector in vectors.items():
        if vector is None:
            continue
        if tensor(name, vector).shape != (channels,):
            raise ValueError(f"{name}: x {x.shape} needs {what} of shape ({channels},), got {vector.shape}")
        one_dtype(name, x, vector)


def _check_several(name: str, x: Tensor, count: int, what: str) -> None:
    """Raise ValueError for a single value; of none there is nothing to normalise, as in an empty batch."""
    if count == 1:
        raise ValueError(
            f"{name}: x {x.shape} has one value for each {what}, which has no variance: use more, "
            "or eval() to use the running statistics"
        )


def _running(name: str, mean: Tensor | None, var: Tensor | None) -> tuple[Tensor, Tensor] | None:
    if mean is None and var is None:
        return None
    if mean is None or var is None:
        raise ValueError(f"{name}: running_mean and running_var come together, one of them is None")
    return mean, var


def _last_dims(
    name: str, input: Tensor, normalized_shape: Sequence[int], **parameters: Tensor | None
) -> tuple[Tensor, tuple[int, ...]]:
    """``x``, checked, and its dims that ``normalized_shape`` is about."""
    x, shape = only_floats(name, tensor(name, input)), sizes(name, (normalized_shape,))
    if not shape or x.shape[-len(shape) :] != shape:
        raise ValueError(f"{name}: x {x.shape} must end in the normalized_shape {shape}")
    for what, t in parameters.items():
        if t is not None and tensor(name, t).shape != shape:
            raise ValueError(f"{name}: {what} must have the normalized_shape {shape}, got {t.shape}")
        if t is not None:
            one_dtype(name, x, t)
    return x, tuple(range(x.ndim - len(shape), x.ndim))


# -- weight and bias, running statistics ----------------------------------------------------------------------


def _normalised(
    op: Normalise, x: Tensor, weight: Tensor | None, bias: Tensor | None, *, at_end: bool = False
) -> Tensor:
    """``w x_hat + b``, of channels or, ``at_end``, of the last dims."""
    if not at_end:
        weight, bias = (t if t is None else _beside_channels(t, x) for t in (weight, bias))
    return record(op, x, one(x) if weight is None else weight, zero(x) if bias is None else bias)


def _beside_channels(vector: Tensor, x: Tensor) -> Tensor:
    """(C,) as (C, 1, ...), so that it broadcasts with x (N, C, ...)."""
    return vector if x.ndim == 2 else vector.reshape(-1, *[1] * (x.ndim - 2))


def _as_it_is(running: Tensor, x: Tensor) -> Tensor:
    """A copy beside the channels, as training moves what the graph would keep; pictures know whose copy it is."""
    target = _target(running.array)
    copy = Tensor.of(target.reshape(target.copy(running.array), (x.shape[1], *[1] * (x.ndim - 2))))
    copy._constant = running.constant()
    return copy


def _check_changeable(name: str, running: tuple[Tensor, Tensor]) -> None:
    with no_grad():
        for each in running:
            check_changeable(name, each)


def _move(running: tuple[Tensor, Tensor], mean: Array, var: Array, count: int, momentum: float) -> None:
    """Move the running statistics towards those observed: the variance unbiased, of ``count`` values."""
    target = _target(mean)
    for each, observed, scale in zip(running, (mean, var), (1.0, count / (count - 1)), strict=True):
        target.running_step(each.array, observed, rate=momentum, scale=scale)
        each.touch()


def _target(array: Array) -> ModuleType:
    """The kernels of the device that an array is on."""
    return kernels.load(kernels.placed.get(type(array), current_mode().target))
