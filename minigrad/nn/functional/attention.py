"""Attention as functions: of queries, keys and values; in several heads; and codes for places in a sequence."""

from __future__ import annotations

import math

import numpy as np

from minigrad import dtypes
from minigrad.creation import zeros
from minigrad.kernels import Dims, broadcasts_to
from minigrad.nn.functional.layers import check_probability, dropout
from minigrad.ops import cat, linear, where
from minigrad.ops.attention import attention, later, weights
from minigrad.ops.linear_algebra import one_dtype
from minigrad.ops.operands import broadcast, only_floats, parameter, sizes, tensor
from minigrad.tensor import Tensor

__all__ = ["multi_head_attention_forward", "scaled_dot_product_attention", "sinusoidal_positions"]


# -- queries, keys and values ---------------------------------------------------------------------------------

NAME = "scaled_dot_product_attention"


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """For each query a mean of the values, weighted by how well keys fit it: ``softmax(scale q k^T + mask) v``.

    Args:
        query: q, (..., L, E).
        key: k, (..., S, E).
        value: v, (..., S, Ev).
        attn_mask: what broadcasts to (..., L, S): bools, True where a query may see a key, or floats to be added.
            A query that sees no key at all gets 0.
        dropout_p: how many of the weights become 0, as in :func:`dropout`; there is no training mode here.
        is_causal: a query sees the keys up to its own place, and there is no other mask.
        scale: 1 / sqrt(E) unless it is given.
        enable_gqa: q (..., H, L, E) may have more heads than k and v, which several then share.

    Returns:
        (..., L, Ev).

    Source: Vaswani and others, Attention is all you need, 2017; for shared heads, Ainslie and others, GQA, 2023.

    Raises:
        TypeError: dtypes that differ, or that are not floats; a mask of another dtype.
        ValueError: shapes that do not fit, a probability outside [0, 1], both a mask and ``is_causal``.

    >>> import minigrad as mg
    >>> q, k = mg.tensor([[1.0, 0.0]]), mg.tensor([[10.0, 0.0], [0.0, 10.0]])
    >>> scaled_dot_product_attention(q, k, mg.tensor([[1.0], [2.0]]))
    tensor([[1.0008]])
    """
    q, k, v = _checked(query, key, value, enable_gqa)
    p = check_probability(NAME, dropout_p)
    scale = 1 / math.sqrt(q.shape[-1] or 1) if scale is None else parameter(NAME, "scale", scale)
    mask = None if attn_mask is None else _mask(NAME, attn_mask, q, k, is_causal)
    return attend(q, k, v, mask, p, scale, is_causal, need_weights=False)[0]


def attend(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    mask: Tensor | None,
    dropout_p: float,
    scale: float,
    is_causal: bool,
    *,
    need_weights: bool,
) -> tuple[Tensor, Tensor | None]:
    """The output, and the weights after their dropout, (..., L, S), if they are needed.

    As one node where only the output is, and nothing between needs a gradient of its own or is dropped.
    """
    learns_mask = mask is not None and mask.requires_grad
    if not (need_weights or dropout_p or learns_mask) and q.shape[-1] == v.shape[-1]:
        return attention(q, k, v, mask, scale, is_causal), None
    a = dropout(weights(q, k, mask, scale, is_causal), dropout_p)
    return a @ v, a  # (..., L, S) @ (..., S, Ev)


