from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import minigrad as mg
from minigrad.viz import text
from minigrad.viz.settings import settings


@pytest.mark.parametrize(
    ("compute", "formula", "others"),
    [
        (lambda x: x.T, "y = permute(x, (1, 0))", {}),
        (lambda x: x.transpose(0, 1), "y = transpose(x, (1, 0))", {}),
        (lambda x: x.reshape(3, -1), "y = reshape(x, (3, 2))", {}),
        (lambda x: x.unsqueeze(0).expand(4, -1, -1), "y = expand(x, (4, 2, 3))", {}),
        (lambda x: mg.cat([x, x], dim=1), "y = cat(inputs, 1)", {}),
        (lambda x: mg.stack([x, x]), "y = stack(inputs, 0)", {}),
        (lambda x: x[0, ::2, None, ...], "y = x[0, ::2, None, ...]", {}),
        (lambda x: x[0 : mg.tensor(2)], "y = x[0:2]", {}),  # type: ignore[misc]
        (lambda x: x[mg.tensor(-1), :: np.int64(2)], "y = x[−1, ::2]", {}),
        (lambda x: x[mg.tensor([1, 0])], "y = x[int64 (2,)]", {}),
        (lambda x: x[()], "y = x[()]", {}),
        (lambda x: x**3, "y = x³", {}),
        (lambda x: x**True, "y = x¹", {}),
        (lambda x: x**False, "y = x⁰", {}),
        (lambda x: x**-1.5, "y = x^−1.5", {}),
        (lambda x: x.to(mg.float64), "y = x as another dtype", {}),
        (lambda x: x.softmax(1), "a = eᶻ / Σ eᶻ", {"dim": "1"}),
        (lambda x: x.sum(1), "y = Σ x", {"dims": "(1,)"}),
        (lambda x: x.split([1, 2], 1)[1], "y = x[:, 1:3]", {}),
        (lambda x: x.unbind(1)[2], "y = x[:, 2]", {}),
        (lambda x: x.max(1)[0], "y = max x along 1", {}),
        (lambda x: x.topk(2, 1)[0], "y = top 2 of x along 1", {}),
        (lambda x: x.topk(2, 1, largest=False)[0], "y = bottom 2 of x along 1", {}),
        (lambda x: x.sort(1)[0], "y = sort x along 1", {}),
        (lambda x: x.gather(1, mg.tensor([[0], [1]])), "y = x[index] along 1", {}),
        (lambda x: mg.nn.functional.dropout(x, 0.25), "y = x / (1 − 0.25), or 0 with probability 0.25", {}),
        (lambda x: x.sum(1, keepdim=True), "y = Σ x", {"dims": "(1,)", "keepdim": "True"}),
        (lambda x: x.mean(), "y = Σ x / n", {}),
        (lambda x: x.mean((0, 1), keepdim=True), "y = Σ x / n", {"keepdim": "True"}),
    ],
)
def test_a_formula_reads_like_what_was_called(
    compute: Callable[[mg.Tensor], mg.Tensor], formula: str, others: dict[str, str]
) -> None:
    op = compute(mg.ones(2, 3, requires_grad=True)).grad_fn
    assert op is not None
    in_formula, rest = settings(op, 2)
    assert text.formula(op.formula, dict(in_formula)) == formula
    assert dict(rest) == others


@pytest.mark.parametrize(
    ("compute", "formula"),
    [
        (lambda x: x < 2, "out = lt(x, y)"),
        (lambda x: x.isnan(), "y = isnan(x)"),
        (lambda x: x.argmax(1), "y = argmax(x) along 1"),
        (lambda x: x.any(1), "y = any(x)"),
        (lambda x: x.bool().logical_and(x.bool()), "out = logical_and(x, y)"),
        (lambda x: x.topk(2, 1)[1], "y = where the top 2 of x stand along 1"),
    ],
)
def test_a_formula_names_the_function_that_several_share_a_class_for(
    compute: Callable[[mg.Tensor], mg.Tensor], formula: str
) -> None:
    ran = mg.trace(compute, mg.ones(2, 3))
    found = {text.formula(op.formula, dict(settings(op, 2)[0])) for op, *_ in ran.events}
    assert formula in found


def test_a_recurrence_says_what_its_output_holds_besides_the_state() -> None:
    for layer, parts in ((mg.nn.LSTM(2, 2), "h, c, i, f, g, o"), (mg.nn.GRU(2, 2), "h, r, u, n, q")):
        ran = mg.trace(layer, mg.ones(1, 1, 2))
        (op,) = [op for op, *_ in ran.events if op.title == type(layer).__name__]
        assert dict(settings(op, 3)[1]) == {"parts": parts}


def test_a_write_into_a_view_shows_no_machinery() -> None:
    x = mg.ones(3, requires_grad=True) * 2
    x[0].mul_(3)
    assert x.grad_fn is not None and x.grad_fn.title == "PutView"
    assert settings(x.grad_fn, 1) == ((), ())


def test_a_convolution_names_its_windows_and_what_is_not_as_usual() -> None:
    x, W = mg.ones(1, 2, 5, 5), mg.ones(2, 1, 3, 3, requires_grad=True)
    F = mg.nn.functional
    for z, expected in (
        (F.conv2d(x, mg.ones(4, 2, 3, 3, requires_grad=True)), {"windows": "3 × 3"}),
        (F.conv2d(x, W, groups=2, padding=1), {"windows": "3 × 3, padding 1 × 1", "groups": "2"}),
        (F.conv2d(x, W, stride=(2, 1), dilation=2, groups=2),
         {"windows": "3 × 3, stride 2 × 1, dilation 2 × 2", "groups": "2"}),
        (F.max_pool2d(x * W.sum(), 2), {}),
        (F.avg_pool2d(x * W.sum(), 2), {}),
    ):  # fmt: skip
        assert z.grad_fn is not None
        assert dict(settings(z.grad_fn, 4)[1]) == expected
