"""Convolutional layers: modules with the weight and the bias of ``functional/convolution.py``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from minigrad.conversion import Device
from minigrad.creation import zeros
from minigrad.nn import functional as F
from minigrad.nn import init
from minigrad.nn.functional.convolution import Several, paddings, transposed_size
from minigrad.nn.functional.space import for_each_dim, form
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.ops import pad
from minigrad.ops.operands import sizes, tensor
from minigrad.tensor import Tensor

__all__ = ["Conv1d", "Conv2d", "ConvTranspose1d", "ConvTranspose2d"]

MODES = ("zeros", "reflect", "replicate", "circular")


class Convolution(Module):
    """What all share: numbers for each dim of space, a weight, a bias, and the check of an input."""

    dims: int  # of space

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Several,
        stride: Several,
        dilation: Several,
        groups: int,
        bias: bool,
        padding_mode: str,
        device: Device,
        dtype: Any,
        *,
        transposed: bool = False,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        self.in_channels, self.out_channels, self.groups = sizes(name, (in_channels, out_channels, groups))
        if min(in_channels, out_channels, groups) < 1:
            raise ValueError(f"{name} needs sizes of at least 1, got {(in_channels, out_channels, groups)}")
        if in_channels % groups or out_channels % groups:
            raise ValueError(
                f"{name}: {in_channels} and {out_channels} channels cannot be divided into {groups} groups"
            )
        if not isinstance(bias, bool):
            raise TypeError(f"{name}: bias must be True or False, got {bias!r}")
        if padding_mode not in MODES:
            raise ValueError(
                f"{name}: there is no padding_mode {padding_mode!r}: use {', '.join(map(repr, MODES))}"
            )
        self.padding_mode = padding_mode
        self.kernel_size = for_each_dim(name, "kernel_size", kernel_size, self.dims, 1)
        self.stride = for_each_dim(name, "stride", stride, self.dims, 1)
        self.dilation = for_each_dim(name, "dilation", dilation, self.dims, 1)
        first, second = (in_channels, out_channels) if transposed else (out_channels, in_channels)
        self.weight = Parameter(zeros(first, second // groups, *self.kernel_size, device=device, dtype=dtype))
        self.bias = Parameter(zeros(out_channels, device=device, dtype=dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))  # a bound of 1 / sqrt(fan in)
        if self.bias is not None:
            bound = 1 / math.sqrt(math.prod(self.weight.shape[1:]))
            init.uniform_(self.bias, -bound, bound)

    def _check(self, x: Tensor) -> None:
        shape, W = tensor(type(self).__name__, x).shape, self.weight
        short = f"{type(self).__name__}({self.in_channels}, {self.out_channels})"
        if len(shape) not in (self.dims + 1, self.dims + 2) or shape[-self.dims - 1] != self.in_channels:
            raise ValueError(
                f"{short} expects x of shape {form('B', self.in_channels, dims=self.dims)}, got {shape}"
            )
        if x.dtype != W.dtype:
            raise TypeError(f"{short} has {W.dtype} weights, x is {x.dtype}: use x.to(mg.{W.dtype})")

    def _described(self, padding: str | tuple[int, ...], output_padding: tuple[int, ...]) -> str:
        """The arguments in PyTorch's words, without those that are the usual ones."""
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        usual = (0,) * self.dims
        text += f", padding={padding}" if padding != usual else ""
        text += f", dilation={self.dilation}" if self.dilation != (1,) * self.dims else ""
        text += f", output_padding={output_padding}" if output_padding != usual else ""
        text += f", groups={self.groups}" if self.groups != 1 else ""
        text += ", bias=False" if self.bias is None else ""
        return text + (f", padding_mode={self.padding_mode}" if self.padding_mode != "zeros" else "")


# -- windows to elements --------------------------------------------------------------------------------------


