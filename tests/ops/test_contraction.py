"""einsum, tensordot and the strict products: what they are made of, in which order, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad as mg
from minigrad.modes import observe


def what_ran(function: Callable[[], Any]) -> list[str]:
    ran: list[str] = []
    with observe(lambda op, inputs, out, seconds: ran.append(op.title)):
        function()
    return ran


@pytest.mark.parametrize(
    ("equation", "shapes", "made_of"),
    [
        ("ij,jk->ik", [(2, 3), (3, 4)], ["MatMul"]),
        ("bij,bjk->bik", [(2, 2, 3), (2, 3, 4)], ["MatMul"]),
        ("ij,kj->ik", [(2, 3), (4, 3)], ["Permute", "MatMul"]),
        ("ij->ji", [(2, 3)], ["Permute"]),
        ("ii->i", [(3, 3)], ["Diagonal"]),
        ("ii", [(3, 3)], ["Diagonal", "Sum"]),
        ("ij,ij->ij", [(2, 3), (2, 3)], ["Mul"]),
        ("i,j->ij", [(2,), (3,)], ["Reshape", "Reshape", "Mul"]),
        ("ij,ik->i", [(2, 3), (2, 5)], ["Sum", "Sum", "Mul"]),
    ],
)
def test_einsum_is_one_matrix_product_and_no_more_than_it_needs(
    equation: str, shapes: list[tuple[int, ...]], made_of: list[str]
) -> None:
    operands = [mg.rand(shape) for shape in shapes]
    assert what_ran(lambda: mg.einsum(equation, *operands)) == made_of


def flops_of(function: Callable[[], Any]) -> list[int]:
    """Of each operation that has any."""
    found: list[int] = []
    with observe(lambda op, inputs, out, seconds: found.append(op.flops(*[t.shape for t in inputs]))):
        function()
    return [flops for flops in found if flops]


def test_einsum_of_many_multiplies_first_what_leaves_least() -> None:
    a, b, v = mg.rand(50, 50), mg.rand(50, 50), mg.rand(50)
    assert flops_of(lambda: mg.einsum("ij,jk,k->i", a, b, v)) == [2 * 50 * 50] * 2
    expected = a.array @ (b.array @ v.array)
    np.testing.assert_allclose(mg.einsum("ij,jk,k->i", a, b, v).array, expected, rtol=1e-5)


def test_flops_of_every_product_are_counted() -> None:
    x, y = mg.rand(2, 3, 4), mg.rand(2, 4, 5)
    assert flops_of(lambda: mg.bmm(x, y)) == [2 * 2 * 3 * 4 * 5]
    assert flops_of(lambda: mg.mm(x[0], y[0])) == [2 * 3 * 4 * 5]
    assert flops_of(lambda: mg.mv(x[0], y[0, :, 0])) == [2 * 3 * 4]
    assert flops_of(lambda: mg.dot(x[0, 0], y[0, :, 0])) == [2 * 4]
    assert flops_of(lambda: mg.einsum("bij,bjk->bik", x, y)) == [2 * 2 * 3 * 4 * 5]
    assert flops_of(lambda: mg.tensordot(x, y, ([2], [1]))) == [2 * 6 * 4 * 10]
    assert flops_of(lambda: mg.outer(x[0, 0], y[0, 0])) == []


@st.composite
def equations(draw: Any) -> tuple[str, list[tuple[int, ...]]]:
    """Any equation of up to three operands, with repeated letters, and sizes to it."""
    size = {letter: draw(st.integers(1, 3)) for letter in "abcdE"}
    terms = [draw(st.text("abcdE", max_size=4)) for _ in range(draw(st.integers(1, 3)))]
    used = sorted(set("".join(terms)))
    text = ",".join(terms)
    if draw(st.booleans()):
        wanted = draw(st.lists(st.sampled_from(used), unique=True)) if used else []
        text += "->" + "".join(wanted)
    return text, [tuple(size[letter] for letter in term) for term in terms]


@settings(max_examples=150, deadline=None, derandomize=True)
@given(equations())
def test_einsum_is_numpys(case: tuple[str, list[tuple[int, ...]]]) -> None:
    equation, shapes = case
    rng = np.random.default_rng(0)
    arrays = [np.asarray(rng.uniform(0.5, 1.5, shape)) for shape in shapes]
    out = mg.einsum(equation, *map(mg.from_numpy, arrays))
    expected = np.asarray(np.einsum(equation, *arrays))
    assert out.shape == expected.shape
    np.testing.assert_allclose(out.array, expected, rtol=1e-13)


def test_einsum_of_integers_is_exact() -> None:
    x = mg.arange(6).reshape(2, 3)
    assert mg.einsum("ij,kj->ik", x, x).tolist() == [[5, 14], [14, 50]]
    assert mg.dot(x[0], x[1]).item() == 14


X, V = mg.ones(2, 3), mg.ones(3)

MISTAKES: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: mg.einsum("ij,jk", X), ValueError, "einsum: 'ij,jk' is about 2 operands, got 1"),
    (lambda: mg.einsum("ijk", X), ValueError, "einsum: 'ijk' in 'ijk' names 3 dims, the operand has 2"),
    (lambda: mg.einsum("i", X), ValueError, "einsum: 'i' in 'i' names 1 dims, the operand has 2"),
    (lambda: mg.einsum("i1", X), ValueError, "einsum: 'i1' in 'i1' must be letters, with at most one '...'"),
    (lambda: mg.einsum("i..j", X), ValueError, "einsum: 'i..j' in 'i..j' must be letters, with at most one '...'"),
    (lambda: mg.einsum("......", X), ValueError, "einsum: '......' in '......' must be letters"),
    (lambda: mg.einsum("ij->->", X), ValueError, "einsum: '->' in 'ij->->' must be letters"),
    (lambda: mg.einsum("ij->ii", X), ValueError,
     "einsum: in 'ij->ii', each letter of the result must be of an operand, and there once"),
    (lambda: mg.einsum("ij->k", X), ValueError, "einsum: in 'ij->k', each letter of the result must be of an"),
    (lambda: mg.einsum("ij,ik->jk", X, V.reshape(3, 1)), ValueError,
     "einsum: in 'ij,ik->jk', 'i' has two sizes in the operands of shape (2, 3), (3, 1)"),
    (lambda: mg.einsum("ii", X[:, :1]), ValueError,
     "einsum: in 'ii', 'i' has two sizes in the operands of shape (2, 1)"),
    (lambda: mg.einsum("...,...", X, mg.ones(2)), ValueError,
     "einsum: in '...,...', '...' has two sizes in the operands of shape (2, 3), (2,)"),
    (lambda: mg.einsum("i,i", V, V.double()), TypeError, "einsum: the dtypes float32, float64 must be equal"),
    (lambda: mg.einsum("i", [1.0]), TypeError, "einsum() expects a Tensor, got float"),
    (lambda: mg.tensordot(X, X, 1), ValueError,
     "tensordot: dims [1] of shape (2, 3) and [0] of shape (2, 3) do not match"),
    (lambda: mg.tensordot(X, V, 2), ValueError, "tensordot: shapes (2, 3) and (3,) have no 2 dims to meet"),
    (lambda: mg.tensordot(X, X, ([0, 0], [0, 0])), ValueError, "tensordot: dims [0, 0] of shape (2, 3)"),
    (lambda: mg.tensordot(X, X, ([0, 1], [0])), ValueError, "tensordot: dims [0, 1] of shape (2, 3) and [0]"),
    (lambda: mg.tensordot(X, X, [1]), ValueError, "tensordot: dims must be a number or two lists, got [1]"),
    (lambda: mg.dot(X, V), ValueError,
     "dot: (2, 3) @ (3,): the shapes must be (K,) @ (K,); matmul() takes others"),
    (lambda: mg.dot(V, mg.ones(2)), ValueError, "dot: (3,) @ (2,): the shapes must be (K,) @ (K,)"),
    (lambda: mg.mv(V, V), ValueError, "mv: (3,) @ (3,): the shapes must be (M, K) @ (K,)"),
    (lambda: mg.mm(X, V), ValueError, "mm: (2, 3) @ (3,): the shapes must be (M, K) @ (K, N)"),
    (lambda: mg.bmm(mg.ones(1, 2, 3), mg.ones(2, 3, 2)), ValueError,
     "bmm: (1, 2, 3) @ (2, 3, 2): the shapes must be (B, M, K) @ (B, K, N)"),
    (lambda: mg.mv(X, V.double()), TypeError, "mv: the dtypes float32, float64 must be equal"),
    (lambda: mg.outer(X, V), ValueError, "outer: takes two vectors, got the shapes (2, 3) and (3,)"),
]  # fmt: skip


@pytest.mark.parametrize(("mistake", "error", "text"), MISTAKES, ids=[text[:50] for _, _, text in MISTAKES])
def test_mistake_is_refused_before_anything_runs(
    mistake: Callable[[], Any], error: type[Exception], text: str
) -> None:
    with pytest.raises(error) as caught:
        mistake()
    assert str(caught.value).startswith(text)
