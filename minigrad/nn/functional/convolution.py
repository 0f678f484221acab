"""Convolutions, and windows as columns."""

from __future__ import annotations

from typing import Any

from minigrad.graph import record
from minigrad.kernels import Dims
from minigrad.kernels.windows import Windows
from minigrad.nn.functional.space import batched, for_each_dim, windows, windows_along
from minigrad.ops.convolution import (
    Col2Im,
    Conv,
    ConvTranspose,
    ConvTransposeWithoutBias,
    ConvWithoutBias,
    Im2Col,
)
from minigrad.ops.linear_algebra import one_dtype
from minigrad.ops.operands import number, tensor
from minigrad.tensor import Tensor

__all__ = ["conv1d", "conv2d", "conv_transpose1d", "conv_transpose2d", "fold", "unfold"]

Several = int | tuple[int, ...]  # a number, or one for each dim of space

# -- convolution ----------------------------------------------------------------------------------------------


def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Several = 1,
    padding: Several | str = 0,
    dilation: Several = 1,
    groups: int = 1,
) -> Tensor:
    """:func:`conv2d` in one dimension: ``(N, C, L), (O, C / groups, K), (O,) -> (N, O, L')``.

    >>> import minigrad as mg
    >>> conv1d(mg.tensor([[1.0, 2.0, 4.0, 8.0]]), mg.tensor([[[-1.0, 1.0]]]))
    tensor([[1., 2., 4.]])
    """
    return _conv("conv1d", 1, input, weight, bias, stride, padding, dilation, groups)


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Several = 1,
    padding: Several | str = 0,
    dilation: Several = 1,
    groups: int = 1,
) -> Tensor:
    """Every window of an image times the weight: ``z[o, i] = b[o] + sum W[o, c, k] x[c, i s + k d - p]``.

    Here i and k are places (row, column), s, d and p the stride, dilation and padding, and x is 0 outside.

    Args:
        input: x, (N, C, H, W), or (C, H, W) for one image.
        weight: W, (O, C / groups, K_h, K_w).
        bias: b, (O,).
        stride: from one window to the next, a number or (rows, columns); so are padding and dilation.
        padding: zeros around the image; ``"valid"`` is none, and ``"same"`` as many as give z the size of x.
        dilation: from one element of a window to the next.
        groups: into how many parts the channels are divided; each part of z is made of one part of x.

    Returns:
        z, (N, O, H', W'), with ``H' = (H + 2 p - d (K_h - 1) - 1) // s + 1``.

    Raises:
        ValueError: shapes that do not fit, a window larger than the image, ``"same"`` with a stride.
        TypeError: mixed dtypes.

    >>> import minigrad as mg
    >>> x = mg.tensor([[[0.0, 1.0, 0.0], [1.0, 5.0, 1.0], [0.0, 1.0, 0.0]]])
    >>> conv2d(x, mg.ones(1, 1, 2, 2))
    tensor([[[7., 7.],
             [7., 7.]]])
    """
    return _conv("conv2d", 2, input, weight, bias, stride, padding, dilation, groups)


def conv_transpose1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Several = 1,
    padding: Several = 0,
    output_padding: Several = 0,
    groups: int = 1,
    dilation: Several = 1,
) -> Tensor:
    """:func:`conv_transpose2d` in one dimension: ``(N, C, L), (C, O / groups, K), (O,) -> (N, O, L')``.

    >>> import minigrad as mg
    >>> conv_transpose1d(mg.tensor([[1.0, 2.0]]), mg.tensor([[[1.0, 10.0]]]), stride=2)
    tensor([[ 1., 10.,  2., 20.]])
    """
    return _transposed(
        "conv_transpose1d", 1, input, weight, bias, stride, padding, output_padding, groups, dilation
    )


