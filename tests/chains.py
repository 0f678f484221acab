"""Helpers of the tests of chains: what is launched when, and to which bits."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import pytest

import minigrad as mg
from minigrad.kernels.cuda import device

T = TypeVar("T")

launches = mg.cuda.kernel_launches


def rand(*shape: int, seed: int = 0, dtype: str = "float32") -> mg.Tensor:
    return mg.tensor(np.random.default_rng(seed).normal(size=shape).astype(dtype), device="cuda")


def counted(function: Callable[[], T]) -> tuple[T, int]:
    """What the function gives, and how many kernels were launched for it."""
    before = launches()
    found = function()
    return found, launches() - before


def is_pending(t: mg.Tensor) -> bool:
    return t.array.chain is not None


def bits(t: object) -> bytes:
    assert isinstance(t, mg.Tensor)
    return t.detach().cpu().numpy().tobytes()


def one_by_one(function: Callable[[], mg.Tensor]) -> mg.Tensor:
    """What the function gives, with a launch for each of its own."""
    with mg.cuda.fuse(False):
        return function()


def fill_memory(patched: pytest.MonkeyPatch) -> None:
    """Let the first device have no memory left."""
    memory = device.device(0).memory
    patched.setattr(memory, "ready", {})
    patched.setattr(memory, "_fitting", lambda *_: None)
    patched.setattr(memory.driver, "allocate", lambda *_: None)
