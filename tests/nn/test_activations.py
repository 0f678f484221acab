"""Activations: as modules, on integers, with wrong parameters, and what their nodes keep."""

from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.nn import functional as F
from minigrad.ops import activation, gates, rectifiers, soft
from minigrad.ops.activation import Activation

Z = mg.tensor([[-4.0, -1.0, -0.5, 0.0, 0.25, 2.0, 3.5, 30.0]])
ONE = mg.tensor([1], dtype=mg.uint8)

FUNCTIONS = [*activation.__all__, *rectifiers.__all__, *gates.__all__, *soft.__all__]

#: A module with its arguments, and the function that it applies.
MODULES: list[tuple[nn.Module, Any]] = [
    (nn.ReLU(), F.relu),
    (nn.ReLU6(), F.relu6),
    (nn.LeakyReLU(), F.leaky_relu),
    (nn.LeakyReLU(0.2), lambda z: F.leaky_relu(z, 0.2)),
    (nn.Hardtanh(), F.hardtanh),
    (nn.Hardtanh(-2.0, 0.5), lambda z: F.hardtanh(z, -2.0, 0.5)),
    (nn.ELU(), F.elu),
    (nn.ELU(0.5), lambda z: F.elu(z, 0.5)),
    (nn.CELU(), F.celu),
    (nn.CELU(0.5), lambda z: F.celu(z, 0.5)),
    (nn.SELU(), F.selu),
    (nn.GELU(), F.gelu),
    (nn.GELU(approximate="tanh"), lambda z: F.gelu(z, approximate="tanh")),
    (nn.SiLU(), F.silu),
    (nn.Mish(), F.mish),
    (nn.Hardsigmoid(), F.hardsigmoid),
    (nn.Hardswish(), F.hardswish),
    (nn.GLU(), F.glu),
    (nn.GLU(dim=1), lambda z: F.glu(z, 1)),
    (nn.Sigmoid(), F.sigmoid),
    (nn.Tanh(), F.tanh),
    (nn.Softsign(), F.softsign),
    (nn.Softplus(), F.softplus),
    (nn.Softplus(2.0, 3.0), lambda z: F.softplus(z, 2.0, 3.0)),
    (nn.LogSigmoid(), F.logsigmoid),
    (nn.Softmax(dim=1), lambda z: F.softmax(z, 1)),
    (nn.LogSoftmax(dim=0), lambda z: F.log_softmax(z, 0)),
    (nn.Softmin(dim=1), lambda z: F.softmin(z, 1)),
    (nn.Tanhshrink(), F.tanhshrink),
    (nn.Hardshrink(), F.hardshrink),
    (nn.Hardshrink(0.25), lambda z: F.hardshrink(z, 0.25)),
    (nn.Softshrink(), F.softshrink),
    (nn.Softshrink(1.0), lambda z: F.softshrink(z, 1.0)),
    (nn.Threshold(0.25, -7), lambda z: F.threshold(z, 0.25, -7)),
    (nn.PReLU(), lambda z: F.prelu(z, mg.tensor([0.25]))),
    (nn.ReLU(inplace=True), F.relu),
    (nn.LeakyReLU(0.2, inplace=True), lambda z: F.leaky_relu(z, 0.2)),
    (nn.SELU(True), F.selu),
]


@pytest.mark.parametrize(("module", "function"), MODULES, ids=[repr(module) for module, _ in MODULES])
def test_a_module_applies_its_function_with_its_arguments(module: nn.Module, function: Any) -> None:
    assert module(Z).tolist() == function(Z).tolist()
    assert len(list(module.parameters())) == isinstance(module, nn.PReLU)


def test_every_activation_module_is_tried() -> None:
    assert {type(module).__name__ for module, _ in MODULES} == set(nn.activations.__all__)


