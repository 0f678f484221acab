"""Losses with every option against PyTorch: values, gradients, second derivatives, defaults."""

from __future__ import annotations

import inspect
from typing import Any, NamedTuple

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.nn import functional as F

pytestmark = pytest.mark.peer

RNG = np.random.default_rng(5)
Array = np.ndarray[Any, Any]


class Case(NamedTuple):
    """One call of a loss: arrays to differentiate for, arrays that stay as they are, and options."""

    name: str
    inputs: tuple[Array, ...]
    target: Array | None = None
    options: dict[str, Any] = {}  # noqa: RUF012 (never changed)

    def __str__(self) -> str:
        shapes = "-".join(str(array.shape).replace(" ", "") for array in self.inputs)
        given = [
            f"{key}={'...' if isinstance(value, np.ndarray) else value}" for key, value in self.options.items()
        ]
        return "-".join([self.name, shapes, *given])


def normal(*shape: int) -> Array:
    return RNG.normal(0, 2, shape)


def uniform(*shape: int) -> Array:
    return RNG.uniform(0.05, 0.95, shape)


def distribution(*shape: int, dim: int = 1) -> Array:
    p = uniform(*shape)
    return np.asarray(p / p.sum(dim, keepdims=True))


def classes(*shape: int, ignored: int | None = None) -> Array:
    y = np.asarray(RNG.integers(0, 5, shape))
    if ignored is not None:
        y.reshape(-1)[::3] = ignored
    return y


def signs(*shape: int) -> Array:
    return RNG.choice([-1.0, 1.0], shape)


VECTORS = np.random.default_rng(6).normal(0, 2, (4, 3))
PAIR = VECTORS[::-1] * 0.7 + 0.1, np.cos(VECTORS)
SIGNS = np.sign(np.sin(7 * VECTORS))
WEIGHT = np.array([0.5, 2.0, 1.0, 0.25, 3.0])
WEIGHTED, SMOOTH, BOTH = {"weight": WEIGHT}, {"label_smoothing": 0.1}, {"weight": WEIGHT, "label_smoothing": 0.3}
SHAPES = [((5,), ()), ((7, 5), (7,)), ((2, 5, 3), (2, 3)), ((2, 5, 3, 2), (2, 3, 2))]
CASES = [
    *[
        Case(name, (normal(*shape), normal(*shape)), None, options)
        for name, options in (
            ("l1_loss", {}), ("mse_loss", {}), ("huber_loss", {}), ("huber_loss", {"delta": 0.3}),
            ("smooth_l1_loss", {}), ("smooth_l1_loss", {"beta": 0.3}), ("smooth_l1_loss", {"beta": 0.0}),
        )
        for shape in ((), (4,), (3, 4))
    ],
    Case("binary_cross_entropy", (uniform(3, 4), uniform(3, 4))),
    Case("binary_cross_entropy", (uniform(3, 4),), uniform(3, 4), {"weight": uniform(3, 4)}),
    Case("binary_cross_entropy", (uniform(3, 4),), uniform(3, 4), {"weight": uniform(4)}),
    Case("binary_cross_entropy", (uniform(3, 4),), uniform(3, 4), {"weight": uniform(3, 1)}),
    Case("binary_cross_entropy_with_logits", (normal(3, 4), uniform(3, 4))),
    Case("binary_cross_entropy_with_logits", (normal(3, 4),), uniform(3, 4), {"weight": uniform(3, 1)}),
    Case("binary_cross_entropy_with_logits", (normal(3, 4),), uniform(3, 4), {"pos_weight": WEIGHT[:4]}),
    Case(
        "binary_cross_entropy_with_logits", (normal(3, 4),), uniform(3, 4),
        {"weight": uniform(3, 4), "pos_weight": WEIGHT[:1]},
    ),
    *[
        Case(name, (normal(*shape),), classes(*left), options)
        for shape, left in SHAPES
        for name, options in (
            ("cross_entropy", {}), ("cross_entropy", WEIGHTED), ("cross_entropy", SMOOTH), ("cross_entropy", BOTH),
            ("cross_entropy", {"label_smoothing": 1.0}), ("nll_loss", {}), ("nll_loss", WEIGHTED),
        )
    ],
    *[
        Case(name, (normal(*shape),), classes(*left, ignored=ignored), options | {"ignore_index": ignored})
        for ignored in (-100, 2)
        for shape, left in SHAPES[1:]
        for name, options in (
            ("cross_entropy", {}), ("cross_entropy", WEIGHTED), ("cross_entropy", SMOOTH), ("cross_entropy", BOTH),
            ("nll_loss", {}), ("nll_loss", WEIGHTED),
        )
    ],
    *[
        Case("cross_entropy", (normal(*shape), distribution(*shape, dim=min(1, len(shape) - 1))), None, options)
        for shape, _ in SHAPES
        for options in ({}, WEIGHTED, SMOOTH, BOTH)
    ],
    *[
        Case("kl_div", (np.log(distribution(3, 4)), make(3, 4)), None, {"log_target": log_target})
        for make, log_target in ((distribution, False), (lambda *shape: np.log(distribution(*shape)), True))
    ],
    Case("cosine_similarity", (normal(4, 3), normal(4, 3))),
    Case("cosine_similarity", (normal(4, 1, 3), normal(1, 5, 3)), None, {"dim": -1}),
    Case("cosine_similarity", (normal(3), normal(4, 3)), None, {"dim": 0}),
    Case("cosine_similarity", (normal(4, 3), normal(4, 3)), None, {"dim": 0, "eps": 0.1}),
    Case("normalize", (VECTORS,)),
    Case("normalize", (VECTORS,), None, {"p": 1.0, "dim": 0}),
    Case("normalize", (VECTORS,), None, {"dim": (0, 1), "eps": 100.0}),
    Case("cosine_embedding_loss", (normal(6, 3), normal(6, 3)), signs(6)),
    Case("cosine_embedding_loss", (normal(6, 3), normal(6, 3)), signs(6), {"margin": 0.25}),
    Case("cosine_embedding_loss", (normal(3), normal(3)), np.array(-1.0), {"margin": -0.5}),
    *[Case("pairwise_distance", PAIR, None, {"p": p}) for p in (2.0, 1.0, 3.0)],
    Case("pairwise_distance", (PAIR[0], PAIR[1][:1]), None, {"keepdim": True, "eps": 0.1}),
    Case("margin_ranking_loss", PAIR, SIGNS),
    Case("margin_ranking_loss", PAIR, SIGNS, {"margin": 0.7}),
    Case("triplet_margin_loss", (*PAIR, VECTORS)),
    Case("triplet_margin_loss", (*PAIR, VECTORS), None, {"margin": 3.0, "p": 1.0, "swap": True}),
    Case("gaussian_nll_loss", (*PAIR, np.abs(VECTORS))),
    Case("gaussian_nll_loss", (*PAIR, np.abs(VECTORS[:, 0])), None, {"full": True}),
    Case("gaussian_nll_loss", (*PAIR, np.abs(VECTORS[:, :1])), None, {"eps": 1.0}),
    Case("hinge_embedding_loss", (uniform(4, 3) * 2,), signs(4, 3)),
    Case("hinge_embedding_loss", (uniform(5) * 2,), signs(5), {"margin": 0.4}),
]  # fmt: skip


