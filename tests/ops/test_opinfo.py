"""PyTorch's own samples of its operations (OpInfo), as a second oracle: values, gradients, dtypes, errors."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import minigrad as mg

SAMPLES = 40  # of one operation and dtype
DTYPES = ("float64", "float32", "int64", "bool")

#: Operations whose samples are not compared, with the dtype if it is one alone, and why.
LEFT_OUT = {
    **dict.fromkeys(["randn", "randint", "randn_like", "rand_like"], "random"),
    **dict.fromkeys(["nn.functional.dropout", "nn.functional.dropout2d"], "random"),
    **dict.fromkeys(["bernoulli", "multinomial", "normal", "normal/in_place", "normal/number_mean"], "random"),
    **dict.fromkeys(["bool", "double", "float", "int", "long"], "the names of dtypes"),
    **dict.fromkeys(["empty", "empty_like", "new_empty"], "not initialised"),
    "__getitem__": "NumPy's order of dimensions where an int and an array are apart, PyTorch's differs",
    "__rpow__ int64": "an integer to a negative power is an error, PyTorch's 0 is not",
    "arange int64": "fractions as bounds of integers, which PyTorch drops first",
    "linspace int64": "fractions as bounds of integers, which PyTorch drops first",
    "baddbmm int64": "a fraction of integers is an error, PyTorch's is cut off",
    "full bool": "6 is no bool",
    "full_like bool": "-1 is no bool",
    **dict.fromkeys(
        ["nn.functional.avg_pool1d int64", "nn.functional.avg_pool2d int64"], "a mean is no integer, PyTorch's is"
    ),
    "nn.functional.interpolate/trilinear": "no volumes",
    "nn.functional.hardsigmoid float64": "PyTorch's gradient has the sixth of float32",
    "nn.functional.hardtanh int64": "a limit of -0.5 is an error between integers",
    "nn.functional.hinge_embedding_loss": "targets must be 1 or -1, PyTorch's samples are not",
    "nn.functional.margin_ranking_loss": "targets must be 1 or -1, PyTorch's samples are not",
    "nn.functional.kl_div": "targets must not be negative, PyTorch's samples are",
    "nn.functional.layer_norm float32": "of one element PyTorch's gradient is what rounding leaves of 0",
    "nn.functional.silu/complex": "no complex numbers",
    "norm/nuc": "a norm of singular values",
    "to": "memory formats, and options by their place, which to() does not know",
    "zero_": "in place on leaves",
}

NORMS = ["batch_norm", "group_norm", "instance_norm", "layer_norm", "rms_norm"]


def strange_norm(sample: Any) -> bool:
    """Whether a sample of a norm has no channels, a negative eps, or a momentum that is no share."""
    numbers = [n for n in (*sample.args, *sample.kwargs.values()) if isinstance(n, float)]
    return sample.input.shape == (0,) or any(not 0 <= n <= 1 for n in numbers)


#: Samples that are not compared: minigrad refuses what these do, or does not offer it.
SKIPPED: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys([f"nn.functional.{name}" for name in NORMS], strange_norm),
    **dict.fromkeys(
        ["nn.functional.embedding", "nn.functional.embedding_bag"],
        lambda sample: bool({"max_norm", "scale_grad_by_freq", "sparse"} & {*sample.kwargs}),
    ),
    "nn.functional.interpolate": lambda sample: sample.input.ndim == 5,  # volumes
    "nn.functional.cosine_similarity": lambda sample: sample.input.ndim == 0,
    "nn.functional.multi_head_attention_forward": lambda sample: sample.args[9] > 0,  # random, as the next one
    "nn.functional.scaled_dot_product_attention": lambda sample: sample.kwargs.get("dropout_p", 0) > 0,
    "nn.functional.gaussian_nll_loss": lambda sample: sample.args[0].shape != sample.input.shape,
    "repeat_interleave": lambda sample: "output_size" in sample.kwargs,
    "roll": lambda sample: sample.input.ndim == 0,  # has a dim 0 here, as in reductions
    "scatter": lambda sample: "reduce" in sample.kwargs,  # deprecated
    "tensordot": lambda sample: 1 in sample.input.shape,  # contracted with a larger size
}

#: What is written in another way.
SPELLED: dict[str, Callable[..., Any]] = {
    "T": lambda x: x.T,
    "mT": lambda x: x.mT,
    "nn.functional.embedding": lambda weight, rows, **options: mg.nn.functional.embedding(rows, weight, **options),
    "nn.functional.embedding_bag": lambda weight, rows, **options: mg.nn.functional.embedding_bag(
        rows, weight, **options
    ),
    "einsum": lambda tensors, equation: mg.einsum(equation, *tensors),
    "trace": lambda x: x.trace(),
    "where": lambda x, condition, other: x.where(condition, other),
}

#: Which of several equal elements these take is undefined in PyTorch, so there only the values are compared.
UNDEFINED_TIES = {"sort", "argsort", "topk", "median"}

torch_samples = pytest.mark.peer


def operations() -> list[str]:
    """The names, with variants, of PyTorch's operations that minigrad has too."""
    return [name for name, info in infos().items() if ours(info) and name not in LEFT_OUT]


def cases() -> list[tuple[str, str]]:
    """The names with the dtypes of their samples."""
    return [(name, dtype) for name in operations() for dtype in DTYPES if f"{name} {dtype}" not in LEFT_OUT]


@functools.cache
def infos() -> dict[str, Any]:
    try:
        from torch.testing._internal.common_methods_invocations import op_db
    except ImportError:  # no PyTorch, or no expecttest
        return {}
    return {
        f"{info.name}/{info.variant_test_name}" if info.variant_test_name else info.name: info for info in op_db
    }


