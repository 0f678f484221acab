"""The encoder of a transformer: layers of attention and of a perceptron, each added to what it is given."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from minigrad.conversion import Device
from minigrad.nn import functional as F
from minigrad.nn.attention import MultiheadAttention
from minigrad.nn.containers import ModuleList
from minigrad.nn.dropout import Dropout
from minigrad.nn.layers import Linear
from minigrad.nn.module import Module
from minigrad.nn.normalisation import LayerNorm
from minigrad.ops.operands import sizes, tensor
from minigrad.tensor import Tensor

__all__ = ["TransformerEncoder", "TransformerEncoderLayer"]

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"relu": F.relu, "gelu": F.gelu}


class TransformerEncoderLayer(Module):
    """Attention, then a perceptron for each place, both beside a way around them:
    ``x' = norm1(x + attention(x))`` and ``y = norm2(x' + W_2 f(W_1 x' + b_1) + b_2)``; or with ``norm_first``
    ``x' = x + attention(norm1(x))`` and ``y = x' + W_2 f(W_1 norm2(x') + b_1) + b_2``.

    Args:
        d_model: E, the size of input and output.
        nhead: how many heads; they divide E.
        dim_feedforward: the size between the two layers of the perceptron.
        dropout: how many elements become 0 in training: of the attention's weights, of f, and of what is added.
        activation: f, ``"relu"``, ``"gelu"``, or a function of a tensor.
        layer_norm_eps: the eps of the norms.
        batch_first: whether sequences are (N, L, E) rather than (L, N, E).
        norm_first: whether the norms come before what they belong to.
        bias: whether layers and norms have biases.
        device: of the parameters, ``"cpu"`` or such as ``"cuda"``.
        dtype: float32, or ``mg.float64``.

    Called with src, (L, N, E), (N, L, E) or (L, E), and with ``src_mask``, ``src_key_padding_mask`` and
    ``is_causal`` as :class:`MultiheadAttention` takes them, it gives the same shape.

    Source: Vaswani and others, Attention is all you need, 2017; for ``norm_first``, Xiong and others, On layer
    normalization in the transformer architecture, 2020.

    Raises:
        ValueError: a size below 1, heads that do not divide E, an unknown activation; in ``forward``, shapes that
            do not fit. TypeError: an activation that cannot be called; in ``forward``, dtypes that differ.

    >>> import minigrad as mg
    >>> layer = TransformerEncoderLayer(8, 2, 16, batch_first=True)
    >>> layer(mg.randn(3, 5, 8), is_causal=True).shape
    (3, 5, 8)
    """

    def __init__(
        self, d_model: int, nhead: int, dim_feedforward: int = 2048, dropout: float = 0.1,
        activation: str | Callable[[Tensor], Tensor] = "relu", layer_norm_eps: float = 1e-5,
        batch_first: bool = False, norm_first: bool = False, bias: bool = True,
        device: Device = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        if isinstance(activation, str) and activation not in ACTIVATIONS:
            raise ValueError(
                f"TransformerEncoderLayer: activation is 'relu', 'gelu' or a function, got {activation!r}"
            )
        found = ACTIVATIONS[activation] if isinstance(activation, str) else activation
        if not callable(found):
            raise TypeError(f"TransformerEncoderLayer: {activation!r} cannot be called as an activation")
        self.self_attn = MultiheadAttention(
            d_model, nhead, dropout=dropout, bias=bias, batch_first=batch_first, device=device, dtype=dtype
        )
        self.linear1 = Linear(d_model, dim_feedforward, bias=bias, device=device, dtype=dtype)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias=bias, device=device, dtype=dtype)
        self.norm1 = LayerNorm(d_model, eps=layer_norm_eps, bias=bias, device=device, dtype=dtype)
        self.norm2 = LayerNorm(d_model, eps=layer_norm_eps, bias=bias, device=device, dtype=dtype)
        self.dropout1 = Dropout(dropout)
        self.dropout2 = Dropout(dropout)
        self.activation, self.norm_first = found, norm_first

    @property
    def _is_own(self) -> bool:  # type: ignore[override]
        return self.activation in ACTIVATIONS.values()  # another one is code of the user's

    def forward(
        self, src: Tensor, src_mask: Tensor | None = None, src_key_padding_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Tensor:  # fmt: skip
        x, masks = src, (src_mask, src_key_padding_mask, is_causal)
        if self.norm_first:
            x = x + self._attend(self.norm1(x), *masks)
            x = x + self._feed_forward(self.norm2(x))
        else:
            x = self.norm1(x + self._attend(x, *masks))
            x = self.norm2(x + self._feed_forward(x))
        return x

    def _attend(self, x: Tensor, mask: Tensor | None, padding: Tensor | None, is_causal: bool) -> Tensor:
        y, _ = self.self_attn(
            x, x, x, attn_mask=mask, key_padding_mask=padding, need_weights=False, is_causal=is_causal
        )
        added: Tensor = self.dropout1(y)
        return added

    def _feed_forward(self, x: Tensor) -> Tensor:
        added: Tensor = self.dropout2(self.linear2(self.dropout(self.activation(self.linear1(x)))))
        return added


class TransformerEncoder(Module):
    """Layers one after the other, copies of one that are trained each for itself, and a norm at the end, if given.

    Args:
        encoder_layer: a :class:`TransformerEncoderLayer`, or another module that takes the same.
        num_layers: how many copies.
        norm: a module for what comes out, or None.

    Called with src and with ``mask``, ``src_key_padding_mask`` and ``is_causal``, which every layer is given.

    Raises ValueError for fewer than one layer, TypeError for a layer that is no module.

    >>> import minigrad as mg
    >>> encoder = TransformerEncoder(TransformerEncoderLayer(8, 2, 16, batch_first=True), 3)
    >>> encoder(mg.randn(3, 5, 8)).shape, len(encoder.layers)
    ((3, 5, 8), 3)
    """

    def __init__(self, encoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__()
        (self.num_layers,) = sizes("TransformerEncoder", (num_layers,))
        if num_layers < 1:
            raise ValueError(f"TransformerEncoder: needs at least one layer, got {num_layers}")
        if not isinstance(encoder_layer, Module):
            raise TypeError(
                f"TransformerEncoder: encoder_layer must be a Module, got {type(encoder_layer).__name__}"
            )
        self.layers = ModuleList(copy.deepcopy(encoder_layer) for _ in range(num_layers))
        self.norm = norm

    def forward(
        self, src: Tensor, mask: Tensor | None = None, src_key_padding_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Tensor:  # fmt: skip
        x = tensor("TransformerEncoder", src)
        for layer in self.layers:
            x = layer(x, src_mask=mask, src_key_padding_mask=src_key_padding_mask, is_causal=is_causal)
        return x if self.norm is None else self.norm(x)