def call(library: Any, case: Case, reduction: str | None, dtype: str) -> tuple[Any, list[Any]]:
    """The loss in one of the two libraries, and the tensors to differentiate for."""
    inputs = [library.tensor(array.astype(dtype)).requires_grad_() for array in case.inputs]
    fixed = []
    if case.target is not None:
        target = case.target
        fixed.append(library.tensor(target.astype(dtype) if target.dtype.kind == "f" else target))
    options = {
        key: library.tensor(value.astype(dtype)) if isinstance(value, np.ndarray) else value
        for key, value in case.options.items()
    }
    if reduction is not None:
        options["reduction"] = reduction
    return getattr(library.nn.functional, case.name)(*inputs, *fixed, **options), inputs


def derivatives(grad: Any, weights: Any, out: Any, inputs: list[Any]) -> list[Array]:
    """First derivatives, and second ones where there are any."""
    first = grad((out * weights).sum(), inputs, create_graph=True, allow_unused=True)
    total = None
    for slope in first:
        if slope is not None and slope.requires_grad:
            total = (slope * slope).sum() if total is None else total + (slope * slope).sum()
    second = (None,) * len(inputs) if total is None else grad(total, inputs, allow_unused=True)
    shapes = [np.zeros(tuple(t.shape)) for t in inputs]
    return [
        zero if slope is None else (slope.detach() + 0).numpy()  # PyTorch has zeros without memory
        for slope, zero in zip([*first, *second], [*shapes, *shapes], strict=True)
    ]


def reductions(name: str) -> list[str | None]:
    if name in ("cosine_similarity", "normalize", "pairwise_distance"):
        return [None]
    return ["mean", "sum", "none", "batchmean"] if name == "kl_div" else ["mean", "sum", "none"]


