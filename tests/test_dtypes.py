"""Dtypes: which there are, what names them, which one results."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import dtypes


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        (mg.float32, "float32"), ("float64", "float64"), (float, "float32"), (int, "int64"), (bool, "bool"),
        (np.int8, "int8"), (np.dtype("uint8"), "uint8"), ("bool", "bool"), ("int16", "int16"),
    ],
)  # fmt: skip
def test_dtype_is_found_by_itself_name_or_python_type(what: Any, expected: str) -> None:
    assert dtypes.dtype(what).name == expected


@pytest.mark.parametrize("what", ["float16", "complex64", "nonsense", object, ">f4", 3, {}, "f4,f4", "U3"])
def test_unknown_dtype_is_refused_with_the_list(what: Any) -> None:
    text = "use one of float32, float64, int64, int32, int16, int8, uint8, bool"
    with pytest.raises(TypeError, match=text) as caught:
        dtypes.dtype(what)
    assert str(caught.value).startswith(f"{what!r} is not a dtype of minigrad")


def test_promotion_is_symmetric_and_idempotent_and_has_a_result_in_the_list() -> None:
    for x, y in product(dtypes.ALL, dtypes.ALL):
        result = dtypes.promote_types(x, y)
        assert result == dtypes.promote_types(y, x)
        assert result in dtypes.ALL
        assert dtypes.promote_types(result, x) == result


def test_numbers_have_a_dtype_of_their_own() -> None:
    assert [dtypes.of_number(n).name for n in (True, 1, 1.0)] == ["bool", "int64", "float32"]
    numpys = (np.True_, np.uint8(1), np.float64(1))
    assert [dtypes.of_number(n).name for n in numpys] == ["bool", "int64", "float32"]


@pytest.mark.peer
def test_peer_promotes_every_pair_alike() -> None:
    torch = pytest.importorskip("torch")
    for x, y in product(dtypes.ALL, dtypes.ALL):
        theirs = torch.promote_types(getattr(torch, x.name), getattr(torch, y.name))
        assert f"torch.{dtypes.promote_types(x, y).name}" == str(theirs)
