"""Attention whose weights nobody asked for: the output, and with a gradient for it that of the query."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
from harness import OURS, Case

import minigrad as mg
from minigrad.kernels import reference
from minigrad.nn import functional as F

try:
    import torch
except ImportError:
    torch = None  # type: ignore[assignment]

BATCH, TOKENS, HEADS, WIDTH = 4, 512, 8, 64
SETS = 2  # of inputs, 17 MB each


def cases() -> Iterator[Case]:
    libraries: dict[str, Any] = {OURS: (mg, F, mg.from_numpy)}
    if torch:
        libraries["torch"] = (torch, torch.nn.functional, torch.from_numpy)
    rng = np.random.default_rng(0)
    shape = SETS, 4, BATCH, TOKENS, HEADS, WIDTH
    sets = rng.standard_normal(shape, np.float32).swapaxes(3, 4)  # as a layer makes them
    for is_causal in (False, True):
        for walks in (False, True):
            calls: dict[str, list[Any]] = {}
            for name, library in libraries.items():
                calls[name] = [call(library, arrays, is_causal, walks) for arrays in sets]
            work = f"{HEADS} heads of {WIDTH}, {TOKENS} tokens, batch {BATCH}"
            work += ", causal" * is_causal + ", with backward" * walks
            yield Case(work, 1.0, calls, [exact(arrays, is_causal, walks) for arrays in sets], 1e-4)


def call(library: Any, arrays: np.ndarray, is_causal: bool, walks: bool) -> functools.partial[np.ndarray]:
    _, _, from_numpy = library
    q, k, v, dout = map(from_numpy, arrays)
    operands = (x.requires_grad_(walks) for x in (q, k, v))
    return functools.partial(attend, library, *operands, dout if walks else None, is_causal)


def attend(library: Any, q: Any, k: Any, v: Any, dout: Any, is_causal: bool) -> np.ndarray:
    package, functional, _ = library
    out = functional.scaled_dot_product_attention(q, k, v, is_causal=is_causal)
    found = out if dout is None else package.autograd.grad(out, (q, k, v), dout)[0]
    result: np.ndarray = found.numpy()
    return result


def exact(arrays: np.ndarray, is_causal: bool, walks: bool) -> np.ndarray:
    q, k, v, dout = arrays.astype(np.float64)
    scale = WIDTH**-0.5
    if not walks:
        return reference.attention(q, k, v, None, scale, is_causal)
    return reference.attention_backward(dout, q, k, v, None, scale, is_causal)[..., :TOKENS, :]
