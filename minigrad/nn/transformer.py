"""Transformers: layers of attention and of a perceptron, each added to what it is given."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

from minigrad.conversion import Device
from minigrad.creation import full
from minigrad.nn import functional as F
from minigrad.nn import init
from minigrad.nn.attention import MultiheadAttention
from minigrad.nn.containers import ModuleList
from minigrad.nn.dropout import Dropout
from minigrad.nn.layers import Linear
from minigrad.nn.module import Module
from minigrad.nn.normalisation import LayerNorm
from minigrad.ops import triu
from minigrad.ops.operands import sizes, tensor
from minigrad.tensor import Tensor

__all__ = [
    "Transformer", "TransformerDecoder", "TransformerDecoderLayer", "TransformerEncoder",
    "TransformerEncoderLayer",
]  # fmt: skip

Activation = str | Callable[[Tensor], Tensor]
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"relu": F.relu, "gelu": F.gelu}


class AnyLayer(Module):
    """What the layers of encoder and decoder share: the choice of f."""

    activation: Callable[[Tensor], Tensor]

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


# -- the encoder ----------------------------------------------------------------------------------------------


class TransformerEncoderLayer(AnyLayer):
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

    _is_own = property(AnyLayer._runs_own_code)  # here, as Module gives each class one of its own

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
        self.self_attn = MultiheadAttention(d_model, nhead, dropout=dropout, batch_first=batch_first, **made)
        self.linear1 = Linear(d_model, dim_feedforward, **made)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, **made)
        self.norm1 = LayerNorm(d_model, eps=layer_norm_eps, **made)
        self.norm2 = LayerNorm(d_model, eps=layer_norm_eps, **made)
        self.dropout1 = Dropout(dropout)
        self.dropout2 = Dropout(dropout)

    def forward(
        self,
        src: Tensor,
        src_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool | None = False,
    ) -> Tensor:
        x, masks = src, (src_mask, src_key_padding_mask, is_causal)
        if self.norm_first:
            x = x + self._attend(self.norm1(x), *masks)
            x = x + self._feed_forward(self.norm2(x))
        else:
            x = self.norm1(x + self._attend(x, *masks))
            x = self.norm2(x + self._feed_forward(x))
        return x

    def _attend(self, x: Tensor, mask: Tensor | None, padding: Tensor | None, is_causal: bool | None) -> Tensor:
        added: Tensor = self.dropout1(attended(self.self_attn, x, x, mask, padding, is_causal))
        return added

    def _feed_forward(self, x: Tensor) -> Tensor:
        added: Tensor = self.dropout2(self.linear2(self.dropout(self.activation(self.linear1(x)))))
        return added


class Stack(Module):
    """What encoder and decoder share: copies of a layer, and a norm."""

    def __init__(self, layer: Module, num_layers: int, norm: Module | None, what: str) -> None:
        super().__init__()
        name = type(self).__name__
        (self.num_layers,) = sizes(name, (num_layers,))
        if num_layers < 1:
            raise ValueError(f"{name}: needs at least one layer, got {num_layers}")
        if not isinstance(layer, Module):
            raise TypeError(f"{name}: {what} must be a Module, got {type(layer).__name__}")
        self.layers = ModuleList(copy.deepcopy(layer) for _ in range(num_layers))
        self.norm = norm

    def _through(self, x: Tensor, *memory: Tensor, **masks: Any) -> Tensor:
        for layer in self.layers:
            x = layer(x, *memory, **masks)
        return x if self.norm is None else self.norm(x)


class TransformerEncoder(Stack):
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
        super().__init__(encoder_layer, num_layers, norm, "encoder_layer")

    def forward(
        self,
        src: Tensor,
        mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool | None = False,
    ) -> Tensor:
        x = tensor("TransformerEncoder", src)
        return self._through(x, src_mask=mask, src_key_padding_mask=src_key_padding_mask, is_causal=is_causal)


# -- the decoder ----------------------------------------------------------------------------------------------


class TransformerDecoderLayer(AnyLayer):
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

    _is_own = property(AnyLayer._runs_own_code)  # here, as Module gives each class one of its own

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
        self.self_attn = MultiheadAttention(d_model, nhead, dropout=dropout, batch_first=batch_first, **made)
        self.multihead_attn = MultiheadAttention(d_model, nhead, dropout=dropout, batch_first=batch_first, **made)
        self.linear1 = Linear(d_model, dim_feedforward, **made)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, **made)
        self.norm1 = LayerNorm(d_model, eps=layer_norm_eps, **made)
        self.norm2 = LayerNorm(d_model, eps=layer_norm_eps, **made)
        self.norm3 = LayerNorm(d_model, eps=layer_norm_eps, **made)
        self.dropout1 = Dropout(dropout)
        self.dropout2 = Dropout(dropout)
        self.dropout3 = Dropout(dropout)

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

        x = tgt
        for part, norm, dropout in (
            (itself, self.norm1, self.dropout1),
            (the_memory, self.norm2, self.dropout2),
            (self._feed_forward, self.norm3, self.dropout3),
        ):
            x = x + dropout(part(norm(x))) if self.norm_first else norm(x + dropout(part(x)))
        return x

    def _feed_forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.linear2(self.dropout(self.activation(self.linear1(x))))
        return y


class TransformerDecoder(Stack):
    """Layers one after the other, copies of one that are trained each for itself, and a norm at the end, if given.

    Args:
        decoder_layer: a :class:`TransformerDecoderLayer`, or another module that takes the same.
        num_layers: how many copies.
        norm: a module for what comes out, or None.

    Called with tgt, memory and the masks of the layers, which every one is given.

    Raises ValueError for fewer than one layer, TypeError for a layer that is no module.

    >>> import minigrad as mg
    >>> decoder = TransformerDecoder(TransformerDecoderLayer(8, 2, 16, batch_first=True), 2)
    >>> decoder(mg.randn(3, 4, 8), mg.randn(3, 5, 8)).shape
    (3, 4, 8)
    """

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__(decoder_layer, num_layers, norm, "decoder_layer")

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
        return self._through(
            tensor("TransformerDecoder", tgt), tensor("TransformerDecoder", memory), tgt_mask=tgt_mask,
            memory_mask=memory_mask, tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask, tgt_is_causal=tgt_is_causal,
            memory_is_causal=memory_is_causal,
        )  # fmt: skip


# -- both -----------------------------------------------------------------------------------------------------


class Transformer(Module):
    """An encoder of src, and a decoder of tgt that looks at what the encoder made, each with a norm at its end.

    Args:
        d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias,
            device, dtype: of the layers; see :class:`TransformerEncoderLayer`.
        num_encoder_layers, num_decoder_layers: how many there are.
        custom_encoder, custom_decoder: modules in the place of those.

    Called with src, (S, N, E), and tgt, (T, N, E), both without N or with N first, and with the masks of encoder
    and decoder, it gives the shape of tgt. Embeddings, positions and the layer at the end are the caller's.

    Source: Vaswani and others, Attention is all you need, 2017.

    >>> import minigrad as mg
    >>> net = Transformer(8, 2, 1, 1, 16, batch_first=True)
    >>> mask = net.generate_square_subsequent_mask(4)
    >>> net(mg.randn(3, 5, 8), mg.randn(3, 4, 8), tgt_mask=mask).shape
    (3, 4, 8)
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = "relu",
        custom_encoder: Module | None = None,
        custom_decoder: Module | None = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Device = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        layer = (
            d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias,
            device, dtype,
        )  # fmt: skip
        made: dict[str, Any] = {"eps": layer_norm_eps, "bias": bias, "device": device, "dtype": dtype}
        self.encoder = custom_encoder or TransformerEncoder(
            TransformerEncoderLayer(*layer), num_encoder_layers, LayerNorm(d_model, **made)
        )
        self.decoder = custom_decoder or TransformerDecoder(
            TransformerDecoderLayer(*layer), num_decoder_layers, LayerNorm(d_model, **made)
        )
        self.d_model, self.nhead, self.batch_first = d_model, nhead, batch_first
        for weight in self.parameters():  # of each copy, which were alike
            if weight.ndim > 1:
                init.xavier_uniform_(weight)

    def forward(
        self,
        src: Tensor,
        tgt: Tensor,
        src_mask: Tensor | None = None,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        memory = self.encoder(
            src, mask=src_mask, src_key_padding_mask=src_key_padding_mask, is_causal=src_is_causal
        )
        y: Tensor = self.decoder(
            tgt, memory, tgt_mask=tgt_mask, memory_mask=memory_mask, tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask, tgt_is_causal=tgt_is_causal,
            memory_is_causal=memory_is_causal,
        )  # fmt: skip
        return y

    @staticmethod
    def generate_square_subsequent_mask(sz: int, device: Device = None, dtype: Any = None) -> Tensor:
        """A mask (sz, sz) that hides what comes later: -Inf above the diagonal, and 0."""
        return triu(full((sz, sz), -math.inf, device=device, dtype=dtype), 1)
