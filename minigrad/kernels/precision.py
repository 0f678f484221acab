"""How exactly float32 matrices are multiplied on a GPU: tensor cores trade digits for speed, on request."""

from __future__ import annotations

#: What operands are rounded to: the names of PyTorch, and the kind of number (see ``cuda/fragments.py``).
PRECISIONS = {"highest": None, "high": "tf32", "medium": "bf16"}

_precision = "highest"


def get_float32_matmul_precision() -> str:
    """How float32 matrices are multiplied: "highest", "high" or "medium"."""
    return _precision


def set_float32_matmul_precision(precision: str) -> None:
    """Let operands of large float32 products be rounded on a GPU, for the sake of speed.

    ==========  ========================  ================================  =============================
    precision   operands are rounded to   relative error of each of them    who computes
    ==========  ========================  ================================  =============================
    "highest"   float32                   none                              the ordinary multipliers
    "high"      TF32                      2^-11, about 3 decimal digits     tensor cores
    "medium"    bf16                      2^-8, more than 2 decimal digits  tensor cores, twice as fast
    ==========  ========================  ================================  =============================

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
