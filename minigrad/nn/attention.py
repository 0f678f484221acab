"""Attention of several heads as a module, and positions for it: the parameters of ``functional/attention.py``."""

from __future__ import annotations

from typing import Any

from minigrad.conversion import Device
from minigrad.creation import zeros
from minigrad.nn import functional as F
from minigrad.nn import init
from minigrad.nn.functional.layers import check_probability
from minigrad.nn.layers import Linear
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.ops.operands import sizes
from minigrad.ops.operands import tensor as check_tensor
from minigrad.tensor import Tensor

__all__ = ["MultiheadAttention", "SinusoidalPositions"]


class MultiheadAttention(Module):
    """Attention in several heads, ``y = [head_1, ..., head_h] W_o^T + b_o``, each with projections of its own:
    ``head_i = softmax(q_i k_i^T / sqrt(d)) v_i`` for the i-th part of ``q = query W_q^T + b_q``, and so on.

    Args:
        embed_dim: E, the size of the queries and of the output.
        num_heads: how many heads; they divide E, and d = E / num_heads.
        dropout: how many of the weights become 0 in training.
        bias: whether the projections have a bias.
        add_bias_kv: whether there are one more key and value, which are learnt.
        add_zero_attn: whether there are one more key and value, of zeros.
        kdim, vdim: the sizes of keys and values, by default E.
        batch_first: whether sequences are (N, L, E) rather than (L, N, E).
        device: of the parameters, ``"cpu"`` or such as ``"cuda"``.
        dtype: float32, or ``mg.float64``.

    Attributes:
        in_proj_weight: W_q, W_k and W_v one above the other, (3 E, E); or None, with another ``kdim`` or ``vdim``:
        q_proj_weight, k_proj_weight, v_proj_weight: (E, E), (E, kdim) and (E, vdim), or None.
        in_proj_bias: (3 E,), at first 0, or None.
        bias_k, bias_v: the key and value that are learnt, (1, 1, E) each, or None.
        out_proj: a Linear from E to E.

    Called with query (L, N, E), key (S, N, kdim), value (S, N, vdim), all three without N or with N first, and
    with the masks of :func:`~minigrad.nn.functional.multi_head_attention_forward`, it gives the output, shaped as
    the query, and the weights (N, L, S), their mean over the heads; for each head without
    ``average_attn_weights``; and None without ``need_weights``.

    Source: Vaswani and others, Attention is all you need, 2017.

    Raises:
        ValueError: a size below 1, heads that do not divide E; in ``forward``, shapes that do not fit.
        TypeError: in ``forward``, dtypes that differ, or a mask of neither bools nor the query's dtype.

    >>> import minigrad as mg
    >>> attention = MultiheadAttention(8, 2, batch_first=True)
    >>> x = mg.randn(3, 5, 8)
    >>> y, weights = attention(x, x, x, is_causal=True)
    >>> y.shape, weights.shape, weights[0, 0].tolist()
    ((3, 5, 8), (3, 5, 5), [1.0, 0.0, 0.0, 0.0, 0.0])
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Device = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.embed_dim, self.num_heads = E, heads = sizes("MultiheadAttention", (embed_dim, num_heads))
        self.kdim, self.vdim = sizes("MultiheadAttention", (kdim or E, vdim or E))
        if min(E, heads, self.kdim, self.vdim) < 1 or E % heads:
            raise ValueError(
                f"MultiheadAttention: embed_dim {E} must be a multiple of num_heads {heads}, and no size below 1"
            )
        self.dropout = check_probability("MultiheadAttention", dropout)
        self.add_zero_attn, self.batch_first = add_zero_attn, batch_first
        alike = self.kdim == E == self.vdim

        def parameter(*shape: int, there: bool) -> Parameter | None:
            return Parameter(zeros(*shape, device=device, dtype=dtype)) if there else None

        self.in_proj_weight = parameter(3 * E, E, there=alike)
        self.q_proj_weight = parameter(E, E, there=not alike)
        self.k_proj_weight = parameter(E, self.kdim, there=not alike)
        self.v_proj_weight = parameter(E, self.vdim, there=not alike)
        self.in_proj_bias = parameter(3 * E, there=bias)
        self.bias_k = parameter(1, 1, E, there=add_bias_kv)
        self.bias_v = parameter(1, 1, E, there=add_bias_kv)
        self.out_proj = Linear(E, E, bias=bias, device=device, dtype=dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values; ``out_proj`` keeps its weight, and its bias is 0 again."""
        for weight in (self.in_proj_weight, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
            if weight is not None:
                init.xavier_uniform_(weight)
        for bias in (self.in_proj_bias, self.out_proj.bias):
            if bias is not None:
                init.zeros_(bias)
        for one in (self.bias_k, self.bias_v):
            if one is not None:
                init.xavier_normal_(one)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        return F.multi_head_attention_forward(
            query,
            key,
            value,
            self.embed_dim,
            self.num_heads,
            self.in_proj_weight,
            self.in_proj_bias,
            self.bias_k,
            self.bias_v,
            self.add_zero_attn,
            self.dropout,
            self.out_proj.weight,
            self.out_proj.bias,
            training=self.training,
            key_padding_mask=key_padding_mask,
            need_weights=need_weights,
            attn_mask=attn_mask,
            use_separate_proj_weight=self.in_proj_weight is None,
            q_proj_weight=self.q_proj_weight,
            k_proj_weight=self.k_proj_weight,
            v_proj_weight=self.v_proj_weight,
            average_attn_weights=average_attn_weights,
            is_causal=is_causal,
            batch_first=self.batch_first,
        )


class SinusoidalPositions(Module):
    """Sequences with their places added, ``y = x + P[:T]``: ``(..., T, d_model) -> (..., T, d_model)``.

    P is that of :func:`~minigrad.nn.functional.sinusoidal_positions`; it is not trained, and no part of the state.

    Args:
        d_model: the size of x.
        max_len: the largest T.
        device: of the parameters, ``"cpu"`` or such as ``"cuda"``.
        dtype: float32, or ``mg.float64``.

    Raises ValueError for a size below 1; in ``forward``, for an x of another size, or a longer one.

    >>> import minigrad as mg
    >>> SinusoidalPositions(4)(mg.zeros(1, 2, 4))
    tensor([[[0.0000, 1.0000, 0.0000, 1.0000],
             [0.8415, 0.5403, 0.0100, 0.9999]]])
    """

    positions: Tensor

    def __init__(self, d_model: int, max_len: int = 5000, device: Device = None, dtype: Any = None) -> None:
        super().__init__()
        self.d_model, self.max_len = d_model, max_len
        positions = F.sinusoidal_positions(max_len, d_model, dtype).to(device=device)
        self.register_buffer("positions", positions, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        shape = check_tensor("SinusoidalPositions", x).shape
        if len(shape) < 2 or shape[-1] != self.d_model or shape[-2] > self.max_len:
            raise ValueError(
                f"SinusoidalPositions: expects x (..., T, {self.d_model}) with T up to {self.max_len}, got {shape}"
            )
        return x + self.positions[: shape[-2]]

    def extra_repr(self) -> str:
        return f"{self.d_model}, max_len={self.max_len}"
