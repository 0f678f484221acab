"""Attention: its weights in steps, each a node that can be looked at, or all of it as one node that keeps none.

The weights (L, S) of a head are its queries times its keys: for long sequences they are nearly all the memory
that a transformer takes. The one node makes them anew on the way back; derivatives of second and higher order go
through the steps.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad import graph
from minigrad.backward import grad, once_more
from minigrad.graph import Gradients, Kept, Op, record
from minigrad.kernels import Array, Dims
from minigrad.ops.choice import masked_fill
from minigrad.ops.joining import cat
from minigrad.ops.linear_algebra import matmul
from minigrad.ops.operands import cast
from minigrad.ops.order import transpose
from minigrad.ops.soft import softmax

if TYPE_CHECKING:
    from minigrad.tensor import Tensor


# -- in steps -------------------------------------------------------------------------------------------------


def weights(q: Tensor, k: Tensor, mask: Tensor | None, scale: float, is_causal: bool) -> Tensor:
    """a = softmax(scale q k^T + mask), (..., L, S); a mask of -Inf is for no weight.

    A query from which the mask hides every key has weights of 0.
    """
    z = matmul(q * scale, transpose(k, -2, -1))  # (..., L, E) @ (..., E, S)
    may_hide_all = mask is not None  # which is_causal alone does not: every query sees the first key
    if is_causal:
        hidden = later(z.shape[-2], z.shape[-1], z)
        mask = hidden if mask is None else mask + hidden
    if mask is None:
        return softmax(z, -1)
    sees = (mask > -math.inf).any(-1, keepdim=True) if may_hide_all else None
    if sees is None or bool(sees.all()):
        return softmax(z + mask, -1)
    # The softmax of no numbers would be NaN, and so would its gradient
    return softmax(z + masked_fill(mask, ~sees, 0.0), -1) * cast(sees, z.dtype)


def later(L: int, S: int, like: Tensor) -> Tensor:
    """The mask (L, S) that hides from a query the keys after its own place."""
    hidden = np.triu(np.full((L, S), -np.inf, like.dtype), 1)
    return graph.tensor_class.of(hidden).to(like.device)


# -- as one node ----------------------------------------------------------------------------------------------


class Attention(Op):
    """out = softmax(scale q k^T) v        for each head

    with a the softmax, da = dout v^T and dz = a (da - sum a da):
    dq = scale dz k
    dk = scale dz^T q
    dv = a^T dout
    """

    output = "out"
    q = Kept()
    k = Kept()
    v = Kept()

    def __init__(self, scale: float, is_causal: bool) -> None:
        self.scale, self.is_causal = scale, is_causal

    def forward(self, kernels: Any, q: Array, k: Array, v: Array) -> Any:
        return kernels.attention(q, k, v, None, self.scale, self.is_causal)

    def backward(self, dout: Tensor) -> Gradients:
        return self.apart(record(AttentionBackward(self.scale, self.is_causal), dout, self.q, self.k, self.v))

    def apart(self, d: Tensor) -> Gradients:
        """The gradients of q, k and v, which the way back puts one below the other."""
        L, S = self.shape_of("q")[-2], self.shape_of("k")[-2]
        return tuple(d.split((L, S, S), -2))

    def flops(self, *shapes: Dims) -> int:
        *batch, L, E = shapes[0]
        S, Ev = shapes[2][-2:]
        return 2 * math.prod(batch) * L * S * (E + Ev)


class MaskedAttention(Attention):
    """out = softmax(scale q k^T + mask) v        for each head; no gradient for the mask"""

    title = "Attention"
    mask = Kept()

    def forward(self, kernels: Any, q: Array, k: Array, v: Array, mask: Array) -> Any:  # type: ignore[override]
        return kernels.attention(q, k, v, mask, self.scale, self.is_causal)

    def backward(self, dout: Tensor) -> Gradients:
        back = MaskedAttentionBackward(self.scale, self.is_causal)
        return *self.apart(record(back, dout, self.q, self.k, self.v, self.mask)), None


class AttentionBackward(Op):
    """d = dq, dk, dv        one below the other"""

    output = "d"
    dout = Kept()
    q = Kept()
    k = Kept()
    v = Kept()

    def __init__(self, scale: float, is_causal: bool) -> None:
        self.scale, self.is_causal = scale, is_causal

    def forward(self, kernels: Any, dout: Array, q: Array, k: Array, v: Array) -> Any:
        return kernels.attention_backward(dout, q, k, v, None, self.scale, self.is_causal)

    def backward(self, g: Tensor) -> Gradients:
        return self.through_steps(g, None)

    def through_steps(self, g: Tensor, mask: Tensor | None) -> Gradients:
        """The gradients of dout, q, k and v, by differentiating the steps once more."""

        def d(dout: Tensor, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            out = matmul(weights(q, k, mask, self.scale, self.is_causal), v)
            return cat(grad(out, (q, k, v), dout, create_graph=True), -2)  # type: ignore[arg-type]

        return once_more(d, (self.dout, self.q, self.k, self.v), g)

    def flops(self, *shapes: Dims) -> int:
        *batch, L, E = shapes[1]
        return 10 * math.prod(batch) * L * shapes[2][-2] * E


class MaskedAttentionBackward(AttentionBackward):
    """d = dq, dk, dv        one below the other"""

    title = "AttentionBackward"
    mask = Kept()

    def forward(  # type: ignore[override]
        self, kernels: Any, dout: Array, q: Array, k: Array, v: Array, mask: Array
    ) -> Any:
        return kernels.attention_backward(dout, q, k, v, mask, self.scale, self.is_causal)

    def backward(self, g: Tensor) -> Gradients:
        return *self.through_steps(g, self.mask), None


def attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, scale: float, is_causal: bool) -> Tensor:
    """All of it as one node. E is that of v too, and the mask needs no gradient."""
    batch = np.broadcast_shapes(q.shape[:-2], k.shape[:-2], v.shape[:-2])
    q, k, v = (t if t.shape[:-2] == batch else t.expand(*batch, *t.shape[-2:]) for t in (q, k, v))
    if mask is None:
        return record(Attention(scale, is_causal), q, k, v)
    return record(MaskedAttention(scale, is_causal), q, k, v, mask)
