"""Interoperation: NumPy's functions, DLPack, pickle and copy, and PyTorch's small methods."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn

# -- facts and casts ------------------------------------------------------------------------------------------


def test_casts_have_pytorchs_names() -> None:
    x = mg.tensor([0.0, 1.5])
    assert [t.dtype for t in (x.int(), x.long(), x.bool(), x.float(), x.double())] == [
        "int32",
        "int64",
        "bool",
        "float32",
        "float64",
    ]
    assert (x.bool().tolist(), x.int().tolist()) == ([False, True], [0, 1])
    assert x.type_as(mg.ones(1, dtype=mg.int8)).dtype == mg.int8
    assert x.cpu() is x.float() is x
    assert x.is_floating_point()
    assert not x.long().is_floating_point()


def test_how_a_tensor_lies_in_memory() -> None:
    x = mg.zeros(2, 3, dtype=mg.float64)
    assert (x.stride(), x.stride(0), x.T.stride(), x[:, ::-1].stride(-1)) == ((3, 1), 3, (1, 3), -1)
    assert (x.element_size(), x.nbytes, x.nelement(), x.ndimension()) == (8, 48, 6, 2)
    assert (x.is_contiguous(), x.T.is_contiguous(), mg.zeros(1, 3).T.is_contiguous()) == (True, False, True)
    assert x[0, 1].data_ptr() - x.data_ptr() == 8


@pytest.mark.peer
def test_peer_says_the_same_of_memory() -> None:
    torch = pytest.importorskip("torch")
    for lib in (mg, torch):
        x = lib.zeros(2, 3)
        facts = (x.stride(), x.T.stride(1), x.element_size(), x.nbytes, x.nelement(), x.T.is_contiguous())
        assert facts == ((3, 1), 3, 4, 24, 6, False)


def test_numpy_by_force_gives_the_array_where_a_gradient_flows() -> None:
    x = mg.ones(2, requires_grad=True)
    assert x.numpy(force=True) is x.array


# -- NumPy's functions ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [
        lambda x: np.sin(x),
        lambda x: np.exp(x) + np.sqrt(x),
        lambda x: np.multiply(np.float64(2), x),
        lambda x: np.float32(2) * x - np.int64(1),
        lambda x: np.array(2.0) * x,
        lambda x: np.power(x, 2),
        lambda x: np.sum(x),
        lambda x: np.sum(x, 0),
        lambda x: np.mean(x, axis=1, keepdims=True),
        lambda x: np.std(x, axis=0),
        lambda x: np.max(x, axis=-1),
        lambda x: np.concatenate([x, x], axis=1),
        lambda x: np.stack((x, x), 1),
        lambda x: np.transpose(x),
        lambda x: np.reshape(x, (3, 2)),
        lambda x: np.squeeze(np.expand_dims(x, 0), 0),
        lambda x: np.clip(x, 0.5, 1.5),
        lambda x: np.where(x > 1, x, 0.0),
        lambda x: np.maximum(x, 1.0),
        lambda x: np.tensordot(x, x, 2),
        lambda x: np.matmul(x, np.matrix_transpose(x)),
        lambda x: np.sort(x, 0),
        lambda x: np.flip(x),
        lambda x: np.roll(x, 1, 0),
        lambda x: np.tril(x, -1),
        lambda x: np.cumulative_sum(x, axis=1, include_initial=True),
        lambda x: np.diff(x, axis=0),
        lambda x: np.round(x, 1),
        lambda x: np.full_like(x, 3.0),
        lambda x: np.float64(1) == x,
    ],
)
def test_numpys_functions_of_the_standard_are_minigrads(call: Callable[[Any], Any]) -> None:
    array = np.array([[0.3, 1.2, 2.1], [0.7, 1.9, 0.1]])
    out = call(mg.from_numpy(array))
    expected = call(array)
    assert type(out) is mg.Tensor
    assert (out.shape, out.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_allclose(out.numpy(), expected, rtol=1e-14)


def test_numpys_functions_are_recorded() -> None:
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    loss = np.sum(np.square(x))
    loss.backward()
    assert x.grad is not None
    assert x.grad.tolist() == [2, 4]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda x: np.cov(x), "np.cov() does not take tensors: give it x.detach().numpy()"),
        (lambda x: np.linalg.norm(x), "np.linalg.norm() does not take tensors: give it x.detach().numpy()"),
        (lambda x: np.cbrt(x), "np.cbrt() does not take tensors"),
        (lambda x: np.add.reduce(x), "np.add.reduce() does not take tensors"),
        (lambda x: np.ones(2) + x, "add() expects tensors and Python numbers, got ndarray: mg.tensor() and"),
        (lambda x: x + np.ones(2), "add() expects tensors and Python numbers, got ndarray"),
        (lambda x: np.ones(2) @ x, "matmul() expects a Tensor, got ndarray"),
        (lambda x: np.ones(2) == x, "eq() expects tensors and Python numbers, got ndarray"),
        (lambda x: x == np.ones(2), "eq() expects tensors and Python numbers, got ndarray"),
    ],
)
def test_what_numpy_has_alone_is_refused_with_what_to_do(call: Callable[[Any], Any], text: str) -> None:
    with pytest.raises(TypeError) as caught:
        call(mg.ones(2))
    assert str(caught.value).startswith(text)


# -- memory shared with other libraries -----------------------------------------------------------------------


def test_dlpack_shares_memory_with_numpy_in_both_directions() -> None:
    x = mg.zeros(2, 3)
    there = np.from_dlpack(x.T)
    there[0, 1] = 5
    assert x.tolist() == [[0, 0, 0], [5, 0, 0]]
    back = mg.from_dlpack(there)
    assert (back.stride(), back.data_ptr()) == ((1, 3), x.data_ptr())
    assert mg.from_dlpack(x).version is x.version


@pytest.mark.peer
def test_peer_shares_memory_in_both_directions() -> None:
    torch = pytest.importorskip("torch")
    theirs = torch.zeros(2, 3)
    ours = mg.from_dlpack(theirs.T)
    ours.add_(1)
    assert theirs.sum() == 6
    assert torch.from_dlpack(ours).data_ptr() == theirs.data_ptr()
    for dtype in (torch.bool, torch.uint8, torch.int64, torch.float64):
        assert str(mg.from_dlpack(torch.ones(1, dtype=dtype)).dtype) == str(dtype).removeprefix("torch.")
    for refused, error in [
        (torch.ones(1).half(), TypeError),
        (torch.ones(1).bfloat16(), TypeError),
        (torch.ones(1, requires_grad=True), BufferError),
    ]:
        with pytest.raises(error):
            mg.from_dlpack(refused)


def test_dlpack_refuses_what_another_library_would_misread() -> None:
    x = mg.ones(2, 3, requires_grad=True)
    with pytest.raises(BufferError, match=r"a tensor that requires a gradient: use t\.detach\(\)"):
        np.from_dlpack(x)
    y = x.detach()
    with pytest.raises(BufferError, match=r"elements lie in reverse order: use t\.contiguous\(\)"):
        np.from_dlpack(y[::-1])
    with pytest.raises(BufferError, match=r"elements share memory and are read-only: use t\.clone\(\)"):
        y.expand(2, 2, 3).__dlpack__()
    assert not np.from_dlpack(y.expand(2, 2, 3)).flags.writeable
    assert np.from_dlpack(y[::-1].contiguous()).shape == (2, 3)
    assert y.__dlpack_device__() == (1, 0)
    with pytest.raises(
        TypeError, match=r"from_dlpack\(\) expects an array of a library that knows DLPack, got list"
    ):
        mg.from_dlpack([1.0])
    with pytest.raises(TypeError, match="is not a dtype of minigrad"):
        mg.from_dlpack(np.ones(1, np.float16))


# -- copies ---------------------------------------------------------------------------------------------------

COPIES = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    **{f"pickle {p}": lambda t, p=p: pickle.loads(pickle.dumps(t, p)) for p in range(pickle.HIGHEST_PROTOCOL + 1)},
}


@pytest.mark.parametrize("how", COPIES)
def test_a_copy_is_a_leaf_of_the_same_class_values_and_memory_rules(how: str) -> None:
    for made in (
        mg.rand(2, 3).requires_grad_(),
        nn.Parameter([1.0, 2.0]),
        mg.arange(3),
        mg.tensor(True),
        mg.ones(3, 2).T,
    ):
        used = made * made  # which leaves a weak reference in the tensor
        twin = COPIES[how](made)
        assert type(twin) is type(made)
        assert (twin.tolist(), twin.dtype, twin.requires_grad) == (made.tolist(), made.dtype, made.requires_grad)
        assert twin.is_leaf
        assert np.shares_memory(twin.array, made.array) == (how == "copy")
        assert (twin.version is made.version) == (how == "copy")
        assert used.shape == made.shape


@pytest.mark.parametrize("how", COPIES)
def test_only_leaves_are_copied(how: str) -> None:
    y = mg.ones(2, requires_grad=True) * 2
    with pytest.raises(
        RuntimeError, match=r"<MulBackward> made this tensor, and its graph can be neither copied nor"
    ):
        COPIES[how](y)
    assert COPIES[how](y.detach()).tolist() == [2, 2]


@pytest.mark.parametrize("how", COPIES)
def test_hooks_and_gradient_are_left_behind_but_deepcopy_takes_the_gradient(how: str) -> None:
    x = mg.ones(2, requires_grad=True)
    called: list[Any] = []
    x.register_hook(called.append)
    (x * 3).sum().backward()
    twin = COPIES[how](x)
    assert (twin.grad is not None) == (how == "deepcopy")
    if twin.grad is not None:
        assert twin.grad.tolist() == [3, 3]
        assert not np.shares_memory(twin.grad.array, x.grad.array)
    (twin * 2).sum().backward()
    assert len(called) == 1


@pytest.mark.parametrize("how", [name for name in COPIES if name != "copy"])
def test_what_is_shared_stays_shared(how: str) -> None:
    x = mg.zeros(2)
    a, b, c = COPIES[how]([x, x, x.detach()])
    assert a is b
    assert a.version is c.version is not x.version
    assert np.shares_memory(a.array, c.array)


@pytest.mark.parametrize("how", [name for name in COPIES if name != "copy"])
def test_a_model_comes_back_whole_and_apart(how: str) -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 3))
    model[2].weight = model[0].weight  # tied
    x = mg.rand(4, 3)
    model(x).sum().backward()
    twin = COPIES[how](model)
    np.testing.assert_array_equal(twin(x).numpy(force=True), model(x).numpy(force=True))
    assert twin[2].weight is twin[0].weight
    assert [type(p) for p in twin.parameters()] == [nn.Parameter] * 3
    twin[0].weight.numpy(force=True)[...] = 0
    assert model[0].weight.sum().item() != 0
    twin(x).sum().backward()


class Named(mg.Tensor):
    """A user's subclass, whose tensors have attributes."""


@pytest.mark.parametrize("how", COPIES)
def test_attributes_of_a_subclass_come_along(how: str) -> None:
    t = Named([1.0])
    t.name = "weights"
    twin = COPIES[how](t)
    assert (type(twin), twin.name, twin.tolist()) == (Named, "weights", [1.0])


def test_a_copy_in_inference_mode_is_an_inference_tensor_and_outside_it_is_none() -> None:
    x = mg.ones(2)
    with mg.inference_mode():
        inside = mg.ones(2)
        assert copy.deepcopy(x).is_inference()
    assert not copy.deepcopy(inside).is_inference()
    assert not pickle.loads(pickle.dumps(inside)).is_inference()


@pytest.mark.peer
def test_peer_copies_gradients_by_the_same_rules() -> None:
    torch = pytest.importorskip("torch")
    for lib in (mg, torch):
        x = lib.ones(2, requires_grad=True)
        (x * x).sum().backward()
        assert copy.deepcopy(x).grad.tolist() == [2, 2]
        assert pickle.loads(pickle.dumps(x)).grad is None
        with pytest.raises(RuntimeError):
            copy.deepcopy(x * 2)