@pytest.mark.filterwarnings("ignore::UserWarning")  # PyTorch's, of kl_div with reduction="mean"
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("case", "reduction"), [(case, reduction) for case in CASES for reduction in reductions(case.name)], ids=str
)
def test_values_and_derivatives_are_pytorchs(case: Case, reduction: str | None, dtype: str) -> None:
    torch = pytest.importorskip("torch")
    found, leaves = call(mg, case, reduction, dtype)
    wanted, theirs = call(torch, case, reduction, dtype)
    assert (found.shape, str(found.dtype)) == (tuple(wanted.shape), dtype)
    rtol, atol = (1e-10, 1e-13) if dtype == "float64" else (1e-5, 1e-6)
    np.testing.assert_allclose(found.detach().numpy(), wanted.detach().numpy(), rtol=rtol, atol=atol)
    weights = np.random.default_rng(1).uniform(0.5, 1.5, found.shape).astype(dtype)
    got = derivatives(mg.grad, mg.tensor(weights), found, leaves)
    want = derivatives(torch.autograd.grad, torch.tensor(weights), wanted, theirs)
    for ours, other in zip(got, want, strict=True):
        np.testing.assert_allclose(ours, other, rtol=rtol, atol=10 * atol)


MODULES = [
    ("L1Loss", {}), ("MSELoss", {}), ("HuberLoss", {"delta": 0.5}), ("SmoothL1Loss", {"beta": 0.5}),
    ("CrossEntropyLoss", {"weight": WEIGHT[:4], "ignore_index": 2, "label_smoothing": 0.1}),
    ("NLLLoss", {"weight": WEIGHT[:4], "ignore_index": 2}), ("BCELoss", {"weight": WEIGHT[:4]}),
    ("BCEWithLogitsLoss", {"weight": WEIGHT[:4], "pos_weight": WEIGHT[:4]}), ("KLDivLoss", {"log_target": True}),
    ("CosineSimilarity", {"dim": 0}), ("CosineEmbeddingLoss", {"margin": 0.1}),
    ("HingeEmbeddingLoss", {"margin": 0.6}), ("MarginRankingLoss", {"margin": 0.3}),
    ("TripletMarginLoss", {"margin": 2.0, "p": 1.0, "swap": True}),
    ("GaussianNLLLoss", {"full": True, "eps": 0.3}), ("PairwiseDistance", {"p": 3.0, "keepdim": True}),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(("name", "options"), MODULES, ids=lambda value: value if isinstance(value, str) else "")
def test_modules_take_pytorchs_arguments_and_give_its_numbers(name: str, options: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    x, y = uniform(3, 4), uniform(3, 4)
    arguments = {
        "CrossEntropyLoss": (x, np.array([0, 2, 3])),
        "NLLLoss": (x, np.array([0, 2, 3])),
        "CosineEmbeddingLoss": (x, y, np.array([1.0, -1.0, 1.0])),
        "HingeEmbeddingLoss": (x, signs(3, 4)),
        "MarginRankingLoss": (x, y, SIGNS[:3].repeat(2, 1)[:, :4]),
        "TripletMarginLoss": (x, y, x[::-1].copy()),
        "GaussianNLLLoss": (x, y, y[::-1].copy()),
    }.get(name, (x, y))
    found, wanted = (
        getattr(library.nn, name)(
            **{
                key: library.tensor(value) if isinstance(value, np.ndarray) else value
                for key, value in options.items()
            }
        )
        for library in (mg, torch)
    )
    assert list(found.state_dict()) == list(wanted.state_dict())
    ours, theirs = found(*map(mg.tensor, arguments)), wanted(*map(torch.tensor, arguments))
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-12)


@pytest.mark.parametrize("name", [name for name in nn.losses.__all__ if name != "Loss"])
def test_modules_have_pytorchs_defaults(name: str) -> None:
    torch = pytest.importorskip("torch")
    ours, theirs = vars(getattr(nn, name)()), vars(getattr(torch.nn, name)())
    for key, value in ours.items():
        if not key.startswith("_"):
            assert value == theirs.get(key, theirs["_buffers"].get(key)), key


def test_functions_have_pytorchs_names_and_defaults() -> None:
    torch = pytest.importorskip("torch")
    for name in F.__all__:
        theirs = getattr(torch.nn.functional, name, None)
        wanted = inspect.signature(theirs).parameters if inspect.isfunction(theirs) else {"args": None}
        if "args" in wanted:  # not there, written in C, or a choice of two: without a signature
            continue
        for key, parameter in inspect.signature(getattr(F, name)).parameters.items():
            ours = ("z", "x", "W", "b", "batch_first")  # the formulas' names, and an option more
            if key not in ours and "softm" not in name:  # whose dim is needed
                assert parameter.default == wanted[key].default, (name, key)
