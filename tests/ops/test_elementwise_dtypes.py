"""Elementwise operations on every dtype: what results, and that values are PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import dtypes

TO_FLOAT = """
    reciprocal sqrt rsqrt exp exp2 expm1 log log2 log10 log1p erf sin cos tan asin acos atan sinh cosh asinh acosh
    atanh sigmoid tanh
""".split()
SAME = "neg abs floor ceil trunc round".split()  # and none of bool
QUESTIONS = "isnan isinf isfinite logical_not".split()
ONE_OPERAND = [*TO_FLOAT, *SAME, *QUESTIONS, "sign", "square", "bitwise_not", "frac"]

QUOTIENTS = "floor_divide remainder fmod".split()
LOGIC = "logical_and logical_or logical_xor eq ne lt le gt ge".split()
BITS = "bitwise_and bitwise_or bitwise_xor".split()
TWO_OPERANDS = ["add", "sub", "mul", "div", "pow", "maximum", "minimum", "atan2", *QUOTIENTS, *LOGIC, *BITS]

WHOLE = [d for d in dtypes.ALL if d.kind != "f"]
VALUES = {"b": [[True, False, True], [True, True, False]], "u": [[3, 0, 2], [1, 2, 5]]}
SIGNED = [[-3, 0, 2], [2, 3, -5]]

every_dtype = pytest.mark.parametrize("dtype", dtypes.ALL, ids=str)


def operand(dtype: Any, which: int = 0) -> Any:
    return mg.tensor(VALUES.get(dtype.kind, SIGNED)[which], dtype=dtype)


@every_dtype
@pytest.mark.parametrize("name", TO_FLOAT)
def test_integers_and_bools_become_float32_and_floats_stay(name: str, dtype: Any) -> None:
    assert getattr(mg, name)(operand(dtype)).dtype == (dtype if dtype.kind == "f" else mg.float32)


@pytest.mark.parametrize("dtype", WHOLE, ids=str)
@pytest.mark.parametrize("name", SAME)
def test_integers_stay_and_bools_are_refused(name: str, dtype: Any) -> None:
    if dtype == mg.bool_:
        with pytest.raises(TypeError, match=name):
            getattr(mg, name)(operand(dtype))
    else:
        x = operand(dtype)
        found = getattr(mg, name)(x)
        assert found.dtype == dtype
        assert found.array is not x.array


@every_dtype
@pytest.mark.parametrize("name", QUESTIONS)
def test_questions_are_answered_with_bools(name: str, dtype: Any) -> None:
    assert getattr(mg, name)(operand(dtype)).dtype == mg.bool_


def test_three_operands_promote_as_arrays_before_scalars_before_numbers() -> None:
    small, large = mg.tensor([1], dtype=mg.int8), mg.tensor(3)
    half = mg.tensor(0.5, dtype=mg.float64)
    assert small.clamp(0, large).dtype == mg.int8
    assert small.clamp(0, half).dtype == mg.float64
    assert small.clamp(0.5, 2).dtype == mg.float32
    assert mg.where(small > 0, small, 1.5).dtype == mg.float32
    assert mg.where(small > 0, 1, 2).dtype == mg.int64
    assert mg.where(small > 0, True, False).dtype == mg.bool_
    assert mg.where(small > 0, mg.ones(1, dtype=mg.float64), small).dtype == mg.float64
    assert mg.ones(1).masked_fill(small > 0, half).dtype == mg.float32
    assert mg.lerp(mg.ones(1), mg.ones(1), half).dtype == mg.float32


@pytest.mark.parametrize("dtype", WHOLE, ids=str)
def test_one_bound_leaves_the_other_side_of_every_integer_open(dtype: Any) -> None:
    if dtype == mg.bool_:
        ends, one = mg.tensor([False, True]), True
    else:
        ends, one = mg.tensor([int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)], dtype=dtype), 1
    assert mg.equal(ends.clamp(min=one), mg.maximum(ends, one))
    assert mg.equal(ends.clamp(max=one), mg.minimum(ends, one))
    assert ends.clamp(max=one).dtype == dtype


# -- PyTorch as the oracle ------------------------------------------------------------------------------------

#: What minigrad computes although PyTorch does not: it refuses bools more often.
WIDER = {("pow", "bool", "bool"), ("sub", "bool", "any"), ("sub", "any", "bool")}


def compare(torch: Any, name: str, *operands: mg.Tensor) -> None:
    theirs = [torch.from_numpy(np.atleast_1d(x.array)) for x in operands]
    try:
        want = getattr(torch, name)(*theirs)
    except (RuntimeError, NotImplementedError, TypeError):
        names = [x.dtype.name for x in operands]
        if {(name, *names), (name, "any", *names[1:]), (name, *names[:1], "any")} & WIDER:
            return
        with pytest.raises((TypeError, ValueError, ZeroDivisionError)):
            getattr(mg, name)(*operands)
        return
    found = getattr(mg, name)(*operands)
    assert f"torch.{found.dtype}" == str(want.dtype)
    np.testing.assert_allclose(found.array, want.numpy(), rtol=1e-6)


@pytest.mark.peer
@every_dtype
@pytest.mark.parametrize("name", ONE_OPERAND)
def test_peer_gives_the_same_dtype_and_values_or_refuses_too(name: str, dtype: Any) -> None:
    compare(pytest.importorskip("torch"), name, operand(dtype))


@pytest.mark.peer
@pytest.mark.parametrize("name", TWO_OPERANDS)
def test_peer_gives_the_same_for_two_dtypes_or_refuses_too(name: str) -> None:
    torch = pytest.importorskip("torch")
    for x in dtypes.ALL:
        for y in dtypes.ALL:
            right = operand(y, 0 if name in QUOTIENTS and y.kind != "f" else 1)  # none is divided by 0
            if name == "pow" and y.kind == "i":  # PyTorch gives 0 for 2**-1
                right = right.abs()
            compare(torch, name, operand(x), right)
