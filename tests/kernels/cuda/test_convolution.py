"""Convolution kernels for the GPU against the reference: lines, images and volumes, strides, groups, padding."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minigrad import kernels
from minigrad.kernels import reference
from minigrad.kernels.windows import Windows

cuda = kernels.load("cuda")

# windows, sizes, images, channels of x and z, groups
CASES: dict[str, tuple[Windows, tuple[int, ...], int, int, int, int]] = {
    "line": (Windows((3,), (2,), (1,), (1,), (5,)), (10,), 3, 4, 6, 2),
    "image": (Windows((3, 2), (2, 1), (1, 2), (1, 2), (3, 6)), (6, 4), 2, 4, 6, 2),
    "each channel by itself": (Windows((3, 3), (1, 1), (1, 1), (1, 1), (5, 4)), (5, 4), 2, 3, 3, 3),
    "volume": (Windows((2, 1, 2), (1, 2, 2), (0, 0, 1), (2, 1, 1), (2, 2, 2)), (4, 3, 4), 1, 2, 3, 1),
    "gaps": (Windows((1, 1), (3, 2), (0, 0), (1, 1), (2, 2)), (5, 4), 2, 1, 2, 1),
    "no images": (Windows((2,), (1,), (0,), (1,), (3,)), (4,), 0, 2, 2, 1),
}


def found(name: str, *arguments: Any) -> np.ndarray:
    """What the GPU's function gives for host arrays."""
    given = [cuda.to_device(a, 0) if isinstance(a, np.ndarray) else a for a in arguments]
    host: np.ndarray = getattr(cuda, name)(*given).host()
    return host


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_convolutions_are_those_of_the_reference(case: Any, dtype: str) -> None:
    at, sizes, N, C, M, groups = case
    rng = np.random.default_rng(0)
    x, z, W, b, b_x = (
        rng.normal(0, 1, shape).astype(dtype)
        for shape in ((N, C, *sizes), (N, M, *at.counts), (M, C // groups, *at.size), (M,), (C,))
    )
    y = reference.im2col(x, at)
    calls: list[tuple[str, tuple[Any, ...]]] = [
        ("im2col", (x, at)),
        ("col2im", (y, sizes, at)),
        ("conv", (x, W, b, at, groups)),
        ("conv", (x, W, None, at, groups)),
        ("conv_transpose", (z, W, b_x, sizes, at, groups)),
        ("conv_transpose", (z, W, None, sizes, at, groups)),
        ("conv_weight", (z, x, at, groups)),
    ]
    for name, arguments in calls:
        got, expected = found(name, *arguments), getattr(reference, name)(*arguments)
        assert (got.shape, got.dtype) == (expected.shape, expected.dtype), name
        tolerance = 64 * np.finfo(dtype).eps * max(1, np.abs(expected).max(initial=0))
        np.testing.assert_allclose(got, expected, rtol=0, atol=tolerance, err_msg=name)


def test_operands_may_be_views() -> None:
    at, sizes, *_ = CASES["image"]
    rng = np.random.default_rng(0)
    x, W = rng.normal(0, 1, (*sizes, 4, 2)), rng.normal(0, 1, (2, 3, 6, 2))
    views = cuda.to_device(x, 0).transpose((3, 2, 0, 1)), cuda.to_device(W, 0).transpose((2, 3, 1, 0))
    expected = reference.conv(x.transpose(3, 2, 0, 1), W.transpose(2, 3, 1, 0), None, at, 2)
    np.testing.assert_allclose(cuda.conv(*views, None, at, 2).host(), expected, atol=1e-13)
