"""Convolutions, poolings and interpolation, as loops over windows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rows.row import Array, Row, real

Dims = Sequence[int]


def conv(
    x: Array,
    W: Array,
    b: Array | None = None,
    *,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
) -> Array:
    """Window by window; an x without a batch is one example."""
    if x.ndim < W.ndim:
        return conv(x[None], W, b, stride=stride, padding=padding, dilation=dilation, groups=groups)[0]
    space = W.ndim - 2
    x = np.pad(x, [(0, 0), (0, 0), *[(padding, padding)] * space])
    reach = [dilation * (k - 1) + 1 for k in W.shape[2:]]
    counts = [(n - r) // stride + 1 for n, r in zip(x.shape[2:], reach, strict=True)]
    z = np.zeros((len(x), len(W), *counts))
    C, M = W.shape[1], len(W) // groups
    for o, *i in np.ndindex(len(W), *counts):
        g = o // M
        key = [slice(e * stride, e * stride + r, dilation) for e, r in zip(i, reach, strict=True)]
        windows = x[(slice(None), slice(g * C, (g + 1) * C), *key)]
        z[(slice(None), o, *i)] = (windows * W[o]).sum(tuple(range(1, W.ndim)))
    return z if b is None else z + b.reshape(-1, *[1] * space)


def conv_transpose(
    x: Array,
    W: Array,
    b: Array | None = None,
    *,
    stride: int = 1,
    padding: int = 0,
    output_padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
) -> Array:
    """Element by element: each adds its window."""
    space, C, M = W.ndim - 2, len(W) // groups, W.shape[1]
    reach = [dilation * (k - 1) + 1 for k in W.shape[2:]]
    full = [(n - 1) * stride + r + output_padding for n, r in zip(x.shape[2:], reach, strict=True)]
    y = np.zeros((len(x), M * groups, *full))
    for c, *i in np.ndindex(len(W), *x.shape[2:]):
        g = c // C
        key = [slice(e * stride, e * stride + r, dilation) for e, r in zip(i, reach, strict=True)]
        windows = x[(slice(None), c, *i)].reshape(-1, *[1] * (space + 1)) * W[c]
        y[(slice(None), slice(g * M, (g + 1) * M), *key)] += windows
    y = y[(..., *[slice(padding, n - padding) for n in full])]
    return y if b is None else y + b.reshape(-1, *[1] * space)


def pool(of: Callable[[Array], Any], size: Dims, stride: Dims, padding: int = 0) -> Callable[[Array], Array]:
    """``of`` each window; what is beyond the border is NaN."""

    def pooled(x: Array) -> Array:
        before = x.ndim - len(size)
        x = np.pad(x, [(0, 0)] * before + [(padding, padding)] * len(size), constant_values=np.nan)
        counts = [(n - k) // s + 1 for n, k, s in zip(x.shape[before:], size, stride, strict=True)]
        y = np.zeros((*x.shape[:before], *counts))
        for i in np.ndindex(y.shape):
            key = [slice(e * s, e * s + k) for e, s, k in zip(i[before:], stride, size, strict=True)]
            y[i] = of(x[(*i[:before], *key)])
        return y

    return pooled


def adaptive(of: Callable[[Array], Any], counts: Dims) -> Callable[[Array], Array]:
    def pooled(x: Array) -> Array:
        before = x.ndim - len(counts)
        y = np.zeros((*x.shape[:before], *counts))
        for i in np.ndindex(y.shape):
            sizes = zip(i[before:], x.shape[before:], counts, strict=True)
            y[i] = of(x[(*i[:before], *[slice(e * n // m, -(-(e + 1) * n // m)) for e, n, m in sizes])])
        return y

    return pooled


def linear(x: Array, m: int) -> Array:
    """Between the elements of the last dim, the borders aligned."""
    n = x.shape[-1]
    at = np.clip((np.arange(m) + 0.5) * (n / m) - 0.5, 0, n - 1)
    before = at.astype(int)
    return x[..., before] * (1 - at + before) + x[..., np.minimum(before + 1, n - 1)] * (at - before)


LINES = [
    (real((2, 2, 4)), real((2, 2, 2)), real((2,))),
    (real((1, 2, 5)), real((2, 2, 3)), real((2,))),
    (real((2, 7)), real((3, 2, 3)), real((3,))),
    (real((3, 2, 40)), real((17, 2, 3)), real((17,))),
    (real((2, 2, 8))[:, ::-1, ::2], real((2, 2, 3)).swapaxes(1, 0), real((4,))[::2]),
]
IMAGES = [
    (real((1, 2, 3, 3)), real((1, 2, 2, 2)), real((1,))),
    (real((2, 3, 3)), real((1, 2, 2, 2)), real((1,))),
    (real((2, 1, 3, 3)), real((2, 1, 2, 2)), real((2,))),
    (real((3, 2, 9, 7)), real((9, 2, 3, 2)), real((9,))),
    (real((0, 2, 3, 3)), real((1, 2, 2, 2)), real((1,))),
    (real((1, 1, 6, 8))[:, :, ::2, ::-2], real((1, 1, 2, 3)).swapaxes(2, 3), real((2,))[::-2]),
]
GROUPED = [(real((1, 4, 4)), real((2, 2, 2)), real((2,))), (real((3, 6, 9)), real((4, 3, 3)), real((4,)))]
BACK = [
    (real((1, 2, 3)), real((2, 3, 2)), real((3,))),
    (real((2, 2, 2)), real((2, 2, 3)), real((2,))),
    (real((2, 4, 9)), real((4, 3, 3)), real((3,))),
]
BACK_2D = [
    (real((1, 2, 2, 2)), real((2, 2, 2, 2)), real((2,))),
    (real((2, 3, 5, 4)), real((3, 5, 3, 3)), real((5,))),
]
BACK_GROUPED = [(real((1, 4, 2, 1)), real((4, 1, 2, 2)), real((2,)))]
SPACE_1D = [(real((2, 2, 5)),), (real((3, 6)),), (real((2, 3, 41)),), (real((2, 2, 12))[:, ::-1, ::2],)]
SPACE_2D = [
    (real((1, 2, 4, 3)),),
    (real((2, 3, 5)),),
    (real((2, 3, 17, 18)),),
    (real((1, 1, 6, 8))[:, :, ::2].T.T,),
]


def row(name: str, label: str, reference: Any, samples: Sequence[Any], **options: Any) -> Row:
    return Row(name, label, lambda m, *x: getattr(m.nn.functional, name)(*x, **options), reference, samples)


def both(name: str, label: str, reference: Any, samples: Sequence[Any], **options: Any) -> Row:
    return row(name, label, lambda *x: reference(*x, **options), samples, **options)


ROWS = [
    both("conv1d", "", conv, LINES),
    both("conv1d", "no bias", conv, [sample[:2] for sample in LINES]),
    both("conv1d", "options", conv, LINES, stride=2, padding=3, dilation=2),
    both("conv1d", "groups", conv, GROUPED, groups=2),
    row("conv1d", "same", lambda x, W: conv(x, W, padding=1), [LINES[1][:2]], padding="same"),
    both("conv2d", "", conv, IMAGES),
    both("conv2d", "options", conv, IMAGES, stride=3, padding=2, dilation=2),
    both("conv_transpose1d", "", conv_transpose, BACK),
    both("conv_transpose1d", "no bias", conv_transpose, [sample[:2] for sample in BACK]),
    both("conv_transpose1d", "options", conv_transpose, BACK, stride=3, padding=1, output_padding=1, dilation=2),
    both("conv_transpose2d", "", conv_transpose, BACK_2D),
    both("conv_transpose2d", "options", conv_transpose, BACK_2D, stride=2, padding=1, output_padding=1),
    both("conv_transpose2d", "groups", conv_transpose, BACK_GROUPED, groups=2),
    row("max_pool1d", "", pool(np.nanmax, [2], [2]), SPACE_1D, kernel_size=2),
    row("max_pool2d", "", pool(np.nanmax, [2, 3], [2, 3]), SPACE_2D, kernel_size=(2, 3)),
    row("max_pool2d", "overlapping", pool(np.nanmax, [3, 2], [1, 2], 1), SPACE_2D, kernel_size=(3, 2),
        stride=(1, 2), padding=1),
    row("avg_pool1d", "", pool(np.nanmean, [2], [2]), SPACE_1D, kernel_size=2),
    row("avg_pool2d", "", pool(np.nanmean, [2, 2], [2, 2]), SPACE_2D, kernel_size=2),
    row("avg_pool2d", "overlapping", pool(np.nanmean, [3, 2], [1, 2], 1), SPACE_2D, kernel_size=(3, 2),
        stride=(1, 2), padding=1, count_include_pad=False),
    row("avg_pool2d", "sums", pool(np.nansum, [3, 2], [1, 2], 1), SPACE_2D, kernel_size=(3, 2),
        stride=(1, 2), padding=1, divisor_override=1),
    row("adaptive_avg_pool1d", "", adaptive(np.mean, [3]), SPACE_1D, output_size=3),
    row("adaptive_avg_pool2d", "", adaptive(np.mean, [3, 2]), SPACE_2D, output_size=(3, 2)),
    row("adaptive_max_pool1d", "", adaptive(np.max, [3]), SPACE_1D, output_size=3),
    row("adaptive_max_pool2d", "", adaptive(np.max, [2, 2]), SPACE_2D, output_size=2),
    row("interpolate", "linear", lambda x: linear(x, 7), [SPACE_1D[0], *SPACE_1D[2:]], size=7, mode="linear"),
    row("interpolate", "bilinear", lambda x: linear(linear(x, 7).swapaxes(-1, -2), 4).swapaxes(-1, -2),
        [SPACE_2D[0], *SPACE_2D[2:]], size=(4, 7), mode="bilinear"),
    row("interpolate", "nearest", lambda x: x.repeat(2, -1).repeat(2, -2), [SPACE_2D[0], *SPACE_2D[2:]],
        scale_factor=2),
    row("unfold", "columns", lambda x: pool_columns(x), SPACE_2D, kernel_size=2),
]  # fmt: skip


def pool_columns(x: Array) -> Array:
    """Every window of 2 times 2 as a column."""
    windows = np.lib.stride_tricks.sliding_window_view(x, (2, 2), (-2, -1))  # (..., C, H', W', 2, 2)
    columns = np.moveaxis(windows, (-2, -1), (-4, -3))
    *lead, C, _, _, high, wide = columns.shape
    return columns.reshape(*lead, C * 4, high * wide)
