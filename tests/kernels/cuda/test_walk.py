"""Ways along a line: every element is taken once, wherever the line begins and however long it is."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from minigrad import kernels
from minigrad.kernels import reference

# of a simulated block, which has 8 threads in warps of 4: one thread, loads of four and their edges, four at once
LENGTHS = [1, 3, 7, 8, 9, 11, 12, 16, 31, 32, 33, 36, 63, 64, 65, 127, 128, 129, 132, 160, 255, 256, 257, 260, 515]
STARTS = [0, 1, 2, 3]  # of the array in its memory: only from 0 are loads of four possible


def placed(values: np.ndarray, start: int = 0) -> Any:
    """The values on the device, contiguous, from element ``start`` of some memory on."""
    padded = np.concatenate([np.full(start, 99, values.dtype), values.ravel()])
    return kernels.load("cuda").to_device(padded, 0)[start:].reshape(values.shape)


def rows(n: int, count: int = 3, dtype: str = "float64") -> np.ndarray:
    return np.random.default_rng(n).standard_normal((count, n)).astype(dtype)


@pytest.mark.once
@pytest.mark.parametrize("start", STARTS)
def test_a_sum_takes_each_element_once(start: int) -> None:
    cuda = kernels.load("cuda")
    for n in LENGTHS:
        for dtype in ("float32", "int64", "int8", "bool"):
            x = np.rint(rows(n) * 3).astype(dtype)
            for dims in ((1,), (0, 1)):
                assert (
                    cuda.sum(placed(x, start), dims, False).host().tolist()
                    == reference.sum(x.astype("int64"), dims, False).tolist()
                ), (n, dtype)


@pytest.mark.parametrize("n", [1, 3, 4, 5, 8, 33, 300, 1000])
def test_neighbouring_lines_are_summed_four_at_a_time(n: int) -> None:
    cuda = kernels.load("cuda")
    for inner in (4, 5, 8, 12, 36):
        for start in (0, 1):
            x = np.random.default_rng(n).integers(-9, 9, (2, n, inner)).astype("float32")
            found = cuda.sum(placed(x, start), (1,), True)
            assert found.host().tolist() == x.sum(1, keepdims=True).tolist(), (inner, start)
            assert cuda.amax(placed(x, start), (1,), False).host().tolist() == x.max(1).tolist()


def test_means_and_norms_of_parts_count_all_elements() -> None:
    """A line that is cut in parts, of which the last is shorter, or not there at all."""
    cuda = kernels.load("cuda")
    for shape in ((5000,), (1, 4097), (4097, 8), (3, 1030, 4)):
        x = np.random.default_rng(0).standard_normal(shape)
        for dims in (tuple(range(x.ndim)), (max(x.ndim - 2, 0),)):
            for name, extra in (("mean", ()), ("norm", (2.0,)), ("norm", (1.5,))):
                want = getattr(reference, name)(x, dims, False, *extra)
                np.testing.assert_allclose(getattr(cuda, name)(placed(x), dims, False, *extra).host(), want, 1e-12)


SWEEPS = ["softmax", "log_softmax", "softmax_backward", "log_softmax_backward"]


@pytest.mark.parametrize("start", [0, 1])
@pytest.mark.parametrize("name", SWEEPS)
def test_sweeps_write_each_element_once(name: str, start: int) -> None:
    cuda = kernels.load("cuda")
    for n in LENGTHS:
        given = [rows(n), rows(n, 3) / 2][: 2 if "backward" in name else 1]
        got = getattr(cuda, name)(*(placed(x, start) for x in given), 1).host()
        np.testing.assert_allclose(got, getattr(reference, name)(*given, 1), 1e-11, 1e-13, err_msg=str(n))


@pytest.mark.parametrize("start", [0, 1])
def test_sweeps_to_numbers_and_losses(start: int) -> None:
    cuda = kernels.load("cuda")
    for n in LENGTHS:
        z, y, dl = rows(n), np.array([0, n - 1, n // 2]), np.array([1.0, -2.0, 0.5])
        there, labels = placed(z, start), placed(y)
        np.testing.assert_allclose(
            cuda.logsumexp(there, (1,), False).host(), reference.logsumexp(z, (1,), False), 1e-11
        )
        np.testing.assert_allclose(
            cuda.cross_entropy(there, labels).host(), reference.cross_entropy(z, y), 1e-11, 1e-13
        )
        got = cuda.cross_entropy_backward(placed(dl), there, labels).host()
        np.testing.assert_allclose(got, reference.cross_entropy_backward(dl, z, y), 1e-11, 1e-13)
        for found, want in zip(cuda.moments(there, (1,), False), reference.moments(z, (1,), False), strict=True):
            np.testing.assert_allclose(found.host(), want, 1e-11, 1e-13)
        w = np.linspace(0.5, 1.5, n)[None]
        got = cuda.normalise_backward(placed(z[::-1], start), there, placed(w), (1,), 1e-5).host()
        np.testing.assert_allclose(
            got, reference.normalise_backward(np.ascontiguousarray(z[::-1]), z, w, (1,), 1e-5), 1e-9, 1e-11
        )


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("name", ["argmax", "argmin"])
def test_the_first_of_the_extremes_is_found_wherever_it_is(name: str, start: int) -> None:
    cuda = kernels.load("cuda")
    for n in LENGTHS:
        x = rows(n, 5, "float32")
        x[0], x[1, n // 2 :], x[2, [0, n - 1]], x[3, n - 1] = 1, x[1].max(), 9, -9
        x[4, n // 3 :: 2] = np.nan
        for values in (x, np.rint(np.nan_to_num(x)).astype("int8"), np.nan_to_num(x) > 0):
            got = getattr(cuda, name)(placed(values, start), 1, False).host()
            assert got.tolist() == getattr(reference, name)(values, 1, False).tolist(), (n, values.dtype)


@pytest.mark.parametrize("n", [36, 37, 256, 300])
def test_nan_and_infinity_are_seen_wherever_they_are(n: int) -> None:
    cuda = kernels.load("cuda")
    for value in (np.nan, np.inf, -np.inf):
        for k in (0, 1, n // 2, n - 2, n - 1):
            x = rows(n, 1, "float32")
            x[0, k] = value
            for name in ("sum", "amax", "amin", "logsumexp"):
                got = getattr(cuda, name)(placed(x), (1,), False).host()
                np.testing.assert_allclose(got, getattr(reference, name)(x, (1,), False), 1e-5, err_msg=name)
            with np.errstate(all="ignore"):
                np.testing.assert_allclose(cuda.softmax(placed(x), 1).host(), reference.softmax(x, 1), 1e-4, 1e-7)
    everywhere = np.full((1, n), -np.inf, np.float32)
    assert np.isnan(cuda.softmax(placed(everywhere), 1).host()).all()


def test_the_walk_is_chosen_by_place_and_length() -> None:
    from minigrad.kernels.cuda.team import lines
    from minigrad.kernels.cuda.walk import walk_for

    def names(n: int, start: int = 0, hold: bool = True, dtype: str = "float32") -> str:
        x = placed(rows(n, dtype=dtype), start)
        return walk_for(lines(x, (1,)), x, hold=hold).name

    assert [names(n) for n in (7, 8, 37, 64, 128, 256, 260)] == [
        "thread",
        "held2",
        "wide",
        "held2",
        "held4",
        "held8",
        "wide",
    ]
    assert (names(64, start=1), names(64, hold=False)) == ("block", "wide")
    assert (names(128, dtype="float64"), names(256, dtype="float64")) == ("held4", "wide")


# -- what the compiler makes of them --------------------------------------------------------------------------


@pytest.mark.ptx
@pytest.mark.parametrize("capability", [(7, 5), (8, 0), (9, 0)], ids=str)
def test_kernels_load_16_bytes_and_hold_lines_in_registers(capability: tuple[int, int]) -> None:
    from minigrad.kernels.cuda import normalisation, reduce, sweeps, walk
    from minigrad.kernels.cuda.team import BLOCK
    from ptxas import assemble, tool

    real = np.dtype(np.float32)
    loads = {  # in the text of a kernel, at least: those of the loops of one sweep, or all that are held
        reduce.sum.kernel(walk.ROWS, real, real, real, takes=True, finishes=True): 5,
        reduce.mean.kernel(walk.ROWS, real, real, real, takes=True, finishes=True): 5,
        reduce.amax.kernel(walk.ROWS, real, real, real, takes=True, finishes=True): 5,
        reduce.sum.kernel(None, real, real, real, takes=True, finishes=True): 5,
    }
    loads |= {sweeps.made(name, walk.ROWS, real): 1 for name in ("argmax", "argmin")}
    for way, count in ((walk.ROWS, 5), (walk.Walk("held", BLOCK, 8), 8)):
        for name in (*SWEEPS, "logsumexp", "cross_entropy", "cross_entropy_backward"):
            loads[sweeps.made(name, way, real)] = count
        loads[normalisation.moments_kernel(way, real)] = count
        loads[normalisation.backward_kernel(way, real)] = 2 * count
    for kernel, count in loads.items():
        ptx = kernel.ptx(capability)
        assert len(re.findall(r"ld\.global\.v4\.(f|b)32", ptx)) >= count, kernel.name
        if kernel.name.startswith(("softmax", "log_softmax", "normalise", "cross_entropy_backward")):
            assert re.search(r"st\.global\.v4\.(f|b)32", ptx), kernel.name
        if tool("ptxas") is not None:
            needs = assemble(ptx, capability)[0]
            assert (needs.spilled, needs.stack) == (0, 0), kernel.name
