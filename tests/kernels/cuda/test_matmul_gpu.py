"""Matrix products on a GPU, at its own sizes, against float64 on the CPU."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad as mg
from minigrad import kernels
from minigrad.kernels.cuda import device

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(device.missing() is not None, reason=f"CUDA cannot be used: {device.missing()}"),
]

ROUNDING = {"highest": 0.0, "high": 2.0**-11, "medium": 2.0**-8, "fp16": 2.0**-11}  # of each operand, relative


def normal(rng: np.random.Generator, dtype: str, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape).astype(dtype)


def assert_close(got: np.ndarray, x: np.ndarray, y: np.ndarray, bias: np.ndarray | None, rounding: float) -> None:
    b = np.zeros(1) if bias is None else bias.astype(np.float64)
    x, y, dtype = x.astype(np.float64), y.astype(np.float64), x.dtype
    relative = 2 * (x.shape[-1] + 1) * np.finfo(dtype).eps + 2.1 * rounding
    bound = relative * (np.abs(x) @ np.abs(y) + np.abs(b))
    assert (got.dtype, got.shape) == (dtype, (x @ y).shape)
    assert (np.abs(got - (x @ y + b)) <= bound).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_thousand_random_shapes(dtype: str) -> None:
    cuda, rng = kernels.load("cuda"), np.random.default_rng(0)
    for turn in range(1000):
        M, N, K = (int(n) for n in np.exp(rng.uniform(0, np.log(600), 3)))
        batch = (2,) if turn % 5 == 0 else ()
        x, y = normal(rng, dtype, *batch, M, K), normal(rng, dtype, *batch, K, N)
        bias = None if batch or turn % 2 else normal(rng, dtype, N)
        given = []
        for array in (x, y):
            swapped = rng.random() < 0.5
            held = cuda.to_device(np.ascontiguousarray(array.swapaxes(-1, -2) if swapped else array), 0)
            dims = (*range(held.ndim - 2), held.ndim - 1, held.ndim - 2)
            given.append(held.transpose(dims) if swapped else held)
        if bias is None:
            got = cuda.matmul(*given)
        else:
            got = cuda.linear(given[0], given[1].transpose((1, 0)), cuda.to_device(bias, 0))
        assert_close(got.host(), x, y, bias, 0.0)


@pytest.mark.parametrize("precision", ROUNDING)
def test_large_products(precision: str) -> None:
    rng = np.random.default_rng(0)
    mg.set_float32_matmul_precision(precision)
    try:
        for M, N, K in (
            (1024, 1024, 1024),
            (1000, 999, 2001),
            (129, 4096, 513),
            (64, 64, 70_000),
            (4097, 65, 1023),
        ):
            x, y = normal(rng, "float32", M, K), normal(rng, "float32", K, N)
            found = (mg.tensor(x, device="cuda") @ mg.tensor(y, device="cuda")).cpu().numpy()
            assert_close(found, x, y, None, ROUNDING[precision])
    finally:
        mg.set_float32_matmul_precision("highest")


def test_results_are_the_same_every_time() -> None:
    rng = np.random.default_rng(0)
    x, y = (mg.tensor(normal(rng, "float32", *shape), device="cuda") for shape in ((100, 9000), (9000, 130)))
    first = (x @ y).cpu().numpy()
    for _ in range(20):
        np.testing.assert_array_equal((x @ y).cpu().numpy(), first)