def ours(info: Any) -> Callable[..., Any] | None:
    """The function or method of the same name."""
    if info.name in SPELLED:
        return SPELLED[info.name]
    if info.name.startswith("nn.functional."):
        return getattr(mg.nn.functional, info.name.removeprefix("nn.functional."), None)
    return getattr(mg, info.name, None) or getattr(mg.Tensor, info.name, None)


def translated(value: Any, leaves: list[tuple[mg.Tensor, Any]]) -> Any:
    """An argument of PyTorch's as one of ours; tensors that require a gradient are noted with theirs."""
    import torch

    if isinstance(value, torch.Tensor):
        t = mg.from_numpy(value.detach().numpy())
        if value.requires_grad:
            t.requires_grad_()
            leaves.append((t, value))
        return t
    if isinstance(value, torch.dtype):
        return mg.dtypes.dtype(str(value).removeprefix("torch."))
    if isinstance(value, (list, tuple)) and not isinstance(value, torch.Size):
        return type(value)(translated(each, leaves) for each in value)
    return tuple(value) if isinstance(value, torch.Size) else value


def call(info: Any, sample: Any) -> tuple[Callable[[], Any], Callable[[], Any], list[tuple[mg.Tensor, Any]]]:
    """PyTorch's call, the same call of ours, and the leaves of both."""
    leaves: list[tuple[mg.Tensor, Any]] = []
    args = [translated(each, leaves) for each in (sample.input, *sample.args)]
    given = {name: each for name, each in sample.kwargs.items() if name not in ("device", "memory_format")}
    kwargs = {name: translated(each, leaves) for name, each in given.items()}
    function = ours(info)
    assert function is not None
    return (
        (lambda: info.op(sample.input, *sample.args, **sample.kwargs)),
        (lambda: function(*args, **kwargs)),
        leaves,
    )


def tensors_in(value: Any) -> list[Any]:
    """The tensors of a result: itself, or those of a tuple or list."""
    if isinstance(value, (tuple, list)):
        return [t for each in value for t in tensors_in(each)]
    return [value]


def assert_same(found: Any, expected: Any, dtype: str, what: str) -> None:
    if not hasattr(expected, "detach"):
        assert found == expected, what
        return
    assert str(found.dtype) == str(expected.dtype).removeprefix("torch."), what
    assert found.shape == tuple(expected.shape), what
    tolerance = {"float64": 1e-10, "float32": 2e-5}.get(str(found.dtype), 0.0)
    np.testing.assert_allclose(
        found.detach().numpy(), expected.detach().numpy(), rtol=tolerance, atol=tolerance, err_msg=what
    )


def samples(info: Any, dtype: str) -> Iterator[Any]:
    import torch

    own = getattr(torch, dtype)
    if own not in info.supported_dtypes("cpu"):
        return
    wants_grad = dtype.startswith("float") and info.supports_autograd
    for i, sample in enumerate(info.sample_inputs("cpu", own, requires_grad=wants_grad)):
        if i == SAMPLES:
            return
        if info.name not in SKIPPED or not SKIPPED[info.name](sample):
            yield sample


@torch_samples
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize(("name", "dtype"), cases())
def test_peer_gives_the_same_on_its_own_samples(name: str, dtype: str) -> None:
    import torch

    info = infos()[name]
    for sample in samples(info, dtype):
        what = f"{name}({sample.input!r:.200}, {sample.args!r:.200}, {sample.kwargs!r})"
        theirs, mine, leaves = call(info, sample)
        expected, found = theirs(), mine()
        pairs = list(zip(tensors_in(found), tensors_in(expected), strict=True))
        if name in UNDEFINED_TIES and not dtype.startswith("float"):
            pairs = pairs[: name != "argsort"]
        for f, e in pairs:
            assert_same(f, e, dtype, what)
        outs = [(f, e) for f, e in pairs if getattr(e, "requires_grad", False)]
        if not outs or not leaves:
            continue
        weights = [np.random.default_rng(0).uniform(0.5, 1.5, f.shape).astype(f.dtype) for f, _ in outs]
        found_grads = mg.grad(
            [f for f, _ in outs], [t for t, _ in leaves], [mg.tensor(w) for w in weights], allow_unused=True
        )
        expected_grads = torch.autograd.grad(
            [e for _, e in outs], [t for _, t in leaves], [torch.tensor(w) for w in weights], allow_unused=True
        )
        for g, e in zip(found_grads, expected_grads, strict=True):
            if e is None or g is None:
                assert g is None or not g.array.any(), what
                assert e is None or not e.any(), what
            else:
                assert_same(g, e, dtype, f"gradient of {what}")


@torch_samples
@pytest.mark.parametrize("name", operations())
def test_peer_refuses_the_same_inputs(name: str) -> None:
    info = infos()[name]
    if not info.error_inputs_func:
        pytest.skip("PyTorch lists no wrong inputs")
    for wrong in info.error_inputs("cpu"):
        numbers = wrong.error_type is Exception  # in place of tensors, which minigrad takes
        if numbers or (info.name in SKIPPED and SKIPPED[info.name](wrong.sample_input)):
            continue
        try:
            _, mine, _ = call(info, wrong.sample_input)
        except (TypeError, ValueError):  # a dtype that minigrad does not have, or more than 64 dimensions
            continue
        with pytest.raises((TypeError, ValueError, IndexError, RuntimeError)):
            mine()