def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Several = 1,
    padding: Several = 0,
    output_padding: Several = 0,
    groups: int = 1,
    dilation: Several = 1,
) -> Tensor:
    """Every element as a window, times the weight, all windows added: what :func:`conv2d` does to a gradient.

    ``y[o, j] = b[o] + sum W[c, o, k] x[c, i]`` over c, and over all i and k with ``i s + k d - p = j``.

    Args:
        input: x, (N, C, H, W), or (C, H, W) for one image.
        weight: W, (C, O / groups, K_h, K_w).
        bias: b, (O,).
        stride, dilation, groups: as for :func:`conv2d`.
        padding: rows and columns to leave out on each side of y.
        output_padding: further ones at its end, below the stride or the dilation; a :func:`conv2d` with a stride
            gives images of several sizes the same size, and this says which one to go back to.

    Returns:
        y, (N, O, H', W'), with ``H' = (H - 1) s - 2 p + d (K_h - 1) + output_padding + 1``.

    Raises:
        ValueError: shapes that do not fit, an output without elements, a padding that is too large.
        TypeError: mixed dtypes.

    Source: Dumoulin and Visin, A guide to convolution arithmetic for deep learning, 2016.

    >>> import minigrad as mg
    >>> conv_transpose2d(mg.tensor([[[1.0, 2.0]]]), mg.ones(1, 1, 2, 2))
    tensor([[[1., 3., 2.],
             [1., 3., 2.]]])
    """
    return _transposed(
        "conv_transpose2d", 2, input, weight, bias, stride, padding, output_padding, groups, dilation
    )


def _conv(
    name: str,
    dims: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Several,
    padding: Several | str,
    dilation: Several,
    groups: int,
) -> Tensor:
    x, has_batch = batched(name, input, dims)
    W = _checked_weight(name, dims, weight, groups)
    if x.shape[1] != W.shape[1] * groups:
        raise ValueError(
            f"{name}: x {x.shape} has {x.shape[1]} channels, W {W.shape} takes {W.shape[1] * groups}"
            + (f" in {groups} groups" if groups > 1 else "")
        )
    if W.shape[0] % groups:
        raise ValueError(f"{name}: the {W.shape[0]} channels of z cannot be divided into {groups} groups")
    s, d = for_each_dim(name, "stride", stride, dims, 1), for_each_dim(name, "dilation", dilation, dims, 1)
    size = W.shape[2:]
    at = windows(name, x.shape[2:], size, s, paddings(name, padding, size, s, d), d)
    op = (ConvWithoutBias if bias is None else Conv)(at, groups)
    z = record(op, x, W, *_checked_bias(name, bias, W.shape[0], x, W))
    return z if has_batch else z.squeeze(0)


def _transposed(
    name: str,
    dims: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Several,
    padding: Several,
    output_padding: Several,
    groups: int,
    dilation: Several,
) -> Tensor:
    x, has_batch = batched(name, input, dims)
    W = _checked_weight(name, dims, weight, groups)
    if x.shape[1] != W.shape[0] or W.shape[0] % groups:
        raise ValueError(
            f"{name}: x {x.shape} has {x.shape[1]} channels, W {W.shape} takes {W.shape[0]}"
            + (f", which must go in {groups} groups" if groups > 1 else "")
        )
    s, d = for_each_dim(name, "stride", stride, dims, 1), for_each_dim(name, "dilation", dilation, dims, 1)
    p = for_each_dim(name, "padding", padding, dims, 0)
    more = for_each_dim(name, "output_padding", output_padding, dims, 0)
    if any(n >= max(pair) for n, *pair in zip(more, s, d, strict=True)):
        raise ValueError(f"{name}: output_padding {output_padding!r} must be below the stride or the dilation")
    sizes = transposed_size(x.shape[2:], W.shape[2:], s, p, d, more)
    if min(sizes) < 1:
        raise ValueError(f"{name}: x {x.shape} gives an output of the size {sizes}, which has no elements")
    kind = ConvTransposeWithoutBias if bias is None else ConvTranspose
    op = kind(Windows(W.shape[2:], s, p, d, x.shape[2:]), groups, sizes)
    y = record(op, x, W, *_checked_bias(name, bias, W.shape[1] * groups, x, W))
    return y if has_batch else y.squeeze(0)


def transposed_size(sizes: Dims, kernel: Dims, stride: Dims, padding: Dims, dilation: Dims, more: Dims) -> Dims:
    """The size in space of what a transposed convolution gives."""
    numbers = zip(sizes, kernel, stride, padding, dilation, more, strict=True)
    return tuple((n - 1) * s - 2 * p + d * (k - 1) + m + 1 for n, k, s, p, d, m in numbers)


