"""Sums of products over any dims."""

from __future__ import annotations

import numpy as np

from rows.row import Row, Shape, real


def einsum(equation: str, *shapes: Shape, numpy_equation: str | None = None) -> Row:
    """One equation, on plain operands and on others of the same shapes that are strided and reversed."""
    strided = [real(shape[::-1]).T[..., ::-1] if shape else real(()) for shape in shapes]
    return Row(
        "einsum",
        equation,
        lambda m, *xs: m.einsum(equation, *xs),
        lambda *xs: np.einsum(numpy_equation or equation, *xs),
        [tuple(map(real, shapes)), tuple(strided)],
    )


ROWS = [
    # one operand
    einsum("ij->ji", (2, 3)),
    einsum("ij->", (2, 3)),
    einsum("ij->j", (0, 3)),
    einsum("ii", (3, 3)),
    einsum("ii->i", (3, 3)),
    einsum("iji->j", (2, 3, 2)),
    einsum("iii->i", (2, 2, 2)),
    einsum("bA", (2, 3)),
    einsum("...ij->...ji", (2, 3, 1)),
    einsum("i...->...", (2, 3)),
    einsum("i...->", (2, 3), numpy_equation="ij->"),
    einsum("->", ()),
    # two
    einsum("ij,jk->ik", (2, 3), (3, 4)),
    einsum("ij , jk", (2, 3), (3, 2)),
    einsum("ij,kj->ki", (2, 3), (4, 3)),
    einsum("i,i", (3,), (3,)),
    einsum("i,j->ij", (2,), (3,)),
    einsum("ij,ij->ij", (2, 3), (2, 3)),
    einsum("ij,ij->j", (2, 3), (2, 3)),
    einsum("bij,bjk->bik", (2, 2, 3), (2, 3, 1)),
    einsum("bqhd,bkhd->bhqk", (1, 2, 2, 2), (1, 3, 2, 2)),
    einsum("...ij,...jk->...ik", (2, 1, 2, 2), (3, 2, 2)),
    einsum("b...,bc->c...", (2, 3, 1), (2, 2)),
    einsum("ij,kl->ijkl", (1, 2), (2, 2)),
    einsum("ij,kl->", (2, 2), (1, 3)),
    einsum("ij,ij->ij", (1, 3), (2, 3)),
    einsum("ij,jk->ik", (2, 1), (3, 4)),
    einsum("ij,jk->ik", (2, 0), (0, 3)),
    einsum("ii,ij->j", (2, 2), (2, 3)),
    einsum(",i->i", (), (3,)),
    # more
    einsum("ij,jk,kl->il", (2, 3), (3, 2), (2, 3)),
    einsum("ij,jk,kl,lm->im", (1, 3), (3, 2), (2, 2), (2, 3)),
    einsum("bn,anm,bm->ba", (2, 2), (1, 2, 3), (2, 3)),
    einsum("i,j,k->kij", (2,), (3,), (2,)),
    einsum("i,i,i->", (3,), (3,), (3,)),
    Row(
        "tensordot", "", lambda m, x, y: m.tensordot(x, y), lambda x, y: np.tensordot(x, y),
        [(real((2, 3, 2)), real((3, 2, 2))), (real((2, 3)), real((2, 3))), (real((3, 2)).T, real((2, 3))[::-1])],
    ),
    Row(
        "tensordot", "lists", lambda m, x, y: m.tensordot(x, y, ([0, -1], [1, 0])),
        lambda x, y: np.tensordot(x, y, ([0, -1], [1, 0])),
        [(real((2, 3)), real((3, 2))), (real((2, 2, 3)), real((3, 2, 2))), (real((0, 2, 3)), real((3, 0, 1)))],
    ),
    Row(
        "tensordot", "none", lambda m, x, y: m.tensordot(x, y, 0), lambda x, y: np.tensordot(x, y, 0),
        [(real((2,)), real((3,))), (real(()), real((2, 2)))],
    ),
]  # fmt: skip
