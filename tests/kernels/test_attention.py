"""Attention in blocks of queries against the reference in float64: every edge of a block, masks, threads."""

from __future__ import annotations

import tracemalloc
from importlib import import_module
from typing import Any

import numba
import numpy as np
import pytest

import minigrad as mg
from minigrad.kernels import cpu, reference
from minigrad.nn import functional as F

Array = np.ndarray[Any, Any]
MODULE = import_module("minigrad.kernels.cpu.attention")
ROWS = 5 if numba.config.DISABLE_JIT else MODULE.ROWS  # queries at a time; as Python, many take long


@pytest.fixture(autouse=True)
def _few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MODULE, "ROWS", ROWS)


def normal(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


def agree(q: Array, k: Array, v: Array, mask: Array | None, dtype: str, *, is_causal: bool) -> None:
    """Whether both ways are those of the reference in float64."""
    given = [x if x is None else x.astype(dtype) for x in (q, k, v, mask)]
    exact = [x if x is None else x.astype(np.float64) for x in given]
    dout = normal(*q.shape, seed=9).astype(dtype)
    pairs = [(cpu.attention(*given, 0.3, is_causal), reference.attention(*exact, 0.3, is_causal))]
    if v.shape[-1] == q.shape[-1]:
        found = cpu.attention_backward(dout, *given, 0.3, is_causal)
        pairs.append((found, reference.attention_backward(dout.astype(np.float64), *exact, 0.3, is_causal)))
    for got, want in pairs:
        assert got.dtype == dtype
        scale = max(1, np.abs(want).max(initial=0, where=np.isfinite(want)))
        np.testing.assert_allclose(got / scale, want / scale, rtol=0, atol=50 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("is_causal", [False, True])
@pytest.mark.parametrize("L", [0, 1, 2, ROWS - 1, ROWS, ROWS + 1, 2 * ROWS + 5])
@pytest.mark.parametrize(
    ("S", "E", "Ev"), [(1, 1, 1), (7, 3, 3), (40, 16, 33), (2 * ROWS, 17, 17), (0, 2, 2), (3, 0, 0)]
)
def test_any_shape_is_that_of_the_reference(L, S, E, Ev, is_causal, dtype):
    agree(normal(2, L, E), normal(2, S, E), normal(2, S, Ev, seed=1), None, dtype, is_causal=is_causal)


@pytest.mark.parametrize("shape", [(3, 5), (1, 5), (3, 1), (4, 3, 5), (2, 1, 1, 5), (2, 4, 3, 5)])
@pytest.mark.parametrize("is_causal", [False, True])
def test_a_mask_is_added_where_it_repeats(shape, is_causal):
    mask = normal(*shape)
    mask[mask > 1] = -np.inf
    mask[..., -1, :] = -np.inf  # a query that sees no key
    agree(normal(2, 4, 3, 6), normal(2, 4, 5, 6), normal(2, 4, 5, 6, seed=1), mask, "float64", is_causal=is_causal)


def test_operands_may_lie_in_any_order():
    x = normal(3, 2, ROWS + 2, 8)
    layouts = [x, x[..., ::-1], x[:, :, ::-1], np.asfortranarray(x), np.broadcast_to(x[:1, :1], x.shape)]
    layouts += [normal(3, ROWS + 2, 2, 8).swapaxes(1, 2), normal(3, 2, 8, ROWS + 2).swapaxes(2, 3)]
    for q in layouts:
        for k in layouts:
            agree(q, k, q, None, "float64", is_causal=True)


def test_one_query_that_is_not_a_number_spoils_its_own_row_alone():
    q, k = normal(1, 5, 4), normal(1, 5, 4)
    q[0, 2, 1] = np.nan
    out = cpu.attention(q, k, k, None, 0.5, False)
    assert np.isnan(out[0, 2]).all()
    assert np.isfinite(np.delete(out, 2, 1)).all()


def test_scores_that_overflow_are_not_numbers_while_a_mask_may_hide_every_key():
    big = np.full((1, 2, 1), 3e38, np.float32)
    for target in (cpu, reference):
        assert np.isnan(target.attention(big, -big, big, None, 1.0, False)).all()
        mask = np.full((2, 2), -np.inf, np.float32)
        one = np.ones_like(big)
        assert (target.attention(one, one, one, mask, 1.0, False) == 0).all()


def test_scores_too_large_for_an_exponential_and_a_scale_below_zero_are_right():
    q = normal(2, 9, 4) * 1e3
    agree(q, q, q, None, "float64", is_causal=False)
    want = reference.attention(q, q, q, None, -0.5, False)
    np.testing.assert_allclose(cpu.attention(q, q, q, None, -0.5, False), want, rtol=1e-12)


@pytest.mark.compiled
def test_the_number_of_threads_changes_no_more_than_the_order_of_sums():
    q, k, v = (normal(2, 3, 200, 32, seed=s).astype(np.float32) for s in range(3))
    before, found = mg.get_num_threads(), []
    try:
        for threads in (1, before):
            mg.set_num_threads(threads)
            once, again = (
                (cpu.attention(q, k, v, None, 0.2, True), cpu.attention_backward(q, q, k, v, None, 0.2, True))
                for _ in range(2)
            )
            for x, y in zip(once, again, strict=True):
                np.testing.assert_array_equal(x, y)  # the same number: the same bits
            found.append(once)
    finally:
        mg.set_num_threads(before)
    for x, y in zip(*found, strict=True):
        np.testing.assert_allclose(x, y, rtol=0, atol=1e-5 * np.abs(x).max())


@pytest.mark.compiled
def test_nobody_holds_the_weights():
    """A step takes less memory than the weights of all heads alone would."""
    q, k, v = (mg.from_numpy(normal(2, 4, 512, 8, seed=s)).requires_grad_() for s in range(3))
    F.scaled_dot_product_attention(q, k, v).sum().backward()  # compiled
    tracemalloc.start()
    F.scaled_dot_product_attention(q, k, v).sum().backward()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * 4 * 512 * 512 * 8


def test_attention_whose_weights_nobody_asked_for_is_one_node():
    q = mg.ones(1, 3, 4, requires_grad=True)
    assert F.scaled_dot_product_attention(q, q, q).grad_fn.name() == "AttentionBackward"
    learnt = mg.zeros(3, 3, requires_grad=True)
    assert F.scaled_dot_product_attention(q, q, q, attn_mask=learnt).grad_fn.name() == "MatMulBackward"
    assert F.scaled_dot_product_attention(q, q, q, dropout_p=0.5).grad_fn.name() == "MatMulBackward"