def _checked(query: Tensor, key: Tensor, value: Tensor, enable_gqa: bool) -> tuple[Tensor, Tensor, Tensor]:
    """The three, with as many heads each, after a check that they fit."""
    q, k, v = (only_floats(NAME, tensor(NAME, t)) for t in (query, key, value))
    one_dtype(NAME, q, k, v)
    if min(q.ndim, k.ndim, v.ndim) < 2 or q.shape[-1] != k.shape[-1] or k.shape[-2] != v.shape[-2]:
        raise ValueError(
            f"{NAME}: query {q.shape}, key {k.shape} and value {v.shape} must be (..., L, E), (..., S, E) "
            "and (..., S, Ev)"
        )
    if enable_gqa:
        if min(q.ndim, k.ndim, v.ndim) < 3 or k.shape[-3] != v.shape[-3] or q.shape[-3] % (k.shape[-3] or 1):
            raise ValueError(
                f"{NAME}: with enable_gqa query {q.shape}, key {k.shape} and value {v.shape} have heads, dim -3: "
                "as many of keys as of values, and a multiple of that of queries"
            )
        k, v = (t.repeat_interleave(q.shape[-3] // (t.shape[-3] or 1), -3) for t in (k, v))
    broadcast(f"{NAME}, batch dimensions of query, key and value", q.shape[:-2], k.shape[:-2], v.shape[:-2])
    return q, k, v


def _mask(name: str, attn_mask: Tensor, q: Tensor, k: Tensor, is_causal: bool) -> Tensor:
    """A mask of floats to be added, (..., L, S), from one of bools or floats."""
    if is_causal:
        raise ValueError(f"{name}: is_causal is a mask of its own, attn_mask must be None")
    mask = tensor(name, attn_mask)
    wanted = (*broadcast(name, q.shape[:-2], k.shape[:-2]), q.shape[-2], k.shape[-2])
    if not broadcasts_to(mask.shape, wanted):
        raise ValueError(f"{name}: attn_mask {mask.shape} must broadcast to {wanted}, (..., queries, keys)")
    return added(name, "attn_mask", mask, q.dtype, unseen=False)


def added(name: str, what: str, mask: Tensor, dtype: dtypes.DType, *, unseen: bool) -> Tensor:
    """A mask of floats: itself; one of bools, as 0 and -Inf, the latter where it is ``unseen``."""
    if mask.dtype == dtype:
        return mask
    if mask.dtype != dtypes.bool_:
        raise TypeError(f"{name}: {what} must be bool, or {dtype} as the query, it is {mask.dtype}")
    there, not_there = zeros((), dtype=dtype), zeros((), dtype=dtype) - math.inf
    return where(mask, not_there, there) if unseen else where(mask, there, not_there)


# -- several heads --------------------------------------------------------------------------------------------


def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
    batch_first: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """Attention in several heads, each with a part of E for itself: :class:`~minigrad.nn.MultiheadAttention`.

    Args:
        query: (L, N, E), or with ``batch_first`` (N, L, E); without a batch (L, E).
        key, value: (S, N, Ek) and (S, N, Ev), the same.
        embed_dim_to_check: E. num_heads: how many heads; they divide it.
        in_proj_weight: the weights for q, k and v one above the other, (3 E, E).
        use_separate_proj_weight: take ``q_proj_weight`` (E, E), ``k_proj_weight`` (E, Ek) and ``v_proj_weight``
            (E, Ev) instead.
        in_proj_bias: (3 E,), or None.
        bias_k, bias_v: one more key and value, (1, 1, E) each, or None; every query sees them.
        add_zero_attn: one more key and value, of zeros, the same.
        dropout_p: how many of the weights become 0, if ``training``.
        out_proj_weight, out_proj_bias: of what the heads found, (E, E) and (E,).
        key_padding_mask: (N, S), True, or -Inf, for keys that no query sees.
        attn_mask: (L, S) or (N num_heads, L, S), True, or -Inf, for a key that a query does not see; other floats
            are added.
        need_weights: give the weights too: (N, L, S), their mean over the heads if ``average_attn_weights``, else
            (N, num_heads, L, S).
        is_causal: a query sees the keys up to its own place; beside an ``attn_mask``, it says that this is that.

    Returns:
        The output, shaped as the query, and the weights or None.

    Raises:
        TypeError: dtypes that differ; a mask of another dtype. ValueError: shapes that do not fit.
    """
    name, heads, E = "multi_head_attention_forward", num_heads, embed_dim_to_check
    q, k, v = (only_floats(name, tensor(name, t)) for t in (query, key, value))
    has_batch = _check_sequences(name, q, k, v, E, heads, batch_first)
    if not has_batch:
        q, k, v = (t.unsqueeze(0 if batch_first else 1) for t in (q, k, v))
        key_padding_mask = None if key_padding_mask is None else tensor(name, key_padding_mask).unsqueeze(0)
    separate = (q_proj_weight, k_proj_weight, v_proj_weight)
    together = (None,) * 3 if in_proj_weight is None else in_proj_weight.chunk(3)
    projections = [w for w in (separate if use_separate_proj_weight else together) if w is not None]
    biases = (None,) * 3 if in_proj_bias is None else in_proj_bias.chunk(3)
    if len(projections) < 3:
        raise ValueError(f"{name}: needs in_proj_weight, or use_separate_proj_weight and a weight for q, k and v")

    to_heads = (0, 2, 1, 3) if batch_first else (1, 2, 0, 3)
    q, k, v = (
        linear(t, w, b).unflatten(-1, (heads, E // heads)).permute(to_heads)  # (N, heads, L or S, E / heads)
        for t, w, b in zip((q, k, v), projections, biases, strict=True)
    )
    (N, _, L, _), S = q.shape, k.shape[-2]
    mask = _merged(name, attn_mask, key_padding_mask, (N, heads, L, S), q.dtype)
    hides_later = is_causal and (attn_mask is None or not (need_weights or attn_mask.requires_grad))
    if hides_later and attn_mask is not None:  # it says the same as is_causal, and to add it takes longer
        mask = _merged(name, None, key_padding_mask, (N, heads, L, S), q.dtype)
    if hides_later and (bias_k is not None or add_zero_attn):  # the keys added now are seen by every query
        hides_later, hidden = False, later(L, S, q)
        mask = hidden if mask is None else mask + hidden
    k, v, mask = _with_more_keys(name, k, v, mask, bias_k, bias_v, add_zero_attn)

    p = check_probability(name, dropout_p) if training else 0.0
    out, a = attend(q, k, v, mask, p, 1 / math.sqrt(E // heads), hides_later, need_weights=need_weights)
    joined = out.permute((0, 2, 1, 3) if batch_first else (2, 0, 1, 3)).flatten(-2)
    y = linear(joined, out_proj_weight, out_proj_bias)
    if not has_batch:
        y, a = y.squeeze(0 if batch_first else 1), a if a is None else a.squeeze(0)
    return y, a if a is None or not average_attn_weights else a.mean(-3)


def _check_sequences(name: str, q: Tensor, k: Tensor, v: Tensor, E: int, heads: int, batch_first: bool) -> bool:
    """Whether there is a batch, after a check of the shapes."""
    if heads < 1 or E % heads:
        raise ValueError(f"{name}: {E} numbers cannot be divided into {heads} heads")
    has_batch, at = q.ndim == 3, 0 if batch_first else 1
    form = ("(N, L, E)" if batch_first else "(L, N, E)") + " or (L, E)"
    same = q.ndim == k.ndim == v.ndim and k.shape[:-1] == v.shape[:-1]
    if q.ndim not in (2, 3) or not same or q.shape[-1] != E or (has_batch and q.shape[at] != k.shape[at]):
        raise ValueError(
            f"{name}: query {q.shape}, key {k.shape} and value {v.shape} must be {form} with E = {E}, and have "
            "one batch; keys and values are as many"
        )
    return has_batch


def _merged(
    name: str, attn_mask: Tensor | None, key_padding_mask: Tensor | None, shape: Dims, dtype: dtypes.DType
) -> Tensor | None:
    """Both masks as one that is added, which broadcasts to ``shape``."""
    N, heads, L, S = shape
    found = None
    if attn_mask is not None:
        if tensor(name, attn_mask).shape not in ((L, S), (N * heads, L, S)):
            raise ValueError(
                f"{name}: attn_mask must be {(L, S)} or {(N * heads, L, S)}, (queries, keys) or that for each "
                f"head of each example, got {attn_mask.shape}"
            )
        found = added(name, "attn_mask", attn_mask, dtype, unseen=True)
        found = found if found.ndim == 2 else found.unflatten(0, (N, heads))
    if key_padding_mask is not None:
        padding = tensor(name, key_padding_mask)
        if padding.shape != (N, S):
            raise ValueError(f"{name}: key_padding_mask must be {(N, S)}, (batch, keys), got {padding.shape}")
        padding = added(name, "key_padding_mask", padding, dtype, unseen=True).reshape(N, 1, 1, S)
        found = padding if found is None else found + padding
    return found


def _with_more_keys(
    name: str,
    k: Tensor,
    v: Tensor,
    mask: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Keys and values with those at the end that every query sees."""
    N, heads, _, width = k.shape
    if (bias_k is None) != (bias_v is None):
        raise ValueError(f"{name}: bias_k and bias_v come together, one of them is None")
    more = [] if bias_k is None or bias_v is None else [(bias_k, bias_v)]
    for pair in more:
        one_k, one_v = (t.reshape(1, heads, 1, width).expand(N, heads, 1, width) for t in pair)
        k, v = cat([k, one_k], -2), cat([v, one_v], -2)
    if add_zero_attn:
        nothing = zeros(N, heads, 1, width, dtype=k.dtype, device=k.device)
        k, v = cat([k, nothing], -2), cat([v, nothing], -2)
    count = len(more) + add_zero_attn
    if mask is not None and count:
        mask = cat([mask, zeros(*mask.shape[:-1], count, dtype=mask.dtype, device=mask.device)], -1)
    return k, v, mask


# -- positions ------------------------------------------------------------------------------------------------


def sinusoidal_positions(length: int, d_model: int, dtype: dtypes.DType | None = None) -> Tensor:
    """A code for each place in a sequence, (length, d_model): waves, from short to long ones.

    ``P[t, 2i] = sin(t / 10000^(2i / d_model))`` and ``P[t, 2i + 1] = cos(t / 10000^(2i / d_model))``, so that the
    code k places further is a rotation of a code, by an angle that does not depend on t.

    Source: Vaswani and others, Attention is all you need, 2017.

    Raises TypeError for anything but ints, or a dtype that is not of floats, ValueError for a size below 1.

    >>> sinusoidal_positions(2, 4)
    tensor([[0.0000, 1.0000, 0.0000, 1.0000],
            [0.8415, 0.5403, 0.0100, 0.9999]])
    """
    name = "sinusoidal_positions"
    places, size = sizes(name, (length, d_model))
    if places < 1 or size < 1:
        raise ValueError(f"{name}: needs sizes of at least 1, got ({length}, {d_model})")
    rates = 10000.0 ** (-np.arange(0, size, 2) / size)
    angles = np.arange(places)[:, None] * rates  # (length, d_model / 2)
    waves = np.stack([np.sin(angles), np.cos(angles)], -1).reshape(places, -1)[:, :size]
    found = dtypes.float32 if dtype is None else dtypes.dtype(dtype)
    if found.kind != "f":
        raise TypeError(f"{name}: waves are floats, they cannot be {found}")
    return Tensor.of(waves.astype(found))
