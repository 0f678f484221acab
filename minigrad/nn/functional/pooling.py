"""Poolings: the largest element of each window, or their mean."""

from __future__ import annotations

import functools

import numpy as np

from minigrad.graph import record
from minigrad.kernels import Array, Dims
from minigrad.kernels.windows import Spans, Windows, covering
from minigrad.nn.functional.convolution import Several
from minigrad.nn.functional.space import batched, for_each_dim, windows, windows_along
from minigrad.ops.operands import number, only_floats
from minigrad.ops.pooling import ArgMaxPool, AvgPool, MaxPool
from minigrad.tensor import Tensor

__all__ = ["adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_max_pool1d"]
__all__ += ["adaptive_max_pool2d", "avg_pool1d", "avg_pool2d", "max_pool1d", "max_pool2d"]

Pooled = Tensor | tuple[Tensor, Tensor]
Sizes = int | None | tuple[int | None, ...]

# -- windows of one size --------------------------------------------------------------------------------------


def max_pool1d(
    input: Tensor,
    kernel_size: Several,
    stride: Several | None = None,
    padding: Several = 0,
    dilation: Several = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Pooled:
    """:func:`max_pool2d` in one dimension: ``(N, C, L) -> (N, C, L')``.

    >>> import minigrad as mg
    >>> max_pool1d(mg.tensor([[1.0, 5.0, 2.0, 3.0, 9.0]]), 2)
    tensor([[5., 3.]])
    """
    return _max_pool("max_pool1d", 1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool2d(
    input: Tensor,
    kernel_size: Several,
    stride: Several | None = None,
    padding: Several = 0,
    dilation: Several = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Pooled:
    """The largest element of each window: ``y[i] = max x[i s + k d - p]`` over k.

    Args:
        input: x, (N, C, H, W), or (C, H, W) for one image.
        kernel_size: of a window, a number or (rows, columns); so are stride, padding and dilation.
        stride: from one window to the next; the size of a window, unless given.
        padding: how far the first and the last window may reach beyond the image, at most half their size.
        dilation: from one element of a window to the next.
        ceil_mode: have a further window at the end for what is left over, even if it reaches beyond.
        return_indices: give the places of the largest elements too, which count in an image row by row.

    The gradient goes to the first largest element of each window.

    Raises:
        ValueError: another number of dims, a window that does not fit, a padding that is too large.

    >>> import minigrad as mg
    >>> x = mg.tensor([[[1.0, 2.0, 3.0, 4.0], [8.0, 7.0, 6.0, 5.0]]])
    >>> max_pool2d(x, 2, return_indices=True)
    (tensor([[[8., 6.]]]), tensor([[[4, 6]]]))
    """
    return _max_pool("max_pool2d", 2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def avg_pool1d(
    input: Tensor,
    kernel_size: Several,
    stride: Several | None = None,
    padding: Several = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """:func:`avg_pool2d` in one dimension: ``(N, C, L) -> (N, C, L')``.

    >>> import minigrad as mg
    >>> avg_pool1d(mg.tensor([[1.0, 5.0, 2.0, 4.0]]), 2)
    tensor([[3., 3.]])
    """
    return _avg_pool("avg_pool1d", 1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


def avg_pool2d(
    input: Tensor,
    kernel_size: Several,
    stride: Several | None = None,
    padding: Several = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window.

    Args:
        input, kernel_size, stride, padding, ceil_mode: as for :func:`max_pool2d`.
        count_include_pad: count the padding as zeros, and not only what is inside of the image.
        divisor_override: what the sum of a window is divided by, instead of the number of its elements.

    Raises:
        ValueError: as for :func:`max_pool2d`, and for a divisor of 0. TypeError: the input is not of floats.

    >>> import minigrad as mg
    >>> avg_pool2d(mg.tensor([[[1.0, 2.0, 3.0, 4.0], [8.0, 7.0, 6.0, 5.0]]]), 2)
    tensor([[[4.5000, 4.5000]]])
    """
    return _avg_pool(
        "avg_pool2d", 2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


def _max_pool(
    name: str,
    dims: int,
    input: Tensor,
    kernel_size: Several,
    stride: Several | None,
    padding: Several,
    dilation: Several,
    ceil_mode: bool,
    return_indices: bool,
) -> Pooled:
    x, has_batch = batched(name, number(name, input), dims)
    at = _pool_windows(name, x, kernel_size, stride, padding, dilation, ceil_mode)
    return _largest(x, has_batch, _with_elements(name, at, x.shape[2:]), return_indices)


def _avg_pool(
    name: str,
    dims: int,
    input: Tensor,
    kernel_size: Several,
    stride: Several | None,
    padding: Several,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor: int | None,
) -> Tensor:
    x, has_batch = batched(name, only_floats(name, number(name, input)), dims)
    at = _pool_windows(name, x, kernel_size, stride, padding, 1, ceil_mode)
    spans = at.spans(x.shape[2:])
    check_divisor(name, divisor)
    if divisor is not None:
        first, *others = at.counts
        counts: tuple[Array, ...] = (np.full(first, divisor), *map(np.ones, others))
    elif count_include_pad:
        counts = _counts_with_padding(at, x.shape[2:])
    else:
        counts = tuple(span.stop - span.start for span in spans)
    y = record(AvgPool(spans, counts), x)
    return y if has_batch else y.squeeze(0)


def check_divisor(name: str, divisor: int | None) -> None:
    """Raise ValueError unless there is no divisor, or one that is an int other than 0."""
    if divisor is not None and (isinstance(divisor, bool) or not isinstance(divisor, int) or divisor == 0):
        raise ValueError(f"{name}: divisor_override must be an int that is not 0, got {divisor!r}")


def _pool_windows(
    name: str,
    x: Tensor,
    kernel_size: Several,
    stride: Several | None,
    padding: Several,
    dilation: Several,
    ceil_mode: bool,
) -> Windows:
    size, s, p, d = pool_windows(name, x.ndim - 2, kernel_size, stride, padding, dilation)
    return windows(name, x.shape[2:], size, s, tuple((n, n) for n in p), d, ceil_mode=ceil_mode)


def pool_windows(
    name: str, dims: int, kernel_size: Several, stride: Several | None, padding: Several, dilation: Several = 1
) -> tuple[Dims, Dims, Dims, Dims]:
    """:func:`windows_along`, of which each has an element of x; without a stride, each begins where one ends."""
    step = kernel_size if stride is None or (isinstance(stride, tuple) and not stride) else stride
    size, s, p, d = windows_along(name, dims, kernel_size, step, padding, dilation)
    if any(2 * n > e * (k - 1) + 1 for n, k, e in zip(p, size, d, strict=True)):
        raise ValueError(
            f"{name}: a padding of {padding!r} is more than half of the window {kernel_size!r}, "
            "which could then be outside of x"
        )
    return size, s, p, d


@functools.lru_cache(1024)
def _counts_with_padding(at: Windows, sizes: Dims) -> tuple[Array, ...]:
    """How many elements the windows have along each dim, with those in the padding, but not those behind it."""
    found = []
    for k, s, p, count, n in zip(at.size, at.stride, at.padding, at.counts, sizes, strict=True):
        first = np.arange(count) * s - p
        found.append(np.minimum(first + k, n + p) - first)
        found[-1].setflags(write=False)  # as the counts are kept
    return tuple(found)


@functools.lru_cache(1024)
def _with_elements(name: str, at: Windows, sizes: Dims) -> Spans:
    """What of the windows is inside an image; ValueError for windows of which one has nothing in it."""
    spans = at.spans(sizes)
    if any((span.start >= span.stop).any() for span in spans):
        raise ValueError(f"{name}: no element is in one of the windows in {sizes}: they are too far apart")
    return spans


def _largest(x: Tensor, has_batch: bool, spans: Spans, return_indices: bool) -> Pooled:
    index = record(ArgMaxPool(spans), x)
    y = record(MaxPool(index.array, len(spans)), x)
    if not has_batch:
        y, index = y.squeeze(0), index.squeeze(0)
    return (y, index.clone()) if return_indices else y  # the user may change the indices in place


# -- so many windows ------------------------------------------------------------------------------------------


def adaptive_avg_pool1d(input: Tensor, output_size: Sizes) -> Tensor:
    """:func:`adaptive_avg_pool2d` in one dimension: ``(N, C, L) -> (N, C, output_size)``.

    >>> import minigrad as mg
    >>> adaptive_avg_pool1d(mg.tensor([[1.0, 2.0, 3.0, 4.0, 5.0]]), 2)
    tensor([[2., 4.]])
    """
    return _adaptive_avg_pool("adaptive_avg_pool1d", 1, input, output_size)


def adaptive_avg_pool2d(input: Tensor, output_size: Sizes) -> Tensor:
    """The mean of each of so many windows, which together cover the image, whatever its size.

    Along a dim of n elements, window i of m goes from ``i n // m`` to below ``(i + 1) n / m``, rounded up.

    Args:
        input: x, (N, C, H, W), or (C, H, W) for one image.
        output_size: how many windows, a number or (rows, columns); None is as many as there are elements.

    Raises:
        ValueError: another number of dims, a negative size, an image without elements.

    >>> import minigrad as mg
    >>> adaptive_avg_pool2d(mg.arange(16.0).reshape(1, 4, 4), (2, 1))
    tensor([[[ 3.5000],
             [11.5000]]])
    """
    return _adaptive_avg_pool("adaptive_avg_pool2d", 2, input, output_size)


def adaptive_max_pool1d(input: Tensor, output_size: Sizes, return_indices: bool = False) -> Pooled:
    """:func:`adaptive_max_pool2d` in one dimension: ``(N, C, L) -> (N, C, output_size)``.

    >>> import minigrad as mg
    >>> adaptive_max_pool1d(mg.tensor([[1.0, 2.0, 3.0, 4.0, 5.0]]), 2)
    tensor([[3., 5.]])
    """
    return _adaptive_max_pool("adaptive_max_pool1d", 1, input, output_size, return_indices)


def adaptive_max_pool2d(input: Tensor, output_size: Sizes, return_indices: bool = False) -> Pooled:
    """The largest element of each of so many windows: those of :func:`adaptive_avg_pool2d`.

    ``return_indices`` gives their places too, as for :func:`max_pool2d`.

    >>> import minigrad as mg
    >>> adaptive_max_pool2d(mg.arange(16.0).reshape(1, 4, 4), (2, 1))
    tensor([[[ 7.],
             [15.]]])
    """
    return _adaptive_max_pool("adaptive_max_pool2d", 2, input, output_size, return_indices)


def _adaptive_avg_pool(name: str, dims: int, input: Tensor, output_size: Sizes) -> Tensor:
    x, has_batch = batched(name, only_floats(name, number(name, input)), dims)
    spans = _covering(name, x, output_size)
    y = record(AvgPool(spans, tuple(span.stop - span.start for span in spans)), x)
    return y if has_batch else y.squeeze(0)


def _adaptive_max_pool(name: str, dims: int, input: Tensor, output_size: Sizes, return_indices: bool) -> Pooled:
    x, has_batch = batched(name, number(name, input), dims)
    return _largest(x, has_batch, _covering(name, x, output_size), return_indices)


def _covering(name: str, x: Tensor, output_size: Sizes) -> Spans:
    sizes = x.shape[2:]
    given = output_size if isinstance(output_size, (tuple, list)) else (output_size,) * len(sizes)
    if len(given) != len(sizes):
        raise ValueError(f"{name}: the output_size {output_size!r} does not fit x {x.shape}")
    counts = tuple(n if m is None else m for m, n in zip(given, sizes, strict=True))
    return covering(for_each_dim(name, "output_size", counts, len(sizes), 0), sizes)
