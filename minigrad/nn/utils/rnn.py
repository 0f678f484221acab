"""Sequences of different lengths as one tensor, for recurrent layers and attention."""

from __future__ import annotations

from collections.abc import Sequence

from minigrad.ops import pad, stack, transpose
from minigrad.ops.operands import tensor
from minigrad.tensor import Tensor

__all__ = ["pad_sequence", "unpad_sequence"]


def pad_sequence(
    sequences: Sequence[Tensor],
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:
    """Sequences (T_i, ...) in one tensor, (T, B, ...), the shorter ones filled up to the longest.

    Args:
        sequences: tensors of one dtype whose shapes differ in the first dim alone.
        batch_first: give (B, T, ...).
        padding_value: what is filled in.
        padding_side: ``"right"``, after the end, or ``"left"``, before the start.

    Raises ValueError for no sequences, other shapes or another side. Gradients flow back to the sequences.

    >>> import minigrad as mg
    >>> pad_sequence([mg.tensor([1, 2, 3]), mg.tensor([4])], batch_first=True)
    tensor([[1, 2, 3],
            [4, 0, 0]])
    """
    shapes = [tensor("pad_sequence", sequence).shape for sequence in sequences]
    if not shapes or not all(shapes) or len({shape[1:] for shape in shapes}) > 1:
        raise ValueError(f"pad_sequence: takes sequences (T_i, ...) that differ in length alone, got {shapes}")
    if padding_side not in ("left", "right"):
        raise ValueError(f"pad_sequence: padding_side must be 'left' or 'right', got {padding_side!r}")
    longest = max(shape[0] for shape in shapes)
    others = (0, 0) * (len(shapes[0]) - 1)
    filled = []
    for sequence in sequences:
        missing = longest - len(sequence)
        widths = (*others, *((missing, 0) if padding_side == "left" else (0, missing)))
        filled.append(pad(sequence, widths, value=padding_value) if missing else sequence)
    return stack(filled, 0 if batch_first else 1)


def unpad_sequence(padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False) -> list[Tensor]:
    """The sequences that were padded at their ends: of (T, B, ...), the first ``lengths[i]`` steps of each.

    Raises ValueError where there are not as many lengths as sequences.

    >>> import minigrad as mg
    >>> unpad_sequence(mg.tensor([[1, 2, 3], [4, 0, 0]]), mg.tensor([3, 1]), batch_first=True)
    [tensor([1, 2, 3]), tensor([4])]
    """
    padded = tensor("unpad_sequence", padded_sequences)
    rows = padded if batch_first else transpose(padded, 0, 1)
    if tensor("unpad_sequence", lengths).shape != rows.shape[:1]:
        raise ValueError(f"unpad_sequence: {rows.shape[0]} sequences need as many lengths, got {lengths.shape}")
    return [row[:length] for row, length in zip(rows, lengths.tolist(), strict=True)]
