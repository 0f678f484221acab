"""Attention as one node, as its formula says."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.ops.attention import attention
from rows.row import Array, Row, Sample, real

SCALE = 0.6


def attended(q: Array, k: Array, v: Array, mask: Array | None = None, is_causal: bool = False) -> Array:
    z = SCALE * np.einsum("...le,...se->...ls", q, k) + (0 if mask is None else mask)
    if is_causal:
        z = np.where(np.tri(*z.shape[-2:]), z, -np.inf)
    e = np.exp(z - z.max(-1, keepdims=True, initial=-1e300))
    total = e.sum(-1, keepdims=True)
    return np.einsum("...ls,...se->...le", e / np.where(total == 0, 1, total), v)


def samples() -> list[Sample]:
    """q, k and v: the smallest, without a batch, with heads, none of something, and past a block of queries."""
    shapes = [((1, 1), (1, 1)), ((2, 3), (3, 3)), ((2, 2, 1), (2, 2, 1)), ((0, 2), (3, 2)), ((2, 2), (0, 2)),
              ((2, 3, 3, 5), (2, 3, 4, 5)), ((1, 70, 4), (1, 33, 4))]  # fmt: skip
    found: list[Sample] = [(real(q), real(k), real(k)) for q, k in shapes]
    heads = real((2, 5, 3, 4)).transpose(0, 2, 1, 3)  # as a layer makes them
    return [*found, (heads, heads, heads[..., ::-1])]


def hiding(L: int, S: int) -> Array:
    """A mask of numbers, in which the first query sees nothing and the last everything."""
    mask = np.where(np.arange(L * S).reshape(L, S) % 3 == 0, -np.inf, np.linspace(-1, 1, S))
    mask[0], mask[-1] = -np.inf, 0.5
    return mask


def masked(m: Any, q: Any, k: Any, v: Any) -> Any:
    mask = m.tensor(hiding(q.shape[-2], k.shape[-2]), dtype=q.dtype, device=q.device)
    return attention(q, k, v, mask, SCALE, False)


ROWS = [
    Row("attention", "", lambda m, q, k, v: attention(q, k, v, None, SCALE, False), attended,
        samples(), has_peer=False),
    Row("attention", "causal", lambda m, q, k, v: attention(q, k, v, None, SCALE, True),
        lambda q, k, v: attended(q, k, v, is_causal=True), samples(), has_peer=False),
    Row("attention", "mask", masked, lambda q, k, v: attended(q, k, v, hiding(q.shape[-2], k.shape[-2])),
        [s for s in samples() if s[0].shape[-2] and s[1].shape[-2]], has_peer=False),
]  # fmt: skip
