"""How exactly float32 matrices are multiplied on a GPU: tensor cores trade digits for speed, on request."""

from __future__ import annotations

#: What operands are rounded to: the names of PyTorch and "fp16", and the kind of number (``cuda/fragments.py``).
PRECISIONS = {"highest": None, "high": "tf32", "medium": "bf16", "fp16": "fp16"}

_precision = "highest"


def get_float32_matmul_precision() -> str:
    """How float32 matrices are multiplied: "highest", "high", "medium" or "fp16"."""
    return _precision


def set_float32_matmul_precision(precision: str) -> None:
    """Let operands of large float32 products be rounded on a GPU, for the sake of speed.

    ==========  ========================  ================================  =============================
    precision   operands are rounded to   relative error of each of them    who computes
    ==========  ========================  ================================  =============================
    "highest"   float32                   none                              the ordinary multipliers
    "high"      TF32                      2^-11, about 3 decimal digits     tensor cores
    "medium"    bf16                      2^-8, more than 2 decimal digits  tensor cores, twice as fast
    "fp16"      fp16                      2^-11, about 3 decimal digits     tensor cores, as fast as bf16
    ==========  ========================  ================================  =============================

    The first three names are PyTorch's, which has none for fp16: there ±65504 is the largest number, beyond which
    operands become ±Inf, and from 2^-14 on downwards they lose digits. It is for operands of moderate size, as
    weights and normalised activations are, and as small gradients are not.

    Sums are in float32 always, and results are float32. Small products, older GPUs than compute capability 8.0,
    and the CPU keep to "highest". The setting holds for all threads; at first it is "highest". Raises ValueError
    for another name.

    >>> import minigrad as mg
    >>> mg.set_float32_matmul_precision("high")
    >>> mg.get_float32_matmul_precision()
    'high'
    >>> mg.set_float32_matmul_precision("highest")
    """
    global _precision
    if precision not in PRECISIONS:
        names = ", ".join(map(repr, PRECISIONS))
        raise ValueError(f"set_float32_matmul_precision: there is no precision {precision!r}, use one of {names}")
    _precision = precision


def operands() -> str | None:
    """The kind of number that operands are rounded to, or None."""
    return PRECISIONS[_precision]
