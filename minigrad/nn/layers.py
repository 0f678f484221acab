"""Layers that are a product, an embedding, or another shape of their input."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Self

from minigrad.conversion import Device
from minigrad.creation import zeros
from minigrad.dtypes import float32
from minigrad.modes import no_grad
from minigrad.nn import functional as F
from minigrad.nn import init
from minigrad.nn.functional.layers import check_mode, padding_row
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.ops import flatten, unflatten
from minigrad.ops.operands import integer, only_floats, sizes, tensor
from minigrad.tensor import Tensor

__all__ = ["Bilinear", "Embedding", "EmbeddingBag", "Flatten", "Identity", "Linear", "Unflatten"]

# -- products -------------------------------------------------------------------------------------------------


class Linear(Module):
    """A linear layer, ``z = x W^T + b``: ``(..., in_features) -> (..., out_features)``.

    Args:
        in_features: the size of x.
        out_features: the size of z.
        bias: whether there is a b.
        device: of the parameters, ``"cpu"`` or such as ``"cuda"``.
        dtype: float32, or ``mg.float64``.

    Attributes:
        weight: W, (out_features, in_features), at first uniform in +-1 / sqrt(in_features), PyTorch's choice.
        bias: b, (out_features,), at first the same, or None.

    Raises:
        ValueError: a size below 1; in ``forward``, an x of another size.
        TypeError: a size that is not an int, weights that are not floats; in ``forward``, an x of another dtype.

    >>> import minigrad as mg
    >>> layer = Linear(64, 25)
    >>> layer(mg.zeros(32, 64)).shape
    (32, 25)
    >>> layer(mg.zeros(32, 784))
    Traceback (most recent call last):
    ValueError: Linear(64, 25) expects x of shape (..., 64), got (32, 784)
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, device: Device = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.in_features, self.out_features = sizes("Linear", (in_features, out_features))
        if in_features < 1 or out_features < 1:
            raise ValueError(f"Linear needs sizes of at least 1, got ({in_features}, {out_features})")
        if not isinstance(bias, bool):
            raise TypeError(f"Linear: bias must be True or False, got {bias!r}")
        self.weight = Parameter(zeros(out_features, in_features, device=device, dtype=dtype))
        self.bias = Parameter(zeros(out_features, device=device, dtype=dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))  # gain sqrt(1/3): a bound of 1 / sqrt(in_features)
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_features)
            init.uniform_(self.bias, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        try:
            return F.linear(x, self.weight, self.bias)
        except (TypeError, ValueError):
            self._check(x)  # in terms of the layer; to ask at every call took 0.2 of 3.2 us for one example
            raise

    def _check(self, x: Tensor) -> None:
        array, W = tensor("Linear", x).array, self.weight
        short = f"Linear({self.in_features}, {self.out_features})"
        if array.shape[-1:] != (self.in_features,):
            raise ValueError(f"{short} expects x of shape (..., {self.in_features}), got {x.shape}") from None
        if array.dtype != W.array.dtype:
            cast = "float" if W.dtype == float32 else "double"
            other = f", or Linear(..., dtype=mg.{x.dtype})" if x.dtype.kind == "f" else ""
            raise TypeError(f"{short} has {W.dtype} weights, x is {x.dtype}: use x.{cast}(){other}") from None

    def extra_repr(self) -> str:
        has_bias = self.bias is not None
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={has_bias}"


class Bilinear(Module):
    """A product with two inputs, ``z_k = x1^T W_k x2 + b_k``: ``(..., in1), (..., in2) -> (..., out)``.

    Args:
        in1_features, in2_features: the sizes of x1 and x2.
        out_features: the size of z.
        bias: whether there is a b.
        device: of the parameters, ``"cpu"`` or such as ``"cuda"``.
        dtype: float32, or ``mg.float64``.

    Attributes:
        weight: W, (out_features, in1_features, in2_features), at first uniform in +-1 / sqrt(in1_features).
        bias: b, (out_features,), at first the same, or None.

    Raises:
        ValueError: a size below 1; in ``forward``, inputs of other sizes, or of two batches.
        TypeError: in ``forward``, inputs of another dtype.

    >>> import minigrad as mg
    >>> Bilinear(3, 4, 2)(mg.ones(5, 3), mg.ones(5, 4)).shape
    (5, 2)
    """

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        device: Device = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        shape = sizes("Bilinear", (out_features, in1_features, in2_features))
        if min(shape) < 1:
            raise ValueError(
                f"Bilinear needs sizes of at least 1, got {(in1_features, in2_features, out_features)}"
            )
        self.out_features, self.in1_features, self.in2_features = shape
        self.weight = Parameter(zeros(shape, device=device, dtype=dtype))
        self.bias = Parameter(zeros(out_features, device=device, dtype=dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        bound = 1 / math.sqrt(self.in1_features)
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return F.bilinear(x1, x2, self.weight, self.bias)

    def extra_repr(self) -> str:
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, "
            f"out_features={self.out_features}, bias={self.bias is not None}"
        )


# -- a table --------------------------------------------------------------------------------------------------


class Embedding(Module):
    """A vector for each of a number of things, ``y = W[i]``: ``(...) -> (..., embedding_dim)``.

    Args:
        num_embeddings: how many things there are; i is below it.
        embedding_dim: the size of a vector.
        padding_idx: one that stands for nothing: its vector is 0 at first, and gets no gradient.
        device: of the parameters, ``"cpu"`` or such as ``"cuda"``.
        dtype: float32, or ``mg.float64``.

    Attributes:
        weight: W, (num_embeddings, embedding_dim), at first from the normal distribution.

    Raises:
        ValueError: a size below 1, or a ``padding_idx`` out of range.
        IndexError: in ``forward``, an i out of range. TypeError: in ``forward``, an i that is not an integer.

    >>> import minigrad as mg
    >>> table = Embedding(10, 3, padding_idx=0)
    >>> table(mg.tensor([[1, 5, 0], [2, 0, 0]])).shape
    (2, 3, 3)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        device: Device = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        shape = self.num_embeddings, self.embedding_dim = sizes("Embedding", (num_embeddings, embedding_dim))
        if min(shape) < 1:
            raise ValueError(f"Embedding needs sizes of at least 1, got {shape}")
        self.padding_idx = padding_row("Embedding", padding_idx, num_embeddings)
        self.weight = Parameter(zeros(shape, device=device, dtype=dtype))
        self.reset_parameters()

    @classmethod
    def from_pretrained(cls, embeddings: Tensor, freeze: bool = True, padding_idx: int | None = None) -> Self:
        """A layer with a copy of these vectors, (num_embeddings, embedding_dim), which stay as they are if frozen.

        Raises ValueError for another number of dims, TypeError for anything but floats.
        """
        if only_floats("from_pretrained", tensor("from_pretrained", embeddings)).ndim != 2:
            raise ValueError(f"from_pretrained: expects (num_embeddings, embedding_dim), got {embeddings.shape}")
        layer = cls(embeddings.shape[0], embeddings.shape[1], padding_idx, embeddings.device, embeddings.dtype)
        layer.weight = Parameter(embeddings, requires_grad=not freeze)
        return layer

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx] = 0

    def forward(self, input: Tensor) -> Tensor:
        return F.embedding(input, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"


class EmbeddingBag(Embedding):
    """One vector for each bag of things, the mean, sum or maximum of theirs; see :func:`.embedding_bag`.

    Args:
        num_embeddings, embedding_dim, padding_idx, device, dtype: as for :class:`Embedding`.
        mode: ``"mean"``, ``"sum"`` or ``"max"``.
        include_last_offset: whether the last offset is not a bag's, but where the last one ends.

    Called with bags (B, N), or with (n,) and offsets (B,), and for a sum with ``per_sample_weights``, it gives
    (B, embedding_dim).

    >>> import minigrad as mg
    >>> EmbeddingBag(10, 3)(mg.tensor([1, 5, 2]), mg.tensor([0, 2])).shape
    (2, 3)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        *,
        mode: str = "mean",
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        device: Device = None,
        dtype: Any = None,
    ) -> None:
        check_mode("EmbeddingBag", mode)
        super().__init__(num_embeddings, embedding_dim, padding_idx, device, dtype)
        self.mode, self.include_last_offset = mode, include_last_offset

    def forward(
        self, input: Tensor, offsets: Tensor | None = None, per_sample_weights: Tensor | None = None
    ) -> Tensor:
        return F.embedding_bag(
            input,
            self.weight,
            offsets,
            mode=self.mode,
            per_sample_weights=per_sample_weights,
            include_last_offset=self.include_last_offset,
            padding_idx=self.padding_idx,
        )

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}, mode={self.mode!r}{padding}"


# -- another shape, or none -----------------------------------------------------------------------------------


class Identity(Module):
    """``y = x``: a place in a model where nothing happens. It takes, and ignores, any arguments."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Any) -> Any:
        return input


class Flatten(Module):
    """The dims from ``start_dim`` to ``end_dim`` as one; see :func:`mg.flatten`.

    >>> import minigrad as mg
    >>> Flatten()(mg.zeros(32, 1, 28, 28)).shape
    (32, 784)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim, self.end_dim = integer("Flatten", start_dim), integer("Flatten", end_dim)

    def forward(self, input: Tensor) -> Tensor:
        return flatten(input, self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """One dim as several; see :func:`mg.unflatten`.

    >>> import minigrad as mg
    >>> Unflatten(1, (1, 28, 28))(mg.zeros(32, 784)).shape
    (32, 1, 28, 28)
    """

    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None:
        super().__init__()
        self.dim, self.unflattened_size = integer("Unflatten", dim), sizes("Unflatten", (unflattened_size,))

    def forward(self, input: Tensor) -> Tensor:
        return unflatten(input, self.dim, self.unflattened_size)

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