class Forward(Convolution):
    """A convolution with its padding; see below for the shapes."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Several,
        stride: Several = 1,
        padding: Several | str = 0,
        dilation: Several = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Device = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            in_channels, out_channels, kernel_size, stride, dilation, groups, bias, padding_mode, device, dtype
        )
        name = type(self).__name__
        self._around = paddings(name, padding, self.kernel_size, self.stride, self.dilation)
        self.padding = padding if isinstance(padding, str) else tuple(before for before, _ in self._around)

    def forward(self, x: Tensor) -> Tensor:
        self._check(x)
        function = F.conv1d if self.dims == 1 else F.conv2d
        padding: Several | str = self.padding
        if self.padding_mode != "zeros":
            x, padding = pad(x, [n for pair in reversed(self._around) for n in pair], self.padding_mode), 0
        return function(x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)

    def extra_repr(self) -> str:
        return self._described(self.padding, (0,) * self.dims)


class Conv1d(Forward):
    """:class:`Conv2d` in one dimension: ``(B, in_channels, L) -> (B, out_channels, L')``.

    >>> import minigrad as mg
    >>> Conv1d(3, 8, 5, stride=2)(mg.zeros(4, 3, 21)).shape
    (4, 8, 9)
    """

    dims = 1


class Conv2d(Forward):
    """A convolution, every window of an image times the same weight: ``(B, C, H, W) -> (B, O, H', W')``.

    ``z[o, i] = b[o] + sum W[o, c, k] x[c, i s + k d - p]``; see :func:`~minigrad.nn.functional.conv2d`.

    Args:
        in_channels: C.
        out_channels: O.
        kernel_size: of a window, a number or (rows, columns); so are stride, padding and dilation.
        stride: s, from one window to the next.
        padding: p, around the image; ``"valid"`` is none, ``"same"`` as much as keeps the size.
        dilation: d, from one element of a window to the next.
        groups: into how many parts the channels are divided.
        bias: whether there is a b.
        padding_mode: what the padding is: ``"zeros"``, or as in :func:`mg.pad` ``"reflect"``, ``"replicate"`` or
            ``"circular"``.
        device: of the parameters, ``"cpu"`` or such as ``"cuda"``.
        dtype: float32, or ``mg.float64``.

    Attributes:
        weight: W, (O, C / groups, K_h, K_w), at first uniform in +-1 / sqrt(C / groups K_h K_w), PyTorch's choice.
        bias: b, (O,), at first the same, or None.

    Raises:
        ValueError: a size below 1, groups that do not divide the channels; in ``forward``, an x that does not fit.
        TypeError: in ``forward``, an x of another dtype.

    >>> import minigrad as mg
    >>> layer = Conv2d(16, 32, 3, padding=1)
    >>> layer(mg.zeros(2, 16, 28, 28)).shape
    (2, 32, 28, 28)
    >>> layer(mg.zeros(2, 1, 28, 28))
    Traceback (most recent call last):
    ValueError: Conv2d(16, 32) expects x of shape (B, 16, H, W), got (2, 1, 28, 28)
    """

    dims = 2


# -- elements to windows --------------------------------------------------------------------------------------


class Transposed(Convolution):
    """A transposed convolution with its paddings; see below for the shapes."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Several,
        stride: Several = 1,
        padding: Several = 0,
        output_padding: Several = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Several = 1,
        padding_mode: str = "zeros",
        device: Device = None,
        dtype: Any = None,
    ) -> None:
        name = type(self).__name__
        if padding_mode != "zeros":
            raise ValueError(f"{name}: the only padding_mode is 'zeros', got {padding_mode!r}")
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            dilation,
            groups,
            bias,
            padding_mode,
            device,
            dtype,
            transposed=True,
        )
        self.padding = for_each_dim(name, "padding", padding, self.dims, 0)
        self.output_padding = for_each_dim(name, "output_padding", output_padding, self.dims, 0)

    def forward(self, x: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """``output_size``, (H', W') or the whole shape, sets the output padding for this call."""
        self._check(x)
        more = self.output_padding if output_size is None else self._up_to(x, tuple(output_size))
        function = F.conv_transpose1d if self.dims == 1 else F.conv_transpose2d
        return function(x, self.weight, self.bias, self.stride, self.padding, more, self.groups, self.dilation)

    def _up_to(self, x: Tensor, output_size: tuple[int, ...]) -> tuple[int, ...]:
        none = (0,) * self.dims
        least = transposed_size(
            x.shape[-self.dims :], self.kernel_size, self.stride, self.padding, self.dilation, none
        )
        wanted = output_size[-self.dims :]
        more = tuple(n - m for n, m in zip(wanted, least, strict=False))
        if len(output_size) not in (self.dims, x.ndim) or any(
            not 0 <= n < s for n, s in zip(more, self.stride, strict=True)
        ):
            most = tuple(m + s - 1 for m, s in zip(least, self.stride, strict=True))
            raise ValueError(
                f"{type(self).__name__}: an output_size of {output_size} for x {x.shape}: "
                f"it can be from {least} to {most}"
            )
        return more

    def extra_repr(self) -> str:
        return self._described(self.padding, self.output_padding)


class ConvTranspose1d(Transposed):
    """:class:`ConvTranspose2d` in one dimension: ``(B, in_channels, L) -> (B, out_channels, L')``.

    >>> import minigrad as mg
    >>> ConvTranspose1d(3, 8, 4, stride=2)(mg.zeros(4, 3, 9)).shape
    (4, 8, 20)
    """

    dims = 1


class ConvTranspose2d(Transposed):
    """A transposed convolution, every element as a window times the weight: ``(B, C, H, W) -> (B, O, H', W')``.

    It does to x what the gradient of a :class:`Conv2d` does to dz, so with a stride it makes images larger; see
    :func:`~minigrad.nn.functional.conv_transpose2d`.

    Args:
        in_channels: C.
        out_channels: O.
        kernel_size, stride, dilation, groups, bias, device, dtype: as for :class:`Conv2d`.
        padding: rows and columns to leave out on each side.
        output_padding: further ones at the end, below the stride or the dilation.
        padding_mode: ``"zeros"``.

    Attributes:
        weight: W, (C, O / groups, K_h, K_w), at first uniform in +-1 / sqrt(O / groups K_h K_w), PyTorch's choice.
        bias: b, (O,), at first the same, or None.

    Raises:
        ValueError: as for :class:`Conv2d`; in ``forward``, an ``output_size`` that cannot be.
        TypeError: in ``forward``, an x of another dtype.

    >>> import minigrad as mg
    >>> layer = ConvTranspose2d(8, 3, 3, stride=2, padding=1)
    >>> x = mg.zeros(2, 8, 7, 7)
    >>> layer(x).shape, layer(x, output_size=(14, 14)).shape
    ((2, 3, 13, 13), (2, 3, 14, 14))
    """

    dims = 2
