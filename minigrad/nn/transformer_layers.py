"""The layers of transformers: attention and a perceptron, each beside a way around it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from minigrad.conversion import Device
from minigrad.nn import functional as F
from minigrad.nn.attention import MultiheadAttention
from minigrad.nn.dropout import Dropout
from minigrad.nn.layers import Linear
from minigrad.nn.module import Module
from minigrad.nn.normalisation import LayerNorm
from minigrad.tensor import Tensor

__all__ = ["TransformerDecoderLayer", "TransformerEncoderLayer"]

Activation = str | Callable[[Tensor], Tensor]
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"relu": F.relu, "gelu": F.gelu}


class TransformerLayer(Module):
    """What the layers of encoder and decoder share: their parts, and the way around each."""

    attentions: ClassVar[tuple[str, ...]]  # names
    activation: Callable[[Tensor], Tensor]

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = "relu",
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Device = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.activation, self.norm_first = self._chosen(activation), norm_first
        made: dict[str, Any] = {"bias": bias, "device": device, "dtype": dtype}
        numbers = range(1, len(self.attentions) + 2)  # of the attentions and the perceptron
        for name in self.attentions:
            setattr(self, name, MultiheadAttention(d_model, nhead, dropout, batch_first=batch_first, **made))
        self.linear1 = Linear(d_model, dim_feedforward, **made)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, **made)
        for k in numbers:
            setattr(self, f"norm{k}", LayerNorm(d_model, eps=layer_norm_eps, **made))
        for k in numbers:
            setattr(self, f"dropout{k}", Dropout(dropout))

    def _runs_own_code(self) -> bool:
        return self.activation in ACTIVATIONS.values()  # another one is code of the user's

    def _chosen(self, activation: Activation) -> Callable[[Tensor], Tensor]:
        name = type(self).__name__
        if isinstance(activation, str) and activation not in ACTIVATIONS:
            raise ValueError(f"{name}: activation is 'relu', 'gelu' or a function, got {activation!r}")
        found = ACTIVATIONS[activation] if isinstance(activation, str) else activation
        if not callable(found):
            raise TypeError(f"{name}: {activation!r} cannot be called as an activation")
        return found

    def _through(self, x: Tensor, *parts: Callable[[Tensor], Tensor]) -> Tensor:
        """``x`` through one part after the other, each beside a way around it, with a norm before or after."""
        for k, part in enumerate(parts, 1):
            norm, dropout = getattr(self, f"norm{k}"), getattr(self, f"dropout{k}")
            x = x + dropout(part(norm(x))) if self.norm_first else norm(x + dropout(part(x)))
        return x

    def _feed_forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.linear2(self.dropout(self.activation(self.linear1(x))))
        return y


def attended(
    attention: Module,
    x: Tensor,
    memory: Tensor,
    mask: Tensor | None,
    padding: Tensor | None,
    is_causal: bool | None,
) -> Tensor:
    """What x finds in the memory."""
    y: Tensor
    y, _ = attention(
        x, memory, memory, attn_mask=mask, key_padding_mask=padding, need_weights=False, is_causal=bool(is_causal)
    )
    return y


class TransformerEncoderLayer(TransformerLayer):
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

    attentions = ("self_attn",)
    _is_own = property(TransformerLayer._runs_own_code)  # here, as Module gives each class one of its own
    self_attn: MultiheadAttention

    def forward(
        self,
        src: Tensor,
        src_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool | None = False,
    ) -> Tensor:
        def itself(x: Tensor) -> Tensor:
            return attended(self.self_attn, x, x, src_mask, src_key_padding_mask, is_causal)

        return self._through(src, itself, self._feed_forward)


class TransformerDecoderLayer(TransformerLayer):
    """Attention to itself, to the memory that an encoder made, and a perceptron, each beside a way around it:
    ``x' = norm1(x + attention(x))``, ``x" = norm2(x' + attention(x', memory))`` and
    ``y = norm3(x" + W_2 f(W_1 x" + b_1) + b_2)``; or with ``norm_first`` the norms before, not after.

    The arguments are those of :class:`TransformerEncoderLayer`. Called with tgt, (T, N, E), (N, T, E) or (T, E),
    and memory, (S, N, E) and so on, it gives the shape of tgt. ``tgt_mask``, ``tgt_key_padding_mask`` and
    ``tgt_is_causal`` are for the attention of tgt to itself, ``memory_mask``, ``memory_key_padding_mask`` and
    ``memory_is_causal`` for that to the memory, as :class:`MultiheadAttention` takes them.

    Source and errors: as for :class:`TransformerEncoderLayer`.

    >>> import minigrad as mg
    >>> layer = TransformerDecoderLayer(8, 2, 16, batch_first=True)
    >>> layer(mg.randn(3, 4, 8), mg.randn(3, 5, 8), tgt_is_causal=True).shape
    (3, 4, 8)
    """

    attentions = ("self_attn", "multihead_attn")
    _is_own = property(TransformerLayer._runs_own_code)  # here, as Module gives each class one of its own
    self_attn: MultiheadAttention
    multihead_attn: MultiheadAttention

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool | None = False,
        memory_is_causal: bool | None = False,
    ) -> Tensor:
        def itself(x: Tensor) -> Tensor:
            return attended(self.self_attn, x, x, tgt_mask, tgt_key_padding_mask, tgt_is_causal)

        def the_memory(x: Tensor) -> Tensor:
            masks = memory_mask, memory_key_padding_mask, memory_is_causal
            return attended(self.multihead_attn, x, memory, *masks)

        return self._through(tgt, itself, the_memory, self._feed_forward)
