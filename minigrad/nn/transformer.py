"""Transformers: stacks of their layers, and an encoder and a decoder together."""

from __future__ import annotations

import copy
import math
from typing import Any

from minigrad.conversion import Device
from minigrad.creation import full
from minigrad.nn import init
from minigrad.nn.containers import ModuleList
from minigrad.nn.module import Module
from minigrad.nn.normalisation import LayerNorm
from minigrad.nn.transformer_layers import Activation, TransformerDecoderLayer, TransformerEncoderLayer
from minigrad.ops import triu
from minigrad.ops.operands import sizes, tensor
from minigrad.tensor import Tensor

__all__ = ["Transformer", "TransformerDecoder", "TransformerEncoder"]


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

    Raises ValueError for fewer than one layer, TypeError for a layer that is not a module.

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


class TransformerDecoder(Stack):
    """Layers one after the other, copies of one that are trained each for itself, and a norm at the end, if given.

    Args:
        decoder_layer: a :class:`TransformerDecoderLayer`, or another module that takes the same.
        num_layers: how many copies.
        norm: a module for what comes out, or None.

    Called with tgt, memory and the masks of the layers, which every one is given.

    Raises ValueError for fewer than one layer, TypeError for a layer that is not a module.

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
            tensor("TransformerDecoder", tgt),
            tensor("TransformerDecoder", memory),
            tgt_mask=tgt_mask,
            memory_mask=memory_mask,
            tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask,
            tgt_is_causal=tgt_is_causal,
            memory_is_causal=memory_is_causal,
        )


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
        layer = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first)
        made: dict[str, Any] = {"bias": bias, "device": device, "dtype": dtype}
        self.encoder = custom_encoder or TransformerEncoder(
            TransformerEncoderLayer(*layer, **made),
            num_encoder_layers,
            LayerNorm(d_model, layer_norm_eps, **made),
        )
        self.decoder = custom_decoder or TransformerDecoder(
            TransformerDecoderLayer(*layer, **made),
            num_decoder_layers,
            LayerNorm(d_model, layer_norm_eps, **made),
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
            tgt,
            memory,
            tgt_mask=tgt_mask,
            memory_mask=memory_mask,
            tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask,
            tgt_is_causal=tgt_is_causal,
            memory_is_causal=memory_is_causal,
        )
        return y

    @staticmethod
    def generate_square_subsequent_mask(sz: int, device: Device = None, dtype: Any = None) -> Tensor:
        """A mask (sz, sz) that hides what comes later: -Inf above the diagonal, and 0."""
        return triu(full((sz, sz), -math.inf, device=device, dtype=dtype), 1)
