"""Poolings and upsampling as modules, without parameters. The functions are in ``functional/``."""

from __future__ import annotations

from typing import Any

from minigrad.nn import functional as F
from minigrad.nn.functional.convolution import Several
from minigrad.nn.functional.pooling import Pooled, Sizes, check_divisor, pool_windows
from minigrad.nn.functional.resampling import MODES
from minigrad.nn.module import Module
from minigrad.tensor import Tensor

__all__ = ["AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveMaxPool1d", "AdaptiveMaxPool2d"]
__all__ += ["AvgPool1d", "AvgPool2d", "MaxPool1d", "MaxPool2d", "Upsample"]

# -- windows of one size --------------------------------------------------------------------------------------


class MaxPool(Module):
    """The largest element of each window; see :func:`~minigrad.nn.functional.max_pool2d` for the arguments."""

    dims: int  # of space

    def __init__(
        self,
        kernel_size: Several,
        stride: Several | None = None,
        padding: Several = 0,
        dilation: Several = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        pool_windows(type(self).__name__, self.dims, kernel_size, stride, padding, dilation)
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.dilation = padding, dilation
        self.return_indices, self.ceil_mode = return_indices, ceil_mode

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(MaxPool):
    """The largest element of each window: ``(B, C, L) -> (B, C, L')``.

    >>> import minigrad as mg
    >>> MaxPool1d(2)(mg.tensor([[1.0, 5.0, 2.0, 3.0]]))
    tensor([[5., 3.]])
    """

    dims = 1

    def forward(self, input: Tensor) -> Pooled:
        return F.max_pool1d(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices
        )


class MaxPool2d(MaxPool):
    """The largest element of each window: ``(B, C, H, W) -> (B, C, H', W')``.

    Raises ValueError in ``forward`` for windows that do not fit.

    >>> import minigrad as mg
    >>> MaxPool2d(2)(mg.zeros(2, 32, 28, 28)).shape
    (2, 32, 14, 14)
    """

    dims = 2

    def forward(self, input: Tensor) -> Pooled:
        return F.max_pool2d(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices
        )


class AvgPool1d(Module):
    """The mean of each window: ``(B, C, L) -> (B, C, L')``; see :func:`~minigrad.nn.functional.avg_pool1d`.

    >>> import minigrad as mg
    >>> AvgPool1d(2)(mg.tensor([[1.0, 5.0, 2.0, 4.0]]))
    tensor([[3., 3.]])
    """

    def __init__(
        self,
        kernel_size: Several,
        stride: Several | None = None,
        padding: Several = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride, self.padding, _ = pool_windows("AvgPool1d", 1, kernel_size, stride, padding)
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool1d(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad
        )

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool2d(Module):
    """The mean of each window: ``(B, C, H, W) -> (B, C, H', W')``; see :func:`~minigrad.nn.functional.avg_pool2d`.

    Raises ValueError in ``forward`` for windows that do not fit.

    >>> import minigrad as mg
    >>> AvgPool2d(3, stride=2, padding=1)(mg.zeros(2, 32, 28, 28)).shape
    (2, 32, 14, 14)
    """

    def __init__(
        self,
        kernel_size: Several,
        stride: Several | None = None,
        padding: Several = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        pool_windows("AvgPool2d", 2, kernel_size, stride, padding)
        check_divisor("AvgPool2d", divisor_override)
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.ceil_mode = padding, ceil_mode
        self.count_include_pad, self.divisor_override = count_include_pad, divisor_override

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool2d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


# -- so many windows ------------------------------------------------------------------------------------------


class AdaptiveAvgPool(Module):
    """The mean of each of so many windows; see :func:`~minigrad.nn.functional.adaptive_avg_pool2d`."""

    def __init__(self, output_size: Sizes) -> None:
        super().__init__()
        self.output_size = output_size

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(AdaptiveAvgPool):
    """The mean of each of so many windows: ``(B, C, L) -> (B, C, output_size)``."""

    def forward(self, input: Tensor) -> Tensor:
        return F.adaptive_avg_pool1d(input, self.output_size)


class AdaptiveAvgPool2d(AdaptiveAvgPool):
    """The mean of each of so many windows: ``(B, C, H, W) -> (B, C, *output_size)``.

    >>> import minigrad as mg
    >>> AdaptiveAvgPool2d(1)(mg.zeros(64, 32, 7, 5)).shape
    (64, 32, 1, 1)
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.adaptive_avg_pool2d(input, self.output_size)


class AdaptiveMaxPool(Module):
    """The largest of each of so many windows; see :func:`~minigrad.nn.functional.adaptive_max_pool2d`."""

    def __init__(self, output_size: Sizes, return_indices: bool = False) -> None:
        super().__init__()
        self.output_size, self.return_indices = output_size, return_indices

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveMaxPool1d(AdaptiveMaxPool):
    """The largest of each of so many windows: ``(B, C, L) -> (B, C, output_size)``."""

    def forward(self, input: Tensor) -> Pooled:
        return F.adaptive_max_pool1d(input, self.output_size, self.return_indices)


class AdaptiveMaxPool2d(AdaptiveMaxPool):
    """The largest of each of so many windows: ``(B, C, H, W) -> (B, C, *output_size)``."""

    def forward(self, input: Tensor) -> Pooled:
        return F.adaptive_max_pool2d(input, self.output_size, self.return_indices)


# -- between elements -----------------------------------------------------------------------------------------


class Upsample(Module):
    """Images, or rows, of another size; see :func:`~minigrad.nn.functional.interpolate` for the arguments.

    >>> import minigrad as mg
    >>> Upsample(scale_factor=2, mode="bilinear")(mg.zeros(2, 3, 7, 7)).shape
    (2, 3, 14, 14)
    """

    def __init__(
        self,
        size: Several | None = None,
        scale_factor: float | tuple[float, ...] | None = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:
        super().__init__()
        if (size is None) == (scale_factor is None):
            raise ValueError(f"Upsample: takes either size or scale_factor, got {size!r} and {scale_factor!r}")
        if mode not in MODES:
            raise ValueError(f"Upsample: there is no mode {mode!r}: use {', '.join(map(repr, MODES))}")
        self.size, self.mode, self.align_corners = size, mode, align_corners
        several = isinstance(scale_factor, (tuple, list))
        factor: Any = scale_factor
        self.scale_factor = tuple(map(float, factor)) if several else float(factor) if factor else factor
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, input: Tensor) -> Tensor:
        return F.interpolate(
            input, self.size, self.scale_factor, self.mode, self.align_corners, self.recompute_scale_factor
        )

    def extra_repr(self) -> str:
        what = f"size={self.size}" if self.scale_factor is None else f"scale_factor={self.scale_factor}"
        return f"{what}, mode={self.mode!r}"