def test_in_place_is_a_word_that_changes_nothing() -> None:
    z = mg.tensor([-1.0, 2.0], requires_grad=True)  # a leaf, which could not be changed
    nn.Hardswish(inplace=True)(nn.ReLU(inplace=True)(z)).sum().backward()
    assert (z.tolist(), z.version.value) == ([-1.0, 2.0], 0)
    assert repr(nn.Sequential(nn.ReLU(), nn.ReLU(True))[1]) == "ReLU(inplace=True)"


IN_PLACE = {
    "celu": (2.0,), "elu": (2.0,), "hardsigmoid": (), "hardswish": (), "hardtanh": (-2.0, 2.0),
    "leaky_relu": (0.2,), "mish": (), "relu": (), "relu6": (), "selu": (), "silu": (), "threshold": (0.25, -7.0),
}  # fmt: skip


@pytest.mark.parametrize(("name", "options"), IN_PLACE.items())
def test_in_place_is_a_word_for_functions_too(name: str, options: tuple[float, ...]) -> None:
    function = getattr(F, name)
    z = mg.tensor([-1.0, 2.0], requires_grad=True)
    function(z, *options, inplace=True).sum().backward()
    assert (z.tolist(), z.version.value) == ([-1.0, 2.0], 0)
    assert function(z, *options, True).tolist() == function(z, *options).tolist()


@pytest.mark.peer
def test_the_functions_that_are_asked_for_in_place_are_pytorchs() -> None:
    functional = pytest.importorskip("torch.nn.functional")
    theirs = {
        name: list(inspect.signature(getattr(functional, name)).parameters)
        for name in F.__all__
        if hasattr(functional, name) and inspect.isfunction(getattr(functional, name))
    }
    for name in {name for name, parameters in theirs.items() if "inplace" in parameters}:
        assert list(inspect.signature(getattr(F, name)).parameters)[1:] == theirs[name][1:]
        assert name in IN_PLACE or name.startswith("dropout")


@pytest.mark.peer
@pytest.mark.parametrize("module", [module for module, _ in MODULES], ids=repr)
def test_modules_are_written_as_pytorchs_and_give_its_numbers(module: nn.Module) -> None:
    torch = pytest.importorskip("torch")
    theirs = eval(f"nn.{module!r}", {"nn": torch.nn})
    assert repr(theirs) == repr(module)
    for dtype, rtol, atol in (("float32", 2e-6, 1e-6), ("float64", 1e-13, 1e-15)):
        z = Z.numpy().astype(dtype)
        found, wanted = module.to(dtype)(mg.tensor(z)), theirs.to(getattr(torch, dtype))(torch.tensor(z))
        np.testing.assert_allclose(found.numpy(force=True), wanted.numpy(force=True), rtol=rtol, atol=atol)


@pytest.mark.peer
@pytest.mark.parametrize("name", nn.activations.__all__)
def test_modules_have_pytorchs_parameters(name: str) -> None:
    torch = pytest.importorskip("torch")
    ours = inspect.signature(getattr(nn, name)).parameters
    theirs = inspect.signature(getattr(torch.nn, name)).parameters
    assert list(ours) == [key for key in theirs if key not in ("min_value", "max_value", "args", "kwargs")]
    for key, parameter in ours.items():
        if key != "dim" or name == "GLU":  # the softmaxes' must be given: PyTorch's guess is deprecated
            assert parameter.default == theirs[key].default


