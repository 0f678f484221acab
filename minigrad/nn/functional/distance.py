"""Losses of distributions and of vectors: how far two of them are apart."""

from __future__ import annotations

from collections.abc import Sequence

from minigrad.kernels import is_seen
from minigrad.nn.functional.arguments import REDUCTIONS, alike, check_reduction, check_signs, reduced
from minigrad.ops import minimum, norm, relu, where
from minigrad.ops.operands import above_zero, broadcast, floating, one_dim, parameter, tensor
from minigrad.tensor import Tensor

__all__ = ["cosine_embedding_loss", "cosine_similarity", "hinge_embedding_loss", "kl_div"]
__all__ += ["margin_ranking_loss", "normalize", "pairwise_distance", "triplet_margin_loss"]

# -- of distributions -----------------------------------------------------------------------------------------


def kl_div(input: Tensor, target: Tensor, *, reduction: str = "mean", log_target: bool = False) -> Tensor:
    """Kullback-Leibler divergence: ``l = q (log q - input)``, the input log p, the target q or log q.

    Args:
        input: logarithms of probabilities, of any shape.
        target: probabilities q, of the same shape; with ``log_target`` their logarithms. Where q is 0, so is l.
        reduction: ``"batchmean"``, the sum over the size of the first dimension, which is the divergence;
            ``"mean"`` over all elements, ``"sum"`` or ``"none"``.
        log_target: whether the target is log q.

    ``dl/dinput = -q``.

    Raises:
        ValueError: the shapes differ, no elements for a mean, a probability is negative, or the reduction is
            unknown.

    >>> import minigrad as mg
    >>> p, q = mg.tensor([[0.5, 0.5]]), mg.tensor([[0.25, 0.75]])
    >>> kl_div(p.log(), q, reduction="batchmean")
    tensor(0.1308)
    """
    check_reduction("kl_div", reduction, ("batchmean", *REDUCTIONS))
    log_p, q = alike("kl_div", input, target, reduction)
    if reduction == "batchmean" and not log_p.ndim:
        raise ValueError("kl_div: the input has no dimensions, so there is no batch for 'batchmean': use 'sum'")
    if not log_target and is_seen(q.array) and not (q.array >= 0).all():  # written so that NaN is refused too
        raise ValueError("kl_div: a probability is negative or NaN: logarithms need log_target=True")
    log_q = q if log_target else (q + (q == 0)).log()
    losses = (q.exp() if log_target else q) * (log_q - log_p)
    return losses.sum() / losses.shape[0] if reduction == "batchmean" else reduced(losses, reduction)


# -- of vectors -----------------------------------------------------------------------------------------------


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """Cosine of the angle between vectors: ``x1 . x2 / (|x1| |x2|)`` along ``dim``, from -1 to 1.

    Args:
        x1, x2: vectors along ``dim``, of shapes that broadcast: all pairs are ``(B, 1, d)`` beside ``(1, B, d)``.
        dim: the dimension of the vectors, which the result does not have.
        eps: the least length that is divided by.

    >>> import minigrad as mg
    >>> cosine_similarity(mg.tensor([[3.0, 4.0], [1.0, 0.0]]), mg.tensor([[4.0, 3.0], [-2.0, 0.0]]))
    tensor([ 0.9600, -1.0000])
    """
    name = "cosine_similarity"
    x1, x2, eps = floating(name, x1), floating(name, x2), parameter(name, "eps", eps)
    shape = broadcast(name, x1.shape, x2.shape)
    d = one_dim(name, dim, len(shape))
    if not shape:
        raise ValueError(f"{name}: there are no vectors along dim {dim} in tensors without dimensions")
    return (_unit(x1.expand(shape), d, eps) * _unit(x2.expand(shape), d, eps)).sum(d)


def normalize(input: Tensor, p: float = 2.0, dim: int | Sequence[int] = 1, eps: float = 1e-12) -> Tensor:
    """Vectors of length 1: ``y = x / max(|x|_p, eps)`` along ``dim``.

    Args:
        input: vectors along ``dim``, one dimension or several, in floats.
        p: the order of the norm; see :func:`mg.norm`.
        dim: the dimension of the vectors.
        eps: the least length that is divided by.

    >>> import minigrad as mg
    >>> normalize(mg.tensor([[3.0, 4.0], [0.0, 0.0]]))
    tensor([[0.6000, 0.8000],
            [0.0000, 0.0000]])
    """
    length = norm(tensor("normalize", input), p, dim, keepdim=True)
    return input / length.clamp(min=parameter("normalize", "eps", eps))


