"""The whole table of operations at real shapes, values and derivatives, beside the CPU in float64: on a GPU.

Elsewhere the same lines run on the CPU in float32, for all rows at middling shapes, and in the simulator for some.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

import minigrad as mg
from minigrad.kernels.cuda import device
from ops_table import TABLE, Array, Row, Sample, tensors
from rows.large import SMALL, can_grow, large_samples

GROWING = [row for row in TABLE if can_grow(row) and str(row) not in SMALL]
MIDDLING = 1 << 16
every_row = pytest.mark.parametrize("row", GROWING, ids=str)

#: Functions with steps, where float32 may round to the other side of one: some of a hundred thousand elements do.
STEPS = ("floor_divide", "remainder", "fmod", "div-floor", "div-trunc")


def derivatives(row: Row, out: mg.Tensor, inputs: Sequence[mg.Tensor]) -> list[mg.Tensor]:
    """Those of a weighted sum."""
    weights = mg.linspace(0.5, 1.5, max(out.numel(), 1), dtype=out.dtype)[: out.numel()].reshape(out.shape)
    found = mg.grad((out * weights.to(out.device)).sum(), inputs, allow_unused=True)
    return [d for d in found if d is not None]


def assert_close(row: Row, got: mg.Tensor, want: mg.Tensor, elements: int) -> None:
    """To what float32 can do: ``elements`` is how many numbers there are that sums may be of."""
    found, wanted = got.detach().cpu().numpy(), want.detach().numpy()
    assert found.shape == wanted.shape
    apart = 1e-4 * found.size if str(row).startswith(STEPS) else 0
    if found.dtype.kind != "f":
        assert np.count_nonzero(found != wanted) <= apart
        return
    size = math.sqrt(np.square(wanted[np.isfinite(wanted)]).mean()) if np.isfinite(wanted).any() else 1.0
    eps = np.finfo(np.float32).eps * (64 + 8 * math.sqrt(max(elements / max(found.size, 1), 1)))
    if row.name in ("rnn", "lstm", "gru"):  # each step works on the rounding of the one before
        eps *= 8
    if row.name == "quantile":  # a place among all elements is rounded
        eps = np.finfo(np.float32).eps * elements
    close = np.isclose(found, wanted, eps, eps * max(size, 1.0), equal_nan=True)
    worst = np.abs(found - wanted)[~close].max(initial=0)
    assert np.count_nonzero(~close) <= apart, f"{np.count_nonzero(~close)} of {close.size}, by up to {worst:.3g}"


def check(row: Row, sample: Sample, where: str) -> None:
    """The row on a device in float32, beside the CPU in float64."""
    inputs = tensors(sample)
    there = [t.detach().to(mg.float32).to(where).requires_grad_(row.differentiable) for t in inputs]
    with mg.use_kernels("reference"):
        out = row.function(mg, *inputs)
    found = row.function(mg, *there)
    if not isinstance(out, mg.Tensor):  # allclose and equal, which are Python's bools
        assert found == out
        return
    elements = sum(array.size for array in sample) + out.numel()
    assert_close(row, found, out, elements)
    if row.differentiable:
        with mg.use_kernels("reference"):
            wanted = derivatives(row, out, inputs)
        for got, want in zip(derivatives(row, found, there), wanted, strict=True):
            assert_close(row, got, want, elements)


def largest(samples: Sequence[Sample]) -> int:
    """The most elements of an operand."""
    return max((array.size for sample in samples for array in sample), default=0)


needs_gpu = pytest.mark.skipif(device.missing() is not None, reason=f"CUDA cannot be used: {device.missing()}")


@pytest.mark.gpu
@needs_gpu
@every_row
def test_the_table_at_real_shapes_on_a_gpu(row: Row) -> None:
    for sample in large_samples(row):
        check(row, sample, "cuda")


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize("row", TABLE, ids=str)
def test_the_table_at_its_edge_shapes_on_a_gpu(row: Row) -> None:
    for sample in row.samples:
        check(row, sample, "cuda")


@pytest.mark.once
@every_row
def test_the_table_at_middling_shapes_on_the_cpu(row: Row) -> None:
    """That its samples grow, and what the test above demands is what float32 can do."""
    samples = list(large_samples(row, MIDDLING))
    assert samples
    with mg.use_kernels("reference"):
        for sample in (*samples, *row.samples):
            check(row, sample, "cpu")


IN_THE_SIMULATOR = [
    "add",
    "relu",
    "sum-first dim",
    "softmax",
    "matmul",
    "sort",
    "conv1d",
    "gru",
    "gather",
    "allclose",
]


@pytest.mark.parametrize("row", [row for row in GROWING if str(row) in IN_THE_SIMULATOR], ids=str)
def test_some_of_it_in_the_simulator(row: Row) -> None:
    samples = list(large_samples(row, 300 if "conv" not in row.name else 1 << 12))
    for sample in samples[:2]:
        check(row, sample, "cuda")


def test_what_stays_small_is_known_to_be_so() -> None:
    """A row in the list could not grow; the others do, in the test above."""
    for row in TABLE:
        if str(row) in SMALL and can_grow(row):
            assert not list(large_samples(row, MIDDLING)), row
    assert set(SMALL) <= {str(row) for row in TABLE}


def test_layouts_are_kept() -> None:
    from rows.large import enlarged

    row, rng = GROWING[0], np.random.default_rng(0)
    x: Array = np.arange(1.0, 13.0).reshape(2, 6)
    for array in (x, x.T, x[::-1], x[:, ::-2], x[:, 1::3].T, np.broadcast_to(x[0, :3], (4, 3)), x[:1]):
        larger = enlarged(array, 5, row, rng)
        assert larger.shape == tuple(n * 5 if n > 1 else n for n in array.shape)
        assert np.sign(larger.strides).tolist() == np.sign(array.strides).tolist()
        assert larger.flags.c_contiguous == array.flags.c_contiguous
        known = larger.ravel()
        assert 1 <= known.min() <= known.max() <= 12
