"""The array API standard: its names are there or said to be missing, and they do what NumPy's do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import array_api as xp

#: Every name that the standard of 2024.12 lists at the top level.
STANDARD = """
    __array_namespace_info__ abs acos acosh add all any arange argmax argmin argsort asarray asin asinh astype
    atan atan2 atanh bitwise_and bitwise_invert bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor
    bool broadcast_arrays broadcast_to can_cast ceil clip complex128 complex64 concat conj copysign cos cosh
    count_nonzero cumulative_prod cumulative_sum diff divide e empty empty_like equal exp expand_dims expm1 eye
    finfo flip float32 float64 floor floor_divide from_dlpack full full_like greater greater_equal hypot iinfo
    imag inf int16 int32 int64 int8 isdtype isfinite isinf isnan less less_equal linspace log log10 log1p log2
    logaddexp logical_and logical_not logical_or logical_xor matmul matrix_transpose max maximum mean meshgrid
    min minimum moveaxis multiply nan negative newaxis nextafter nonzero not_equal ones ones_like permute_dims
    pi positive pow prod real reciprocal remainder repeat reshape result_type roll round searchsorted sign
    signbit sin sinh sort sqrt square squeeze stack std subtract sum take take_along_axis tan tanh tensordot
    tile tril triu trunc uint16 uint32 uint64 uint8 unique_all unique_counts unique_inverse unique_values
    unstack var vecdot where zeros zeros_like