def cosine_embedding_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, *, reduction: str = "mean"
) -> Tensor:
    """``l = 1 - c`` for vectors that should be alike, else ``max(0, c - margin)``, with c the cosine between them.

    Args:
        input1, input2: vectors, (B, d) or (d,), of the same shape.
        target: 1 for alike and -1 for different, (B,) or ().
        margin: the cosine up to which different vectors cost nothing.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Raises:
        ValueError: the shapes do not belong together, no elements for a mean, a target is neither 1 nor -1, or the
            reduction is unknown.

    >>> import minigrad as mg
    >>> x, y = mg.tensor([[3.0, 4.0], [1.0, 0.0]]), mg.tensor([[4.0, 3.0], [0.5, 0.0]])
    >>> cosine_embedding_loss(x, y, mg.tensor([1, -1]), reduction="none")
    tensor([0.0400, 1.0000])
    """
    name = "cosine_embedding_loss"
    check_reduction(name, reduction)
    margin = parameter(name, "margin", margin)
    x1, x2 = alike(name, input1, input2, reduction, "input2")
    if x1.ndim not in (1, 2) or tensor(name, target).shape != x1.shape[:-1]:
        raise ValueError(
            f"{name}: inputs (B, d) need a target (B,), and (d,) a target (): got {x1.shape} and {target.shape}"
        )
    check_signs(name, target)
    c = cosine_similarity(x1, x2, dim=-1)
    return reduced(where(target == 1, 1 - c, relu(c - margin)), reduction)


def hinge_embedding_loss(input: Tensor, target: Tensor, margin: float = 1.0, *, reduction: str = "mean") -> Tensor:
    """``l = x`` for pairs that should be alike, ``max(0, margin - x)`` for others, x the distance in the input.

    Args:
        input: distances, of any shape.
        target: 1 for alike and -1 for different, of the same shape.
        margin: the distance from which different ones cost nothing.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Raises:
        ValueError: the shapes differ, no elements for a mean, a target is neither 1 nor -1, or the reduction is
            unknown.

    >>> import minigrad as mg
    >>> hinge_embedding_loss(mg.tensor([0.25, 0.25, 3.0]), mg.tensor([1, -1, -1]), reduction="none")
    tensor([0.2500, 0.7500, 0.0000])
    """
    name = "hinge_embedding_loss"
    check_reduction(name, reduction)
    margin = parameter(name, "margin", margin)
    x, y = alike(name, input, target, reduction)
    check_signs(name, y)
    return reduced(where(y == 1, x, relu(margin - x)), reduction)


def margin_ranking_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0, *, reduction: str = "mean"
) -> Tensor:
    """``l = max(0, margin - y (x1 - x2))``: the first should be larger where the target y is 1, smaller where -1.

    Args:
        input1, input2: x1 and x2, of one shape.
        target: 1 or -1, of the same shape.
        margin: the difference from which the order costs nothing.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Raises:
        ValueError: the shapes differ, there is nothing to take the mean of, a target is neither 1 nor -1, or the
            reduction is unknown.

    >>> import minigrad as mg
    >>> x1, x2 = mg.tensor([1.0, 1.0]), mg.tensor([3.0, 3.0])
    >>> margin_ranking_loss(x1, x2, mg.tensor([1, -1]), reduction="none")
    tensor([2., 0.])
    """
    name = "margin_ranking_loss"
    check_reduction(name, reduction)
    margin = parameter(name, "margin", margin)
    x1, x2 = alike(name, input1, input2, reduction, "input2")
    _, y = alike(name, x1, target, reduction)
    check_signs(name, y, "the first should be larger", "the second")
    return reduced(relu(margin - y * (x1 - x2)), reduction)


def pairwise_distance(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """The distance of vectors, pair by pair: ``|x1 - x2 + eps|_p`` over the last dim; shapes broadcast.

    ``eps``, added to every element, keeps the gradient away from where two are the same.

    >>> import minigrad as mg
    >>> pairwise_distance(mg.tensor([[0.0, 0.0], [1.0, 1.0]]), mg.tensor([[3.0, 4.0], [1.0, 2.0]]))
    tensor([5.0000, 1.0000])
    """
    x1, x2 = floating("pairwise_distance", x1), floating("pairwise_distance", x2)
    return norm(x1 - x2 + parameter("pairwise_distance", "eps", eps), p, -1, keepdim)


def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    *,
    reduction: str = "mean",
) -> Tensor:
    """``l = max(0, d(a, p) - d(a, n) + margin)``: an anchor is to be nearer to what is like it than to others.

    Args:
        anchor, positive, negative: vectors, (B, d) or (d,), of one shape.
        margin: how much nearer.
        p, eps: of the distance d, the :func:`pairwise_distance`.
        swap: take d(p, n) for d(a, n) where it is smaller.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Source: Balntas and others, Learning local feature descriptors with triplets, 2016.

    Raises:
        ValueError: the shapes differ, there is nothing to take the mean of, the margin is not above 0, or the
            reduction is unknown.

    >>> import minigrad as mg
    >>> a, p, n = mg.tensor([[0.0, 0.0]]), mg.tensor([[3.0, 4.0]]), mg.tensor([[0.0, 4.0]])
    >>> triplet_margin_loss(a, p, n)
    tensor(2.0000)
    """
    name = "triplet_margin_loss"
    check_reduction(name, reduction)
    margin = above_zero(name, "margin", margin)
    a, like = alike(name, anchor, positive, reduction, "positive")
    _, unlike = alike(name, anchor, negative, reduction, "negative")
    near, far = pairwise_distance(a, like, p, eps), pairwise_distance(a, unlike, p, eps)
    if swap:
        far = minimum(far, pairwise_distance(like, unlike, p, eps))
    return reduced(relu(near - far + margin), reduction)


def _unit(x: Tensor, d: int, eps: float) -> Tensor:
    """The vectors divided by their lengths, or by ``eps`` where those are smaller."""
    return x / (x * x).sum(d, keepdim=True).clamp(min=eps * eps).sqrt()