@pytest.mark.peer
@pytest.mark.parametrize("dtype", ["int64", "int8", "uint8", "bool"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_integers_and_bools_are_taken_or_refused_as_in_pytorch(name: str, dtype: str) -> None:
    torch = pytest.importorskip("torch")
    z = np.array([0, 1, 7, 3]).astype(dtype)
    options = {"dim": 0} if "softmax" in name else {}
    try:
        wanted = getattr(torch.nn.functional, name)(torch.tensor(z), **options)
    except (RuntimeError, NotImplementedError):
        if (name, dtype) == ("softsign", "bool"):  # nothing is wrong with it
            return
        with pytest.raises((TypeError, ValueError), match=f"^{name}: "):
            getattr(F, name)(mg.tensor(z), **options)
    else:
        found = getattr(F, name)(mg.tensor(z), **options)
        assert str(wanted.dtype) == f"torch.{found.dtype}"
        np.testing.assert_allclose(found.numpy(), wanted.numpy(), rtol=1e-6)


@pytest.mark.peer
@pytest.mark.parametrize("name", ["prelu", "threshold", "hardshrink", "softshrink", "tanhshrink", "softmin"])
def test_what_is_made_of_operations_has_pytorchs_values_and_derivatives(name: str) -> None:
    torch = pytest.importorskip("torch")
    z = np.array([[[-3.0, -0.5, 0.0], [0.25, 0.5, 2.0]], [[1.0, -1.0, 0.75], [4.0, -0.25, -8.0]]])
    arguments = {"prelu": (np.array([0.25, -0.5]),), "threshold": (0.5, -7.0), "softmin": (1,)}.get(name, ())
    results = []
    for library in (mg, torch):
        given = [
            library.tensor(a, requires_grad=True) if isinstance(a, np.ndarray) else a for a in (z, *arguments)
        ]
        out = getattr(library.nn.functional, name)(*given)
        (out * out).sum().backward()
        gradients = [t.grad for t in given if hasattr(t, "grad")]
        results.append([t.numpy() for t in (out.detach(), *gradients)])
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-13, atol=1e-15)


def test_what_is_not_a_number_stays_so() -> None:
    z = mg.tensor([math.nan])
    for function in (F.hardshrink, F.softshrink, F.tanhshrink):
        assert math.isnan(function(z).item())


# -- errors ---------------------------------------------------------------------------------------------------


REFUSED: list[tuple[Any, type[Exception], str]] = [
    (
        lambda: F.prelu(mg.ones(2, 3), mg.ones(2)),
        ValueError,
        "prelu: a z of shape (2, 3) takes a weight of one element or of 3, not (2,)",
    ),
    (
        lambda: F.prelu(Z, mg.ones(1, dtype=mg.float64)),
        TypeError,
        "prelu: the dtypes float32 and float64 must be equal",
    ),
    (lambda: F.softshrink(Z, -1.0), ValueError, "softshrink: lambd must not be below 0, got -1"),
    (lambda: F.threshold(Z, "a", 0.0), TypeError, "threshold: threshold must be a number, got 'a'"),
    (lambda: F.leaky_relu(Z, "a"), TypeError, "leaky_relu: negative_slope must be a number, got 'a'"),
    (lambda: F.elu(Z, alpha=None), TypeError, "elu: alpha must be a number, got None"),
    (lambda: F.elu(Z, alpha=True), TypeError, "elu: alpha must be a number, got True"),
    (lambda: F.celu(Z, alpha=0), ValueError, "celu: alpha is divided by, so it must not be 0"),
    (lambda: F.celu(Z, alpha=math.nan), ValueError, "celu: alpha is divided by, so it must not be nan"),
    (lambda: F.softplus(Z, beta=0.0), ValueError, "softplus: beta is divided by, so it must not be 0"),
    (lambda: F.hardtanh(Z, 2, 1), ValueError, "hardtanh: min_val must not be above max_val, got 2 and 1"),
    (lambda: F.hardtanh(Z, math.nan), ValueError, "hardtanh: min_val must not be above max_val, got nan and 1"),
    (
        lambda: F.hardtanh(ONE, -0.5),
        ValueError,
        "hardtanh: a limit of -0.5 does not fit into uint8: use z.float()",
    ),
    (
        lambda: F.hardtanh(ONE, 0, 256),
        ValueError,
        "hardtanh: a limit of 256 does not fit into uint8: use z.float()",
    ),
    (
        lambda: F.gelu(Z, approximate="erf"),
        ValueError,
        "gelu: there is no approximation 'erf': use 'none' or 'tanh'",
    ),
    (lambda: F.gelu(ONE), TypeError, "gelu: x must be of floats, it is uint8: use x.float()"),
    (lambda: F.relu(ONE == 1), TypeError, "relu: x must not be bool: use x.to(mg.uint8)"),
    (lambda: F.glu(Z, 0), ValueError, "glu: dim 0 of shape (1, 8) has no two halves: its size must be even"),
    (lambda: F.glu(Z[0, 0]), ValueError, "glu: dim -1 of shape () has no two halves: its size must be even"),
    (lambda: F.glu(Z, dim=2), IndexError, "glu: dim 2 is out of range for 2 dimensions (use -2 to 1)"),
    (
        lambda: F.softmax(ONE, 0),
        TypeError,
        "softmax: z must be of floats, it is uint8: use z.float(), or dtype=mg.float32",
    ),
    (
        lambda: F.log_softmax(Z, 0, dtype=mg.int64),
        TypeError,
        "log_softmax: z must be of floats, it is int64: use z.float(), or dtype=mg.float32",
    ),
    (lambda: F.silu(1.0), TypeError, "silu() expects a Tensor, got float"),
]


@pytest.mark.parametrize(("function", "error", "message"), REFUSED, ids=[row[2].split(":")[0] for row in REFUSED])
def test_a_wrong_argument_is_refused(function: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        function()
    assert str(caught.value) == message


def test_softmax_of_integers_is_one_of_floats_with_a_dtype() -> None:
    assert mg.softmax(mg.tensor([1, 1]), 0, dtype=mg.float64).tolist() == [0.5, 0.5]


# -- the graph ------------------------------------------------------------------------------------------------


def activations(cls: type[Activation] = Activation) -> list[type[Activation]]:
    found = [cls] if "forward" in vars(cls) else []
    return found + [below for sub in cls.__subclasses__() for below in activations(sub)]


@pytest.mark.parametrize("cls", [cls for cls in activations() if cls.__module__.startswith("minigrad.")])
def test_an_activation_keeps_z_and_a_one_of_them_only_to_be_seen(cls: type[Activation]) -> None:
    assert [kept.name for kept in cls.keeps] == ["z", "a"]
    assert cls.z.seen_only != cls.a.seen_only


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name != "glu" and "softmax" not in name])
def test_a_lean_node_keeps_one_array_and_has_the_same_gradient(name: str) -> None:
    function = getattr(F, name)
    leaf = mg.tensor(Z.numpy()[0, :7], requires_grad=True)
    full = function(leaf * 1)
    with mg.lean_mode():
        lean = function(leaf * 1)
    assert list(full.grad_fn.kept) == ["z", "a"]
    assert len(lean.grad_fn.kept) == 1
    assert mg.grad(full.sum(), leaf)[0].tolist() == mg.grad(lean.sum(), leaf)[0].tolist()


