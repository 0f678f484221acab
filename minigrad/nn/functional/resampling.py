"""Images, and rows, of another size: by interpolation, and with channels as pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from minigrad.graph import record
from minigrad.kernels import Array, Dims
from minigrad.nn.functional.pooling import adaptive_avg_pool1d, adaptive_avg_pool2d
from minigrad.nn.functional.space import for_each_dim
from minigrad.ops.operands import integer, number, only_floats, parameter, tensor
from minigrad.ops.pooling import Nearest, Resample
from minigrad.tensor import Tensor

__all__ = ["interpolate", "pixel_shuffle", "pixel_unshuffle"]

#: Each mode, and the numbers of dims of space that it is for.
MODES = {
    "nearest": (1, 2),
    "nearest-exact": (1, 2),
    "area": (1, 2),
    "linear": (1,),
    "bilinear": (2,),
    "bicubic": (2,),
}
BETWEEN = ("linear", "bilinear", "bicubic")  # elements: these know corners
A = -0.75  # of the cubic's family of curves, as in PyTorch and OpenCV


def interpolate(
    input: Tensor,
    size: int | Sequence[int] | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
) -> Tensor:
    """Images of another size, each element from those of ``input`` that are nearest: (N, C, H, W) or (N, C, L).

    With f the ratio of the sizes, element i of the result is at ``(i + 1/2) f - 1/2`` in the input, which aligns
    the borders; with ``align_corners``, where f is the ratio of the sizes less 1, at ``i f``, which aligns the
    centres of the outermost elements.

    Args:
        input: x, (N, C, H, W) or (N, C, L).
        size: of the result, a number or (rows, columns).
        scale_factor: of the result's size to that of x, rounded down; instead of ``size``.
        mode: ``"nearest"``, the element at ``i f`` rounded down; ``"nearest-exact"``, that at ``(i + 1/2) f``;
            ``"linear"`` for (N, C, L) and ``"bilinear"`` for images, between the two nearest along each dim;
            ``"bicubic"``, a cubic through the four nearest; ``"area"``, the mean, as
            :func:`adaptive_avg_pool2d`.
        align_corners: see above; for the modes between elements only.
        recompute_scale_factor: work f out from the sizes even where ``scale_factor`` gives it.

    Raises:
        ValueError: another number of dims, neither or both of size and scale_factor, a mode that does not exist or
            is for other dims, an option that it does not have, an empty result. TypeError: x is not of floats.

    Source of the cubic: Keys, Cubic convolution interpolation for digital image processing, 1981.

    >>> import minigrad as mg
    >>> x = mg.tensor([[[0.0, 4.0]]])
    >>> interpolate(x, 4), interpolate(x, 4, mode="linear")
    (tensor([[[0., 0., 4., 4.]]]), tensor([[[0., 1., 3., 4.]]]))
    """
    name = "interpolate"
    x = number(name, input)
    dims = x.ndim - 2
    if dims not in (1, 2) or 0 in x.shape[1:]:
        raise ValueError(f"{name}: expects x of shape (N, C, H, W) or (N, C, L), with elements, got {x.shape}")
    if dims not in MODES.get(mode, ()):
        known = ", ".join(repr(mode) for mode, fits in MODES.items() if dims in fits)
        raise ValueError(f"{name}: there is no mode {mode!r} for x {x.shape}: use {known}")
    if align_corners is not None and mode not in BETWEEN:
        raise ValueError(f"{name}: align_corners is for the modes {', '.join(BETWEEN)}, not for {mode!r}")
    if recompute_scale_factor and size is not None:
        raise ValueError(f"{name}: recompute_scale_factor is for a scale_factor, not for a size")
    sizes, factors = _sizes(x.shape[2:], size, scale_factor)
    if recompute_scale_factor or mode == "area":
        factors = (None,) * dims
    if mode == "area":
        return adaptive_avg_pool1d(x, sizes) if dims == 1 else adaptive_avg_pool2d(x, sizes)
    steps = zip(x.shape[2:], sizes, factors, strict=True)
    if mode not in BETWEEN:
        shift = 0.5 if mode == "nearest-exact" else 0.0
        places = [_nearest(n, m, factor, shift) for n, m, factor in steps]
        return record(Nearest((slice(None), slice(None), *np.ix_(*places))), x)
    x = only_floats(name, x)
    curve = _cubic if mode == "bicubic" else _line
    for dim, (n, m, factor) in reversed([*enumerate(steps, 2)]):
        x = record(Resample(dim, *curve(n, _positions(n, m, factor, bool(align_corners)))), x)
    return x


Factors = tuple[float | None, ...]


def _sizes(
    sizes: Dims, size: int | Sequence[int] | None, scale_factor: float | Sequence[float] | None
) -> tuple[Dims, Factors]:
    """The size of the result, and the factors for each dim where they were given."""
    name, dims = "interpolate", len(sizes)
    if (size is None) == (scale_factor is None):
        raise ValueError(f"{name}: takes either size or scale_factor, got {size!r} and {scale_factor!r}")
    if size is not None:
        if isinstance(size, Sequence) and len(size) != dims:
            raise ValueError(f"{name}: a size for each of {dims} dims of space, got {size!r}")
        return for_each_dim(name, "size", size, dims, 1), (None,) * dims
    given = scale_factor if isinstance(scale_factor, Sequence) else [scale_factor] * dims
    factors = tuple(parameter(name, "scale_factor", factor) for factor in given)
    if len(factors) != dims or not all(factor > 0 for factor in factors):
        raise ValueError(f"{name}: a positive scale_factor for each of {dims} dims of space, got {scale_factor!r}")
    found = tuple(math.floor(n * factor) for n, factor in zip(sizes, factors, strict=True))
    if min(found) < 1:
        raise ValueError(f"{name}: the size {sizes} times {scale_factor!r} leaves no elements")
    return found, factors


def _nearest(n: int, m: int, factor: float | None, shift: float) -> Array:
    """The nearest of n elements to each of m, in float32 as PyTorch: ties depend on rounding."""
    f = np.float32(1 / factor) if factor else np.float32(n) / np.float32(m)
    places = np.floor((np.arange(m, dtype=np.float32) + np.float32(shift)) * f).astype(np.int64)
    return np.asarray(np.minimum(places, n - 1))


def _positions(n: int, m: int, factor: float | None, align_corners: bool) -> Array:
    """Where each of m elements is among n."""
    if align_corners:
        return np.arange(m) * ((n - 1) / max(m - 1, 1))
    return (np.arange(m) + 0.5) * (1 / factor if factor else n / m) - 0.5


def _line(n: int, at: Array) -> tuple[Array, Array]:
    """(index, weight) of the two elements beside each place."""
    at = np.maximum(at, 0)
    before = np.minimum(np.floor(at).astype(np.int64), n - 1)
    part = at - before
    return np.stack([before, np.minimum(before + 1, n - 1)], 1), np.stack([1 - part, part], 1)


def _cubic(n: int, at: Array) -> tuple[Array, Array]:
    """(index, weight) of the four elements around each place."""
    before = np.floor(at).astype(np.int64)
    index = np.clip(before[:, None] + np.arange(-1, 3), 0, n - 1)
    t = np.abs((at - before)[:, None] - np.arange(-1, 3))
    near = ((A + 2) * t - (A + 3)) * t * t + 1
    far = ((A * t - 5 * A) * t + 8 * A) * t - 4 * A
    return index, np.where(t <= 1, near, far)


# -- channels and pixels --------------------------------------------------------------------------------------


def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """Channels as pixels: ``y[c, h r + i, w r + j] = x[c r^2 + i r + j, h, w]``, r the factor.

    ``(..., C r^2, H, W) -> (..., C, H r, W r)``. Raises ValueError for other shapes.

    Source: Shi and others, Real-time single image and video super-resolution, 2016.

    >>> import minigrad as mg
    >>> pixel_shuffle(mg.arange(4.0).reshape(4, 1, 1), 2)
    tensor([[[0., 1.],
             [2., 3.]]])
    """
    shape, r = tensor("pixel_shuffle", input).shape, check_factor("pixel_shuffle", upscale_factor)
    if len(shape) < 3 or shape[-3] % (r * r):
        raise ValueError(f"pixel_shuffle: a factor of {r} needs x (..., C {r}^2, H, W), got {shape}")
    *batch, channels, H, W = shape
    x = input.reshape(*batch, channels // (r * r), r, r, H, W)
    return x.movedim((-4, -3), (-3, -1)).reshape(*batch, channels // (r * r), H * r, W * r)  # (..., C, H, r, W, r)


def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """Pixels as channels, the reverse of :func:`pixel_shuffle`: ``(..., C, H r, W r) -> (..., C r^2, H, W)``.

    >>> import minigrad as mg
    >>> pixel_unshuffle(mg.arange(4.0).reshape(1, 2, 2), 2).flatten()
    tensor([0., 1., 2., 3.])
    """
    shape, r = tensor("pixel_unshuffle", input).shape, check_factor("pixel_unshuffle", downscale_factor)
    if len(shape) < 3 or shape[-2] % r or shape[-1] % r:
        raise ValueError(f"pixel_unshuffle: a factor of {r} needs x (..., C, {r} H, {r} W), got {shape}")
    *batch, channels, H, W = shape
    x = input.reshape(*batch, channels, H // r, r, W // r, r)
    return x.movedim((-3, -1), (-4, -3)).reshape(*batch, channels * r * r, H // r, W // r)


def check_factor(name: str, factor: int) -> int:
    """How many pixels along each side, at least 1."""
    found = integer(name, factor)
    if found < 1:
        raise ValueError(f"{name}: the factor must be at least 1, got {found}")
    return found
