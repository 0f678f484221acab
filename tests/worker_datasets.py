"""Datasets and functions for loaders with worker processes, which import them from here."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np

import minigrad as mg


class Noisy(mg.data.Dataset):
    """Item i is i, and a number drawn for it."""

    def __init__(self, length: int) -> None:
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {"item": index, "noise": mg.randn(3) * 10, "name": f"item {index}"}


class Broken(Noisy):
    """An item that cannot be had."""

    def __init__(self, length: int, bad: int, error: Exception | None) -> None:
        super().__init__(length)
        self.bad, self.error = bad, error

    def __getitem__(self, index: int) -> Any:
        if index == self.bad:
            raise self.error or Odd(index, "it is odd")
        return index


class Fatal(Noisy):
    """An item that ends the process."""

    def __getitem__(self, index: int) -> Any:
        if index == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return index


class Slow(Noisy):
    """Items that take a minute, and a file for each process that began with one."""

    def __init__(self, length: int, folder: str) -> None:
        super().__init__(length)
        self.folder = folder

    def __getitem__(self, index: int) -> Any:
        if index >= 4:
            Path(self.folder, str(os.getpid())).touch()
            time.sleep(60)
        return index


class Odd(Exception):
    """An error that cannot be pickled: its arguments are not those of its constructor."""

    def __init__(self, item: int, cause: str) -> None:
        super().__init__(f"item {item}: {cause}")


class Process(Noisy):
    """Item i is the process that made it, and what :func:`mark` left there."""

    marked = -1

    def __getitem__(self, index: int) -> Any:
        return index, os.getpid(), Process.marked


def mark(worker: int) -> None:
    Process.marked = 100 + worker


def total(items: list[Any]) -> np.ndarray:
    """A batch that is a sum."""
    return np.sum(items, keepdims=True)


def threaded() -> mg.Tensor:
    """Have kernels run in threads of this process."""
    x = mg.ones(1500, 1500)
    return x @ x
