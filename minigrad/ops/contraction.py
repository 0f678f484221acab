"""Contractions: sums of products over any dims, made of diagonals, sums, and one matrix product for each pair."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Collection, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

from minigrad.ops.arithmetic import mul
from minigrad.ops.diagonals import diagonal
from minigrad.ops.linear_algebra import matmul, one_dtype
from minigrad.ops.operands import cast, one_device, one_dim, sizes, tensor
from minigrad.ops.order import permute
from minigrad.ops.shape import reshape

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

__all__ = ["einsum", "tensordot"]

Labels = tuple[str, ...]  # the names of a tensor's dims

TERM = re.compile(r"([a-zA-Z]*)(\.\.\.)?([a-zA-Z]*)")


def einsum(equation: str, *operands: Tensor | Sequence[Tensor]) -> Tensor:
    """The sum of products that Einstein's notation describes: ``"ij,jk->ik"`` is the matrix product.

    Args:
        equation: for each operand a letter for each of its dims, with commas between operands, then ``->`` and
            the letters of the result. A letter that the result does not have is summed over. A letter twice in
            one operand takes the diagonal. ``...`` stands for any number of dims, which broadcast. Without
            ``->`` the result has ``...``, then the letters that occur once, in alphabetical order. Spaces mean
            nothing.
        operands: tensors of one dtype, or one list of them. Dims of one letter have one size, or size 1, which
            broadcasts.

    With more than two operands, each time the pair is multiplied that leaves the smallest result compared to what
    went in: the greedy order of opt_einsum (Smith and Gray, opt_einsum, JOSS 2018).

    Raises:
        ValueError: an equation that says none of this, or not as many dims, operands or sizes as there are.
        TypeError: operands of several dtypes, or no tensors. RuntimeError: operands on several devices.

    >>> import minigrad as mg
    >>> x = mg.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> mg.einsum("ij,jk->ik", x, x), mg.einsum("ii", x), mg.einsum("...j->...", x)
    (tensor([[ 7., 10.],
            [15., 22.]]), tensor(5.), tensor([3., 7.]))
    """
    listed: Any = operands[0] if len(operands) == 1 and isinstance(operands[0], (list, tuple)) else operands
    given = [tensor("einsum", t) for t in listed]
    terms, result = _parse(equation, *[t.ndim for t in given])
    size = _sizes(equation, terms, given)
    one_dtype("einsum", *given)
    one_device("einsum", *given)  # before one of them is summed, and so a number
    work = [_simplified(t, labels, size) for t, labels in zip(given, terms, strict=True)]
    while len(work) > 1:
        pairs = combinations(range(len(work)), 2)
        first, second = min(pairs, key=lambda pair: _cost(work, pair, result, size))
        (y, y_labels), (x, x_labels) = work.pop(second), work.pop(first)
        needed = {*result, *(label for _, labels in work for label in labels)}
        work.append(_product(x, x_labels, y, y_labels, needed))
    x, labels = _summed(*work[0], result)
    return _permuted(x, [labels.index(label) for label in result])


def tensordot(x: Tensor, y: Tensor, dims: int | Sequence[Sequence[int]] = 2) -> Tensor:
    """The sum of products over pairs of dims: as a matrix product, with dims of any number on either side.

    ``dims`` is how many of the last dims of ``x`` meet the first of ``y``, or the two lists of dims that meet.
    Raises ValueError where they are not as many, or have different sizes, TypeError for two dtypes.

    >>> import minigrad as mg
    >>> mg.tensordot(mg.ones(2, 3, 4), mg.ones(3, 4, 5)).shape
    (2, 5)
    >>> mg.tensordot(mg.ones(2, 3), mg.ones(4, 3), dims=([1], [1])).shape
    (2, 4)
    """
    if isinstance(dims, Sequence):
        if len(dims) != 2:
            raise ValueError(f"tensordot: dims must be a number or two lists, got {dims}")
        left, right = (
            [one_dim("tensordot", d, tensor("tensordot", t).ndim) for d in sizes("tensordot", (ds,))]
            for t, ds in zip((x, y), dims, strict=True)
        )
    else:
        (n,) = sizes("tensordot", (dims,))
        if not 0 <= n <= min(tensor("tensordot", x).ndim, tensor("tensordot", y).ndim):
            raise ValueError(f"tensordot: shapes {x.shape} and {y.shape} have no {n} dims to meet")
        left, right = list(range(x.ndim - n, x.ndim)), list(range(n))
    once = len(set(left)) == len(left) and len(set(right)) == len(right)
    if not once or [x.shape[d] for d in left] != [y.shape[d] for d in right]:
        raise ValueError(f"tensordot: dims {left} of shape {x.shape} and {right} of shape {y.shape} do not match")
    one_dtype("tensordot", x, y)
    x_labels, y_labels = [f"x{d}" for d in range(x.ndim)], [f"y{d}" for d in range(y.ndim)]
    for d, other in zip(left, right, strict=True):
        y_labels[other] = x_labels[d]
    return _product(x, tuple(x_labels), y, tuple(y_labels), {*x_labels} ^ {*y_labels})[0]


# -- the notation ---------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=256)
def _parse(equation: str, *ndims: int) -> tuple[tuple[Labels, ...], Labels]:
    """A name for each dim of each operand, and those of the result; ``...`` holds the dims .3 .2 .1 .0"""
    given, arrow, wanted = equation.replace(" ", "").partition("->")
    texts = given.split(",")
    if len(texts) != len(ndims):
        raise ValueError(f"einsum: {equation!r} is about {len(texts)} operands, got {len(ndims)}")
    found = []
    for text, ndim in zip(texts, ndims, strict=True):
        letters = len(text.replace(".", ""))
        if letters > ndim or (letters < ndim and "..." not in text):
            raise ValueError(f"einsum: {text!r} in {equation!r} names {letters} dims, the operand has {ndim}")
        found.append(_labels(equation, text, ndim - letters))
    terms = tuple(found)
    widest = max(sum("." in label for label in term) for term in terms)
    flat = [label for term in terms for label in term]
    if not arrow:
        once = sorted(label for label in set(flat) if "." not in label and flat.count(label) == 1)
        return terms, (*_labels(equation, "...", widest), *once)
    result = _labels(equation, wanted, widest)
    if len(set(result)) < len(result) or not set(result) <= set(flat):
        raise ValueError(
            f"einsum: in {equation!r}, each letter of the result must be of an operand, and there once"
        )
    return terms, result


def _labels(equation: str, text: str, covered: int) -> Labels:
    found = TERM.fullmatch(text)
    if not found:
        raise ValueError(f"einsum: {text!r} in {equation!r} must be letters, with at most one '...' among them")
    before, dots, after = found.groups()
    return (*before, *(f".{d}" for d in reversed(range(covered if dots else 0))), *after)


def _sizes(equation: str, terms: Sequence[Labels], operands: Sequence[Tensor]) -> dict[str, int]:
    """The size of each label: one for all operands, except those of size 1, which broadcast."""
    size: dict[str, int] = {}
    for labels, t in zip(terms, operands, strict=True):
        own: dict[str, int] = {}
        for label, n in zip(labels, t.shape, strict=True):
            known = size.get(label, 1)
            if own.setdefault(label, n) != n or (n != known and 1 not in (n, known)):
                name = f"'{label}'" if "." not in label else "'...'"
                shapes = ", ".join(str(each.shape) for each in operands)
                raise ValueError(
                    f"einsum: in {equation!r}, {name} has two sizes in the operands of shape {shapes}"
                )
            size[label] = n if known == 1 else known
    return size


# -- the work -------------------------------------------------------------------------------------------------


def _simplified(x: Tensor, labels: Labels, size: Mapping[str, int]) -> tuple[Tensor, Labels]:
    """``x`` with each label once, and without the dims of size 1 that others repeat."""
    for label in dict.fromkeys(labels):
        while labels.count(label) > 1:
            d1 = labels.index(label)
            d2 = labels.index(label, d1 + 1)
            x = diagonal(x, 0, d1, d2)  # which puts it last
            labels = (*labels[:d1], *labels[d1 + 1 : d2], *labels[d2 + 1 :], label)
    kept = [d for d, label in enumerate(labels) if x.shape[d] == size[label]]
    return _reshaped(x, [x.shape[d] for d in kept]), tuple(labels[d] for d in kept)


def _cost(
    work: Sequence[tuple[Tensor, Labels]], pair: tuple[int, int], result: Labels, size: Mapping[str, int]
) -> tuple[int, int]:
    """How many elements more the product of a pair has than the two together, and how many products it adds up."""
    left, right = (set(work[i][1]) for i in pair)
    needed = {*result, *(label for i, (_, labels) in enumerate(work) if i not in pair for label in labels)}
    both = left | right
    out, x, y, products = (math.prod(size[label] for label in of) for of in (both & needed, left, right, both))
    return out - x - y, products


def _product(
    x: Tensor, x_labels: Labels, y: Tensor, y_labels: Labels, needed: Collection[str]
) -> tuple[Tensor, Labels]:
    """The sum of products over the labels that are not needed: ``(batch, left, K) @ (batch, K, right)``."""
    x, x_labels = _summed(x, x_labels, {*needed, *y_labels})
    y, y_labels = _summed(y, y_labels, {*needed, *x_labels})
    batch = [label for label in x_labels if label in y_labels and label in needed]
    inner = [label for label in x_labels if label in y_labels and label not in needed]
    left = [label for label in x_labels if label not in y_labels]
    right = [label for label in y_labels if label not in x_labels]
    x = _permuted(x, [x_labels.index(label) for label in (*batch, *left, *inner)])
    y = _permuted(y, [y_labels.index(label) for label in (*batch, *inner, *right)])
    b, k = len(batch), len(batch) + len(left)
    B, M, K, N = x.shape[:b], x.shape[b:k], math.prod(x.shape[k:]), y.shape[b + len(inner) :]
    if not inner:
        out = mul(_reshaped(x, (*B, *M, *[1] * len(N))), _reshaped(y, (*B, *[1] * len(M), *N)))
    else:
        out = matmul(_reshaped(x, (*B, math.prod(M), K)), _reshaped(y, (*B, K, math.prod(N))))
    return _reshaped(out, (*B, *M, *N)), (*batch, *left, *right)


def _summed(x: Tensor, labels: Labels, needed: Collection[str]) -> tuple[Tensor, Labels]:
    """``x`` summed over the labels that nobody needs."""
    over = [d for d, label in enumerate(labels) if label not in needed]
    if not over:
        return x, labels
    return cast(x.sum(over), x.dtype), tuple(label for label in labels if label in needed)


def _permuted(x: Tensor, order: Sequence[int]) -> Tensor:
    return x if list(order) == list(range(x.ndim)) else permute(x, order)


def _reshaped(x: Tensor, shape: Sequence[int]) -> Tensor:
    return x if x.shape == tuple(shape) else reshape(x, shape)
