"""A user's mistake is refused before any kernel runs, with what was asked, the shapes, and the remedy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad.modes import observe

X, V, S = mg.ones(2, 3, requires_grad=True), mg.ones(3, requires_grad=True), mg.ones((), requires_grad=True)
INTS, BOOLS, EMPTY = mg.ones(2, 3, dtype=mg.int64), mg.ones(2, dtype=mg.bool_), mg.zeros(0, 3)
MASK, NONE = X > 0, mg.zeros(3, dtype=mg.int8)
DOUBLE = mg.ones(3, 2, dtype=mg.float64)

MISTAKES: list[tuple[Callable[[], Any], type[Exception], str]] = [
    # shapes
    (lambda: X + mg.ones(2), ValueError,
     "add: the shapes (2, 3) and (2,) do not broadcast: compared from the right, "
     "two sizes must be equal, or one of them 1"),
    (lambda: mg.lt(X, mg.ones(4)), ValueError, "lt: the shapes (2, 3) and (4,) do not broadcast"),
    (lambda: X @ X, ValueError,
     "matmul: (2, 3) @ (2, 3): "
     "the last size of the first, 3, and the second-last of the second, 2, must be equal"),
    (lambda: X @ mg.ones(2), ValueError,
     "matmul: (2, 3) @ (2,): the last size of the first, 3, and the only of the second, 2, must be equal"),
    (lambda: X @ S, ValueError, "matmul: (2, 3) @ (): a tensor without dimensions is not a matrix, use *"),
    (lambda: mg.ones(2, 2, 3) @ mg.ones(3, 3, 2), ValueError,
     "matmul, batch dimensions: the shapes (2,) and (3,) do not broadcast"),
    (lambda: mg.linear(X, mg.ones(4, 2)), ValueError,
     "linear: x (2, 3) does not fit W (4, 2): they must be (..., d_in), (d_out, d_in) and (d_out,)"),
    (lambda: mg.linear(X, mg.ones(4, 3), mg.ones(3)), ValueError,
     "linear: x (2, 3) does not fit W (4, 3) and b (3,)"),
    (lambda: X.reshape(4, 2), ValueError, "reshape: the 6 elements of shape (2, 3) do not fill the shape (4, 2)"),
    (lambda: X.reshape(-1, -1), ValueError,
     "reshape: the 6 elements of shape (2, 3) do not fill the shape (-1, -1)"),
    (lambda: EMPTY.reshape(-1, 0), ValueError, "reshape: the 0 elements"),
    (lambda: X.T.view(6), ValueError,
     "view: a tensor of shape (3, 2) and strides (1, 3) has no view of shape (6,): use reshape()"),
    (lambda: X.expand(2, 4), ValueError, "expand: (2, 3) does not expand to (2, 4): only sizes of 1 repeat"),
    (lambda: X.expand(3), ValueError, "expand: (2, 3) does not expand to (3,)"),
    (lambda: X.expand(-1, 2, 3), ValueError, "expand: (2, 3) does not expand to (-1, 2, 3)"),
    (lambda: X.sum_to_size(2), ValueError, "sum_to_size: (2, 3) is not a broadcast of (2,)"),
    (lambda: mg.cat([X, mg.ones(2, 2)]), ValueError,
     "cat: along dim 0, the other sizes of (2, 3), (2, 2) must be equal"),
    (lambda: mg.cat([S, S]), ValueError, "cat: along dim 0, the other sizes of (), () must be equal"),
    (lambda: mg.cat([]), ValueError, "cat: needs at least one tensor"),
    (lambda: mg.stack([X, V]), ValueError, "stack: the shapes (2, 3), (3,) must be equal"),
    (lambda: X.permute(0, 0), ValueError, "permute: (0, 0) is not an order of 2 dimensions"),
    (lambda: X.flatten(1, 0), ValueError, "flatten: start_dim 1 comes after end_dim 0"),
    (lambda: EMPTY.max(), ValueError, "max: a tensor of shape (0, 3) has no element"),
    (lambda: EMPTY.min(0), ValueError, "min: a tensor of shape (0, 3) has no element along dim 0"),
    (lambda: mg.zeros(0).argmax(), ValueError, "argmax: a tensor of shape (0,) has no element along dim 0"),
    (lambda: EMPTY.amax((0, 1)), ValueError, "amax: a tensor of shape (0, 3) has no element along dim 0, 1"),
    (lambda: EMPTY.median(0), ValueError, "median: a tensor of shape (0, 3) has no element along dim 0"),
    (lambda: EMPTY.norm(float("inf")), ValueError, "norm: a tensor of shape (0, 3) has no element along dim 0, 1"),
    (lambda: X.topk(4), ValueError, "topk: there are no 4 elements along dim -1 of shape (2, 3)"),
    (lambda: X.topk(-1), ValueError, "topk: there are no -1 elements along dim -1 of shape (2, 3)"),
    # dims
    (lambda: X.sum(2), IndexError, "sum: dim 2 is out of range for 2 dimensions (use -2 to 1)"),
    (lambda: X.softmax(-3), IndexError, "softmax: dim -3 is out of range for 2 dimensions (use -2 to 1)"),
    (lambda: S.log_softmax(1), IndexError, "log_softmax: dim 1 is out of range for 0 dimensions (use -1 to 0)"),
    (lambda: X.max(5), IndexError, "max: dim 5 is out of range"),
    (lambda: X.transpose(0, 2), IndexError, "transpose: dim 2 is out of range"),
    (lambda: X.unsqueeze(3), IndexError, "unsqueeze: dim 3 is out of range for 3 dimensions (use -3 to 2)"),
    (lambda: mg.cat([X, X], 2), IndexError, "cat: dim 2 is out of range"),
    (lambda: X.mean((0, -2)), ValueError, "mean: dim (0, -2) names a dimension twice"),
    (lambda: X.prod((1, 1)), ValueError, "prod: dim (1, 1) names a dimension twice"),
    (lambda: X.sort(2), IndexError, "sort: dim 2 is out of range for 2 dimensions (use -2 to 1)"),
    (lambda: X.cumsum(-3), IndexError, "cumsum: dim -3 is out of range for 2 dimensions (use -2 to 1)"),
    (lambda: X.cumprod(1.0), TypeError, "cumprod: dim must be an int, got float"),
    (lambda: X.argmax("0"), TypeError, "argmax: dim must be an int, got str"),
    (lambda: X.reshape(2.0, 3), TypeError, "reshape: sizes must be ints, got (2.0, 3)"),
    # dtypes and kinds of operands
    (lambda: INTS.var(), TypeError, "var: x must be of floats, it is int64: use x.float()"),
    (lambda: INTS.norm(), TypeError, "norm: x must be of floats, it is int64: use x.float()"),
    (lambda: X.mean(dtype=mg.int64), TypeError, "mean: the dtype must be one of floats, got int64"),
    (lambda: X.std(unbiased=True, correction=1), TypeError, "std: takes either unbiased or correction"),
    (lambda: X.norm("nuc"), ValueError, "norm: there is no order 'nuc': use a number, inf, -inf or 'fro'"),
    (lambda: X.topk(1.0), TypeError, "topk: k must be an int, got 1.0"),
    (lambda: mg.any([True]), TypeError, "any() expects a Tensor, got list"),
    (lambda: X @ DOUBLE, TypeError, "matmul: the dtypes float32, float64 must be equal"),
    (lambda: mg.linear(X, DOUBLE.T), TypeError, "linear: the dtypes float32, float64 must be equal"),
    (lambda: INTS.mean(), TypeError, "mean: x must be of floats, it is int64: use x.float()"),
    (lambda: BOOLS - BOOLS, TypeError, "sub: bools have no difference; use != for exclusive or"),
    (lambda: -BOOLS, TypeError, "neg: a bool has no negative; use ~x for its opposite"),
    (lambda: abs(BOOLS), TypeError, "abs: x must not be bool: use x.to(mg.uint8)"),
    (lambda: BOOLS.floor(), TypeError, "floor: x must not be bool: use x.to(mg.uint8)"),
    (lambda: INTS.frac(), TypeError, "frac: x must be of floats, it is int64: use x.float()"),
    (lambda: INTS.round(decimals=1), TypeError, "round: x must be of floats, it is int64: use x.float()"),
    (lambda: X.round(decimals=1.5), TypeError, "round: decimals must be an int, got float"),
    (lambda: X.round(decimals=39), ValueError, "round: decimals must be between -38 and 38, got 39"),
    (lambda: mg.add(INTS, INTS, alpha=0.5), TypeError, "add: alpha=0.5 would make float32 of int64 elements"),
    (lambda: INTS // 0, ZeroDivisionError,
     "floor_divide: integers have no value for a division by zero: use x.float()"),
    (lambda: INTS % NONE, ZeroDivisionError, "remainder: integers have no value for a division by zero"),
    (lambda: mg.fmod(INTS, 0), ZeroDivisionError, "fmod: integers have no value for a division by zero"),
    (lambda: mg.div(INTS, False, rounding_mode="trunc"), ZeroDivisionError, "div: integers have no value"),
    (lambda: BOOLS // BOOLS, TypeError, "floor_divide: bools have no quotient: use x.to(mg.uint8)"),
    (lambda: mg.div(X, 2, rounding_mode="up"), ValueError,
     "div: rounding_mode must be None, 'floor' or 'trunc', got 'up'"),
    (lambda: mg.lerp(INTS, INTS, 1), TypeError, "lerp: start must be of floats, it is int64: use x.float()"),
    (lambda: mg.where(X, X, X), TypeError, "where: condition must be bool, got float32: use condition != 0"),
    (lambda: mg.where(BOOLS, X, X), ValueError, "where: the shapes (2,) and (2, 3) and (2, 3) do not broadcast"),
    (lambda: X.masked_fill(INTS, 0), TypeError, "masked_fill: mask must be bool, got int64: use mask != 0"),
    (lambda: X.masked_fill(MASK, V), ValueError,
     "masked_fill: value must have no dimensions, its shape is (3,): use where()"),
    (lambda: INTS.masked_fill(MASK, float("inf")), OverflowError,
     "masked_fill: the number inf does not fit into int64"),
    (lambda: X.clamp(), ValueError, "clamp: needs min, max or both"),
    (lambda: X.clamp(mg.ones(2)), ValueError, "clamp: the shapes (2, 3) and (2,) do not broadcast"),
    (lambda: X.clamp("0"), TypeError, "clamp() expects tensors and Python numbers, got str"),
    (lambda: ~X, TypeError, "bitwise_not: float32 has no bits to combine, only integers and bools have"),
    (lambda: INTS & 1.5, TypeError, "bitwise_and: float32 has no bits to combine"),
    (lambda: mg.isclose(X, X, rtol=-1), ValueError, "isclose: rtol must not be negative, got -1"),
    (lambda: mg.equal(X, 1), TypeError, "equal() expects a Tensor, got int"),
    (lambda: INTS**-1, ValueError, "pow: int64 to a negative power is not an integer: use x.float()"),
    (lambda: X + "1", TypeError,
     "add() expects tensors and Python numbers, got str: mg.tensor() and mg.from_numpy() make tensors"),
    (lambda: np.ones(3) * V, TypeError, "mul() expects tensors and Python numbers, got ndarray"),
    (lambda: mg.add(1, 2), TypeError, "add() expects a Tensor, got int"),
    (lambda: mg.exp(1.0), TypeError, "exp() expects a Tensor, got float"),
    (lambda: mg.linear(X, np.ones((4, 3))), TypeError, "linear() expects a Tensor, got ndarray"),
    (lambda: X.to("float16"), ValueError, "there is no device 'float16': use 'cpu'"),
    (lambda: X.to(np.float16), TypeError,
     "<class 'numpy.float16'> is not a dtype of minigrad: use one of float32, float64"),
    (lambda: X.to("gpu"), ValueError, "there is no device 'gpu': use 'cpu'"),
]  # fmt: skip


@pytest.mark.parametrize(("mistake", "error", "text"), MISTAKES, ids=[text[:50] for _, _, text in MISTAKES])
def test_mistake_is_refused_with_its_text_before_anything_runs(
    mistake: Callable[[], Any], error: type[Exception], text: str
) -> None:
    ran: list[str] = []
    with observe(lambda op, inputs, out, seconds: ran.append(op.title)), pytest.raises(error) as caught:
        mistake()
    assert str(caught.value).startswith(text)
    assert set(ran) <= {"Permute", "Reshape"}  # views, such as the .T in a mistake itself
    assert [t.grad for t in (X, V, S)] == [None, None, None]
