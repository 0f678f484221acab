"""Norm layers: modules with the weight, the bias and the running statistics of ``functional/normalisation.py``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minigrad.conversion import Device
from minigrad.creation import ones, tensor, zeros
from minigrad.dtypes import int64
from minigrad.modes import no_grad
from minigrad.nn import functional as F
from minigrad.nn import init
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.ops.operands import at_most_one, not_below_zero, sizes
from minigrad.ops.operands import tensor as check_tensor
from minigrad.tensor import Tensor

__all__ = ["BatchNorm1d", "BatchNorm2d", "GroupNorm", "InstanceNorm1d", "InstanceNorm2d", "LayerNorm", "RMSNorm"]

# -- with running statistics ----------------------------------------------------------------------------------


class RunningNorm(Module):
    """What batch and instance norms share: parameters and statistics, a number for each channel.

    Args:
        num_features: C, how many channels.
        eps: what keeps the root of the variance away from 0.
        momentum: how much a batch moves the running statistics.
        affine: whether there are a weight and a bias.
        track_running_stats: whether there are running statistics, which ``eval()`` then uses.
        device: of the parameters, ``"cpu"`` or such as ``"cuda"``.
        dtype: float32, or ``mg.float64``.

    Attributes:
        weight, bias: (C,), at first 1 and 0, or None.
        running_mean, running_var: buffers (C,), at first 0 and 1, or None.
        num_batches_tracked: a buffer, how many batches have moved them, or None.
    """

    shapes: tuple[str, ...]  # that forward takes, by the letters of their sizes
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(
        self,
        num_features: int,
        eps: float,
        momentum: float | None,
        affine: bool,
        track_running_stats: bool,
        device: Device,
        dtype: Any,
    ) -> None:
        super().__init__()
        (self.num_features,) = _positive(type(self).__name__, num_features)
        not_below_zero(type(self).__name__, "eps", eps)
        if momentum is not None:
            at_most_one(type(self).__name__, "momentum", momentum)
        self.eps, self.momentum = eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        self.weight = Parameter(ones(num_features, device=device, dtype=dtype)) if affine else None
        self.bias = Parameter(zeros(num_features, device=device, dtype=dtype)) if affine else None
        tracked = track_running_stats
        self.register_buffer("running_mean", zeros(num_features, device=device, dtype=dtype) if tracked else None)
        self.register_buffer("running_var", ones(num_features, device=device, dtype=dtype) if tracked else None)
        self.register_buffer("num_batches_tracked", tensor(0, device=device, dtype=int64) if tracked else None)

    def reset_running_stats(self) -> None:
        """Forget the batches that were seen."""
        if self.running_mean is not None and self.running_var is not None and self.num_batches_tracked is not None:
            init.zeros_(self.running_mean)
            init.ones_(self.running_var)
            with no_grad():
                self.num_batches_tracked.zero_()

    def reset_parameters(self) -> None:
        """Give parameters and statistics their first values again."""
        self.reset_running_stats()
        _reset(self.weight, self.bias)

    def _check(self, x: Tensor) -> None:
        shape = check_tensor(type(self).__name__, x).shape
        fits = [letters for letters in self.shapes if len(letters) == len(shape)]
        if not fits or shape[fits[0].index("C")] != self.num_features:
            wanted = " or ".join(f"({', '.join(letters)})" for letters in self.shapes)
            raise ValueError(
                f"{type(self).__name__}: expects x {wanted} with C = {self.num_features}, got {shape}"
            )

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"track_running_stats={self.track_running_stats}"
        )


class BatchNorm(RunningNorm):
    """Batch norm; see :func:`~minigrad.nn.functional.batch_norm` for the formula, and below for the shapes."""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Device = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype)

    def forward(self, x: Tensor) -> Tensor:
        self._check(x)
        mean, var, count = self.running_mean, self.running_var, self.num_batches_tracked
        momentum = self.momentum
        if momentum is None:  # the plain average of all batches
            momentum = 1 / (count.item() + 1) if count is not None else 0.0
        training = self.training or mean is None
        y = F.batch_norm(x, mean, var, self.weight, self.bias, training, momentum, self.eps)
        if self.training and count is not None:
            with no_grad():
                count.add_(1)
        return y


class BatchNorm1d(BatchNorm):
    """Batch norm of (N, C) or (N, C, L): ``y = w (x - mean) / (var + eps)^(1/2) + b`` for each channel.

    In training, mean and variance are those of the batch, and the running ones move towards them; with a
    ``momentum`` of None these are the plain average of all batches. ``eval()`` uses the running ones.

    Raises:
        ValueError: a size below 1; in ``forward``, an x of another shape, or one value per channel in training.
        TypeError: in ``forward``, an x of another dtype. After an error, no statistic has changed.

    >>> import minigrad as mg
    >>> norm = BatchNorm1d(2)
    >>> norm(mg.tensor([[1.0, 10.0], [3.0, 30.0]])).detach()
    tensor([[-1.0000, -1.0000],
            [ 1.0000,  1.0000]])
    >>> norm.running_mean, norm.num_batches_tracked
    (tensor([0.2000, 2.0000]), tensor(1))
    """

    shapes = ("NC", "NCL")


class BatchNorm2d(BatchNorm):
    """:class:`BatchNorm1d` for images, (N, C, H, W)."""

    shapes = ("NCHW",)


class InstanceNorm(RunningNorm):
    """Instance norm; see :func:`~minigrad.nn.functional.instance_norm` for the formula."""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Device = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype)
        self.momentum: float = momentum

    def forward(self, x: Tensor) -> Tensor:
        self._check(x)
        batch = x if x.ndim == len(self.shapes[-1]) else x.unsqueeze(0)
        mean, var = self.running_mean, self.running_var
        own = self.training or mean is None
        y = F.instance_norm(batch, mean, var, self.weight, self.bias, own, self.momentum, self.eps)
        return y if batch is x else y.squeeze(0)


class InstanceNorm1d(InstanceNorm):
    """Instance norm of (N, C, L) or (C, L): each channel of each example by itself.

    There are a weight and a bias only with ``affine``, and running statistics, for ``eval()``, only with
    ``track_running_stats``. ``num_batches_tracked`` stays 0, as in PyTorch.

    Raises:
        ValueError: a size below 1; in ``forward``, an x of another shape, or one value per channel.
        TypeError: in ``forward``, an x of another dtype. After an error, no statistic has changed.

    >>> import minigrad as mg
    >>> InstanceNorm1d(2)(mg.tensor([[1.0, 3.0], [10.0, 30.0]]))
    tensor([[-1.0000,  1.0000],
            [-1.0000,  1.0000]])
    """

    shapes = ("CL", "NCL")


class InstanceNorm2d(InstanceNorm):
    """:class:`InstanceNorm1d` for images, (N, C, H, W) or (C, H, W)."""

    shapes = ("CHW", "NCHW")


# -- within an example ----------------------------------------------------------------------------------------


class LayerNorm(Module):
    """Layer norm over the last dims: ``y = w (x - mean) / (var + eps)^(1/2) + b``.

    Args:
        normalized_shape: the sizes of these dims; an int for the last one.
        eps: what keeps the root away from 0.
        elementwise_affine: whether there are a weight and a bias.
        bias: whether there is a bias, if there is a weight.
        device: of the parameters, ``"cpu"`` or such as ``"cuda"``.
        dtype: float32, or ``mg.float64``.

    Attributes:
        weight, bias: of the ``normalized_shape``, at first 1 and 0, or None.

    Raises:
        ValueError: a size below 1; in ``forward``, an x that does not end in these sizes.
        TypeError: in ``forward``, an x of another dtype.

    >>> import minigrad as mg
    >>> LayerNorm(2)(mg.tensor([[1.0, 3.0], [5.0, -5.0]])).detach()
    tensor([[-1.0000,  1.0000],
            [ 1.0000, -1.0000]])
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Device = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _positive("LayerNorm", normalized_shape)
        not_below_zero("LayerNorm", "eps", eps)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        shape = self.normalized_shape
        self.weight = Parameter(ones(shape, device=device, dtype=dtype)) if elementwise_affine else None
        self.bias = Parameter(zeros(shape, device=device, dtype=dtype)) if elementwise_affine and bias else None

    def reset_parameters(self) -> None:
        """Give the parameters their first values again."""
        _reset(self.weight, self.bias)

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class RMSNorm(Module):
    """Norm by the root of the mean square over the last dims: ``y = w x / (mean x^2 + eps)^(1/2)``.

    It has the arguments and errors of :class:`LayerNorm`, but no bias. Without ``eps`` it is the spacing of the
    dtype's numbers at 1.

    >>> import minigrad as mg
    >>> RMSNorm(2)(mg.tensor([[3.0, 3.0], [1.0, -7.0]])).detach()
    tensor([[ 1.0000,  1.0000],
            [ 0.2000, -1.4000]])
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: Device = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _positive("RMSNorm", normalized_shape)
        if eps is not None:
            not_below_zero("RMSNorm", "eps", eps)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        self.weight = (
            Parameter(ones(self.normalized_shape, device=device, dtype=dtype)) if elementwise_affine else None
        )

    def reset_parameters(self) -> None:
        """Give the weight its first values again."""
        _reset(self.weight, None)

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class GroupNorm(Module):
    """Group norm of (N, C, ...): the channels of each example in ``num_groups`` groups of neighbours.

    Args:
        num_groups: how many groups; they divide C.
        num_channels: C.
        eps: what keeps the root away from 0.
        affine: whether there are a weight and a bias.
        device: of the parameters, ``"cpu"`` or such as ``"cuda"``.
        dtype: float32, or ``mg.float64``.

    Attributes:
        weight, bias: (C,), at first 1 and 0, or None.

    Raises:
        ValueError: sizes below 1, groups that do not divide C; in ``forward``, an x of other channels.
        TypeError: in ``forward``, an x of another dtype.

    >>> import minigrad as mg
    >>> GroupNorm(2, 4)(mg.tensor([[1.0, 3.0, 50.0, 70.0]])).detach()
    tensor([[-1.0000,  1.0000, -1.0000,  1.0000]])
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: Device = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.num_groups, self.num_channels = _positive("GroupNorm", (num_groups, num_channels))
        if num_channels % num_groups:
            raise ValueError(f"GroupNorm: {num_channels} channels cannot be divided into {num_groups} groups")
        not_below_zero("GroupNorm", "eps", eps)
        self.eps, self.affine = eps, affine
        self.weight = Parameter(ones(num_channels, device=device, dtype=dtype)) if affine else None
        self.bias = Parameter(zeros(num_channels, device=device, dtype=dtype)) if affine else None

    def reset_parameters(self) -> None:
        """Give the parameters their first values again."""
        _reset(self.weight, self.bias)

    def forward(self, x: Tensor) -> Tensor:
        if check_tensor("GroupNorm", x).shape[1:2] != (self.num_channels,):
            raise ValueError(f"GroupNorm: expects x (N, C, ...) with C = {self.num_channels}, got {x.shape}")
        return F.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}"


def _positive(name: str, given: int | Sequence[int]) -> tuple[int, ...]:
    """Sizes, of which there is at least one, and none below 1."""
    found = sizes(name, (given,))
    if not found or min(found) < 1:
        raise ValueError(f"{name} needs sizes of at least 1, got {given}")
    return found


def _reset(weight: Tensor | None, bias: Tensor | None) -> None:
    if weight is not None:
        init.ones_(weight)
    if bias is not None:
        init.zeros_(bias)