def paddings(name: str, padding: Any, kernel: Dims, stride: Dims, dilation: Dims) -> tuple[tuple[int, int], ...]:
    """(before, after) for each dim of space. Raises ValueError for an unknown word, or "same" with a stride."""
    if not isinstance(padding, str):
        return tuple((p, p) for p in for_each_dim(name, "padding", padding, len(kernel), 0))
    if padding not in ("same", "valid"):
        raise ValueError(f"{name}: there is no padding {padding!r}: use 'same', 'valid' or numbers")
    if padding == "valid":
        return ((0, 0),) * len(kernel)
    if any(s != 1 for s in stride):
        raise ValueError(f"{name}: padding 'same' keeps the size, which a stride of {stride} does not")
    around = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
    return tuple((n // 2, n - n // 2) for n in around)


def _checked_weight(name: str, dims: int, weight: Tensor, groups: int) -> Tensor:
    W = number(name, weight)
    if W.ndim != dims + 2 or min(W.shape) < 1:
        letters = ", ".join(["O", "C / groups", "K"] if dims == 1 else ["O", "C / groups", "K_h", "K_w"])
        raise ValueError(f"{name}: the weight must be ({letters}), got {W.shape}")
    if isinstance(groups, bool) or not isinstance(groups, int) or groups < 1:
        raise ValueError(f"{name}: groups must be an int of at least 1, got {groups!r}")
    return W


def _checked_bias(name: str, bias: Tensor | None, channels: int, x: Tensor, W: Tensor) -> list[Tensor]:
    """The bias, if there is one, after a check that it and the dtypes fit."""
    found = [] if bias is None else [tensor(name, bias)]
    if bias is not None and bias.shape != (channels,):
        raise ValueError(f"{name}: the bias must have the shape ({channels},), got {bias.shape}")
    one_dtype(name, x, W, *found)
    return found


# -- windows as columns ---------------------------------------------------------------------------------------


def unfold(
    input: Tensor, kernel_size: Several, dilation: Several = 1, padding: Several = 0, stride: Several = 1
) -> Tensor:
    """Every window of an image as a column: ``(N, C, H, W) -> (N, C K_h K_w, windows)``.

    With these columns a convolution is a matrix product. Arguments and errors are those of :func:`conv2d`.

    >>> import minigrad as mg
    >>> unfold(mg.tensor([[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]), 2)
    tensor([[1., 2.],
            [2., 3.],
            [4., 5.],
            [5., 6.]])
    """
    x, has_batch = batched("unfold", input, 2)
    at = _columns("unfold", x.shape[2:], kernel_size, dilation, padding, stride)
    y = record(Im2Col(at), x).flatten(-2).flatten(1, -2)  # (N, C, K_h, K_w, H', W') -> (N, C K_h K_w, H' W')
    return y if has_batch else y.squeeze(0)


def fold(
    input: Tensor,
    output_size: Several,
    kernel_size: Several,
    dilation: Several = 1,
    padding: Several = 0,
    stride: Several = 1,
) -> Tensor:
    """The windows of an image, given as columns, put in their places and added: the transpose of :func:`unfold`.

    Args:
        input: (N, C K_h K_w, windows), or without the N.
        output_size: (H, W) of the image.
        kernel_size, dilation, padding, stride: as for :func:`unfold`.

    Returns:
        (N, C, H, W).

    Raises:
        ValueError: the input is not of so many windows of that size.

    >>> import minigrad as mg
    >>> x = mg.tensor([[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]])
    >>> fold(unfold(x, 2), (2, 3), 2)
    tensor([[[ 1.,  4.,  3.],
             [ 4., 10.,  6.]]])
    """
    name = "fold"
    x, size = tensor(name, input), for_each_dim(name, "output_size", output_size, 2, 1)
    if x.ndim not in (2, 3):
        raise ValueError(f"{name}: expects x of shape (N, C K_h K_w, windows), got {x.shape}")
    at = _columns(name, size, kernel_size, dilation, padding, stride)
    rows, columns = at.size[0] * at.size[1], at.counts[0] * at.counts[1]
    if x.shape[-2] % rows or x.shape[-1] != columns:
        raise ValueError(
            f"{name}: an image of {size} has {columns} windows of {rows} elements for each channel, x is {x.shape}"
        )
    parts = x.reshape(-1, x.shape[-2] // rows, *at.size, *at.counts)
    y = record(Col2Im(at, size), parts)
    return y if x.ndim == 3 else y.squeeze(0)


def _columns(
    name: str, sizes: Dims, kernel_size: Several, dilation: Several, padding: Several, stride: Several
) -> Windows:
    size, s, p, d = windows_along(name, 2, kernel_size, stride, padding, dilation)
    return windows(name, sizes, size, s, tuple((n, n) for n in p), d)