@pytest.mark.parametrize("function", [F.elu, F.silu, F.mish, F.gelu, F.softplus, F.logsigmoid, F.softsign, F.tanh])
def test_derivatives_go_to_the_fourth_order(function: Any) -> None:
    def derivative(points: Any, order: int) -> Any:
        z = mg.tensor(points, dtype=mg.float64, requires_grad=True)
        y = function(z)
        for _ in range(order):
            (y,) = mg.grad(y.sum(), z, create_graph=True)
        return y.detach().numpy()

    points, h = np.array([-1.5, -0.4, 0.7, 2.0]), 1e-5
    for order in (3, 4):
        rise = derivative(points + h, order - 1) - derivative(points - h, order - 1)
        np.testing.assert_allclose(derivative(points, order), rise / (2 * h), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    "function", [F.gelu, lambda z: F.gelu(z, "tanh"), F.silu, F.mish, F.softplus, F.logsigmoid]
)
@pytest.mark.parametrize("dtype", [mg.float32, mg.float64])
def test_huge_inputs_have_finite_values_and_gradients(function: Any, dtype: Any) -> None:
    z = mg.tensor([-1e30, -1e4, 1e4, 1e30], dtype=dtype, requires_grad=True)
    a = function(z)
    a.sum().backward()
    assert np.isfinite(a.detach().numpy()).all()
    assert set(z.grad.tolist()) <= {0.0, 1.0}
