"""Borders, pixels and windows as modules: against PyTorch, and what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.nn import functional as F

LINES, IMAGES = np.arange(24.0).reshape(2, 3, 4), np.arange(160.0).reshape(2, 4, 5, 4)

COLUMNS = np.sin(np.arange(192.0)).reshape(2, 8, 12)

#: A module as it is written, and what it is given.
MODULES = [
    *[(f"{kind}Pad1d({width})", LINES) for kind in ("Zero", "Reflection", "Replication", "Circular")
      for width in (2, (1, 3), (0, 0))],
    *[(f"{kind}Pad2d({width})", IMAGES) for kind in ("Zero", "Reflection", "Replication", "Circular")
      for width in (2, (1, 3, 0, 2))],
    ("ZeroPad2d((-1, 1, 0, -2))", IMAGES), ("ReflectionPad2d(1)", IMAGES[0]),
    ("ConstantPad1d(2, 3.5)", LINES), ("ConstantPad2d((1, 0, 2, 0), -1)", IMAGES), ("PixelShuffle(2)", IMAGES),
    ("PixelShuffle(1)", IMAGES[0]), ("PixelUnshuffle(2)", IMAGES[:, :, 1:]), ("Unfold(2)", IMAGES),
    ("Unfold((2, 3), dilation=1, padding=(1, 0), stride=2)", IMAGES), ("Fold((4, 5), kernel_size=2)", COLUMNS),
]  # fmt: skip


@pytest.mark.peer
@pytest.mark.parametrize(("written", "array"), MODULES, ids=[written for written, _ in MODULES])
def test_modules_are_pytorchs(written: str, array: Any) -> None:
    torch = pytest.importorskip("torch")
    found = []
    for library in (mg, torch):
        module, x = eval(f"nn.{written}", {"nn": library.nn}), library.tensor(array, requires_grad=True)
        y = module(x)
        (y * y).sum().backward()
        found.append([repr(module), y.detach().numpy().tolist(), x.grad.tolist()])
    assert found[0] == found[1]


def test_every_module_is_tried() -> None:
    assert {written.partition("(")[0] for written, _ in MODULES} == set(nn.rearranging.__all__)


def test_unshuffling_is_the_reverse_of_shuffling_and_its_gradient_too() -> None:
    x = mg.randn(2, 12, 3, 5, dtype=mg.float64, requires_grad=True)
    assert mg.equal(F.pixel_unshuffle(F.pixel_shuffle(x, 2), 2), x)
    assert mg.gradcheck(lambda x: F.pixel_shuffle(x, 2) ** 2, [x])
    assert mg.gradgradcheck(lambda x: F.pixel_unshuffle(x, 1) ** 3, [x[:1, :2]], fast_mode=True)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: nn.ZeroPad2d((1, 2)), ValueError, r"ZeroPad2d: padding must be one number or 4, got \(1, 2\)"),
        (lambda: nn.ReflectionPad1d("1"), TypeError, "ReflectionPad1d: padding must be an int or 2 of them"),
        (lambda: nn.ReflectionPad1d(4)(mg.tensor(LINES)), ValueError, "too small for a border"),
        (
            lambda: F.pixel_shuffle(mg.ones(3, 2, 2), 2),
            ValueError,
            r"needs x \(..., C 2\^2, H, W\), got \(3, 2, 2\)",
        ),
        (lambda: F.pixel_shuffle(mg.ones(4, 2), 2), ValueError, "pixel_shuffle: a factor of 2 needs x"),
        (lambda: F.pixel_unshuffle(mg.ones(3, 2, 3), 2), ValueError, "pixel_unshuffle: a factor of 2 needs x"),
        (lambda: F.pixel_unshuffle(mg.ones(3, 2, 3), 0), ValueError, "the factor must be at least 1, got 0"),
        (lambda: F.pixel_shuffle(mg.ones(4, 2, 2), 2.0), TypeError, r"pixel_shuffle\(\) expects an int, got 2.0"),
    ],
)
def test_what_does_not_fit_is_refused(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
