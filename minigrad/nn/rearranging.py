"""Layers that put elements in other places, without parameters: borders, pixels, windows as columns and back."""

from __future__ import annotations

import sys

from minigrad.nn import functional as F
from minigrad.nn.functional.convolution import Several
from minigrad.nn.functional.resampling import check_factor
from minigrad.nn.functional.space import for_each_dim, windows_along
from minigrad.nn.module import Module
from minigrad.ops.operands import parameter
from minigrad.tensor import Tensor

__all__ = ["CircularPad1d", "CircularPad2d", "ConstantPad1d", "ConstantPad2d", "Fold"]
__all__ += ["PixelShuffle", "PixelUnshuffle", "ReflectionPad1d", "ReflectionPad2d"]
__all__ += ["ReplicationPad1d", "ReplicationPad2d", "Unfold", "ZeroPad1d", "ZeroPad2d"]

# -- borders --------------------------------------------------------------------------------------------------


class Pad(Module):
    """A border of as many elements on every side, or of (left, right, top, bottom); see :func:`mg.pad`."""

    dims: int  # of space
    mode = "constant"
    value: float | None = None

    def __init__(self, padding: Several) -> None:
        super().__init__()
        self.padding = for_each_dim(type(self).__name__, "padding", padding, 2 * self.dims, -sys.maxsize)

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, self.mode, self.value)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ConstantPad(Pad):
    """A border of a ``value``."""

    def __init__(self, padding: Several, value: float) -> None:
        super().__init__(padding)
        parameter(type(self).__name__, "value", value)
        self.value = value

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(ConstantPad):
    """A border of a ``value``, around (B, C, L)."""

    dims = 1


class ConstantPad2d(ConstantPad):
    """A border of a ``value``, around (B, C, H, W)."""

    dims = 2


class ZeroPad1d(Pad):
    """A border of zeros, around (B, C, L)."""

    dims = 1


class ZeroPad2d(Pad):
    """A border of zeros, around (B, C, H, W): a width for every side, or (left, right, top, bottom).

    A negative width takes elements away. Raises ValueError for another number of widths.

    >>> import minigrad as mg
    >>> ZeroPad2d((1, 0, 0, 1))(mg.tensor([[[1.0, 2.0]]]))
    tensor([[[0., 1., 2.],
             [0., 0., 0.]]])
    """

    dims = 2


class ReflectionPad1d(Pad):
    """A border that mirrors x at its first and last element, around (B, C, L)."""

    dims, mode = 1, "reflect"


class ReflectionPad2d(Pad):
    """A border that mirrors x at its outermost elements, around (B, C, H, W)."""

    dims, mode = 2, "reflect"


class ReplicationPad1d(Pad):
    """A border of the first and the last element, around (B, C, L)."""

    dims, mode = 1, "replicate"


class ReplicationPad2d(Pad):
    """A border of the outermost elements, around (B, C, H, W)."""

    dims, mode = 2, "replicate"


class CircularPad1d(Pad):
    """A border of what stands at the other end, around (B, C, L)."""

    dims, mode = 1, "circular"


class CircularPad2d(Pad):
    """A border of what stands at the other end, around (B, C, H, W)."""

    dims, mode = 2, "circular"


# -- pixels ---------------------------------------------------------------------------------------------------


class PixelShuffle(Module):
    """Channels as pixels, ``(B, C r^2, H, W) -> (B, C, H r, W r)``, r the ``upscale_factor``.

    See :func:`~minigrad.nn.functional.pixel_shuffle`.
    """

    def __init__(self, upscale_factor: int) -> None:
        super().__init__()
        check_factor(type(self).__name__, upscale_factor)
        self.upscale_factor = upscale_factor

    def forward(self, input: Tensor) -> Tensor:
        return F.pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self) -> str:
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """Pixels as channels, ``(B, C, H r, W r) -> (B, C r^2, H, W)``, r the ``downscale_factor``.

    See :func:`~minigrad.nn.functional.pixel_unshuffle`.
    """

    def __init__(self, downscale_factor: int) -> None:
        super().__init__()
        check_factor(type(self).__name__, downscale_factor)
        self.downscale_factor = downscale_factor

    def forward(self, input: Tensor) -> Tensor:
        return F.pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self) -> str:
        return f"downscale_factor={self.downscale_factor}"


# -- windows --------------------------------------------------------------------------------------------------


class Unfold(Module):
    """Every window of an image as a column; see :func:`~minigrad.nn.functional.unfold`.

    >>> import minigrad as mg
    >>> Unfold(3, padding=1)(mg.zeros(2, 4, 8, 8)).shape
    (2, 36, 64)
    """

    def __init__(
        self, kernel_size: Several, dilation: Several = 1, padding: Several = 0, stride: Several = 1
    ) -> None:
        super().__init__()
        windows_along(type(self).__name__, 2, kernel_size, stride, padding, dilation)
        self.kernel_size, self.dilation, self.padding, self.stride = kernel_size, dilation, padding, stride

    def forward(self, input: Tensor) -> Tensor:
        return F.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, dilation={self.dilation}, padding={self.padding}, "
            f"stride={self.stride}"
        )


class Fold(Unfold):
    """The windows of an image, given as columns, put in their places and added; see
    :func:`~minigrad.nn.functional.fold`.

    >>> import minigrad as mg
    >>> Fold((8, 8), 3, padding=1)(mg.zeros(2, 36, 64)).shape
    (2, 4, 8, 8)
    """

    def __init__(
        self,
        output_size: Several,
        kernel_size: Several,
        dilation: Several = 1,
        padding: Several = 0,
        stride: Several = 1,
    ) -> None:
        super().__init__(kernel_size, dilation, padding, stride)
        for_each_dim("Fold", "output_size", output_size, 2, 1)
        self.output_size = output_size

    def forward(self, input: Tensor) -> Tensor:
        return F.fold(input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}, {super().extra_repr()}"