""".split()


def test_namespace_is_that_of_every_tensor_and_of_one_version() -> None:
    x = mg.ones(2)
    assert x.__array_namespace__() is x.__array_namespace__(api_version="2024.12") is xp
    with pytest.raises(ValueError, match=r"there is no array API of '2021\.12' here: use '2024\.12'"):
        x.__array_namespace__(api_version="2021.12")


def test_namespace_has_the_standards_names_but_for_those_that_its_docstring_says_are_missing() -> None:
    assert set(xp.__all__) <= set(STANDARD)
    missing = sorted(set(STANDARD) - set(xp.__all__))
    said = (xp.__doc__ or "").partition("Missing")[2].partition("Different")[0]
    said = said.replace("(", " ").replace(")", " ").replace("`", " ").replace(",", " ")
    assert missing == sorted(set(said.split()) & set(STANDARD))
    assert all(hasattr(xp, name) for name in xp.__all__)


A = np.array([[0.5, -1.5, 2.0], [3.0, 0.0, -0.5]])


@pytest.mark.parametrize(
    "call",
    [
        lambda m, x: m.zeros((2, 3)) + m.ones((3,)) + m.full((2, 1), 2.0),
        lambda m, x: m.eye(2, 3, k=1),
        lambda m, x: m.arange(3.0),
        lambda m, x: m.arange(1.0, 7.0, 2.0),
        lambda m, x: m.linspace(0, 1, 5),
        lambda m, x: m.linspace(0, 1, num=4, endpoint=False),
        lambda m, x: m.zeros_like(x) + m.ones_like(x) + m.full_like(x, 5.0),
        lambda m, x: m.empty((2, 0)) + m.empty_like(m.empty((2, 0))),
        lambda m, x: m.meshgrid(x[0], x[1])[0],
        lambda m, x: m.meshgrid(x[0], x[1], indexing="ij")[0],
        lambda m, x: m.asarray([[1.0, 2.0]]),
        lambda m, x: m.asarray(x),
        lambda m, x: m.asarray(x, dtype=m.float32),
        lambda m, x: m.astype(x, m.int64),
        lambda m, x: m.astype(x, m.float64),
        lambda m, x: m.concat([x, x], axis=None),
        lambda m, x: m.permute_dims(m.expand_dims(x, axis=0), (2, 0, 1)),
        lambda m, x: m.moveaxis(m.expand_dims(x, axis=-1), 0, -1),
        lambda m, x: m.flip(x, axis=1),
        lambda m, x: m.roll(x, (1, 2), axis=(0, 1)),
        lambda m, x: m.repeat(x, 2, axis=0),
        lambda m, x: m.repeat(x, 2),
        lambda m, x: m.tile(x, (2, 1)),
        lambda m, x: m.unstack(x)[1],
        lambda m, x: m.broadcast_to(x, (2, 2, 3)),
        lambda m, x: m.broadcast_arrays(x, x[0])[1],
        lambda m, x: m.reshape(x, (3, 2), copy=True),
        lambda m, x: m.clip(x),
        lambda m, x: m.clip(x, max=1.0),
        lambda m, x: m.take(x, m.asarray([0, 2]), axis=1),
        lambda m, x: m.take(x, m.asarray([5, 0])),
        lambda m, x: m.take_along_axis(x, m.argsort(x, axis=0), axis=0),
        lambda m, x: m.sort(x),
        lambda m, x: m.triu(x, k=1),
        lambda m, x: m.prod(x, axis=0),
        lambda m, x: m.var(x, correction=1.0),
        lambda m, x: m.std(x, axis=(0, 1), keepdims=True),
        lambda m, x: m.min(x, axis=0),
        lambda m, x: m.argmin(x, axis=1, keepdims=True),
        lambda m, x: m.argmax(x),
        lambda m, x: m.any(x > 2, axis=1),
        lambda m, x: m.all(x > -5),
        lambda m, x: m.count_nonzero(x, axis=1, keepdims=True),
        lambda m, x: m.cumulative_sum(x[0]),
        lambda m, x: m.cumulative_prod(x, axis=0, include_initial=True),
        lambda m, x: m.diff(x, n=2, axis=1),
        lambda m, x: m.diff(x, axis=1, prepend=x[:, :1], append=x),
        lambda m, x: m.vecdot(x, x),
        lambda m, x: m.logaddexp(x, x[0]),
        lambda m, x: m.nonzero(x)[1],
        lambda m, x: m.unique_values(x),
        lambda m, x: m.tensordot(x, x, axes=([0], [0])),
        lambda m, x: m.logical_and(x > 0, x < 1),
        lambda m, x: m.bitwise_invert(m.astype(x, m.int64)),
        lambda m, x: m.positive(m.negative(m.divide(m.subtract(x, 1.0), m.multiply(x, x) + 1.0))),
    ],
)
def test_standards_functions_give_what_numpys_do(call: Callable[[Any, Any], Any]) -> None:
    out, expected = call(xp, mg.from_numpy(A)), np.asarray(call(np, A))
    assert out.shape == expected.shape
    assert out.dtype.kind == expected.dtype.kind
    np.testing.assert_allclose(out.numpy(), expected, rtol=1e-6)


def test_standards_dtypes() -> None:
    assert xp.isdtype(mg.float32, "real floating")
    assert xp.isdtype(mg.uint8, ("bool", "integral"))
    assert not xp.isdtype(mg.bool_, "numeric")
    assert xp.isdtype(mg.int8, mg.int8)
    assert (xp.result_type(mg.int8, mg.float32), xp.result_type(mg.ones(1))) == (mg.float32, mg.float32)
    assert (xp.can_cast(mg.int8, mg.int16), xp.can_cast(mg.float64, mg.float32)) == (True, False)
    assert (xp.finfo(mg.ones(1)).bits, xp.iinfo(mg.int8).max) == (32, 127)
    info = xp.__array_namespace_info__()
    assert (info.default_device(), info.devices()) == ("cpu", ["cpu"])
    assert info.capabilities()["boolean indexing"]
    assert info.default_dtypes()["real floating"] == mg.float32
    assert set(info.dtypes(kind="integral")) == {"int8", "int16", "int32", "int64", "uint8"}
    assert len(info.dtypes()) == 8


def test_standards_copies_and_views() -> None:
    x = mg.ones(2, 3)
    assert xp.asarray(x) is x
    assert xp.astype(x, mg.float32, copy=False) is x
    for made, shared in [
        (xp.asarray(x, copy=True), False),
        (xp.astype(x, mg.float32), False),
        (xp.reshape(x, (6,), copy=False), True),
        (xp.from_dlpack(x), True),
        (xp.from_dlpack(x, copy=True), False),
    ]:
        assert np.shares_memory(made.array, x.array) == shared
    with pytest.raises(ValueError, match="asarray: a list becomes a tensor by copying only"):
        xp.asarray([1.0], copy=False)
    with pytest.raises(ValueError, match=r"squeeze: axis 0 of shape \(2, 3\) does not have size 1"):
        xp.squeeze(x, 0)
    with pytest.raises(ValueError, match=r"cumulative_sum: along which axis of shape \(2, 3\)\? Name one"):
        xp.cumulative_sum(x)
    with pytest.raises(ValueError, match="there is no device 'gpu'"):
        xp.zeros((1,), device="gpu")
