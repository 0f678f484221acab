"""Tensor: its array, its place in the graph, and Python's protocols."""

from __future__ import annotations

import copy
import importlib
import re
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import mistakes

INF, NAN = float("inf"), float("nan")

# -- the array ------------------------------------------------------------------------------------------------


def test_shape_and_its_relatives() -> None:
    x = mg.zeros(2, 3)
    assert (x.shape, x.size(), x.size(-1)) == ((2, 3), (2, 3), 3)
    assert (x.ndim, x.dim(), x.numel(), x.device) == (2, 2, 6, "cpu")


def test_item_and_tolist_give_python_numbers() -> None:
    assert type(mg.tensor([[2.5]]).item()) is float
    assert type(mg.tensor(2).item()) is int
    assert mg.tensor(True).item() is True
    assert mg.tensor([[1, 2]]).tolist() == [[1, 2]]
    with pytest.raises(ValueError, match=r"item\(\) needs exactly one element, this tensor has shape \(2,\)"):
        mg.zeros(2).item()


def test_numpy_shares_memory_and_is_refused_where_a_gradient_flows() -> None:
    x = mg.zeros(2)
    assert np.shares_memory(x.numpy(), x.array)
    w = mg.zeros(2, requires_grad=True)
    text = r"numpy\(\) needs a tensor that requires no gradient: use t.detach\(\).numpy\(\)"
    for convert in (lambda: w.numpy(), lambda: np.asarray(w), lambda: np.array(w * 2)):
        with pytest.raises(RuntimeError, match=text):
            convert()
    assert np.shares_memory(w.detach().numpy(), w.array)


def test_numpy_gives_an_array_also_without_dimensions() -> None:
    y = mg.tensor(1.0) + mg.tensor(2.0)
    assert type(y.numpy()) is np.ndarray
    y.numpy()[...] = 5
    assert y.item() == 5


def test_array_protocol_takes_dtype_and_copy() -> None:
    x = mg.ones(2)
    assert np.asarray(x).dtype == np.float32
    assert np.asarray(x, np.float64).dtype == np.float64
    assert np.shares_memory(np.asarray(x), x.array)
    assert not np.shares_memory(np.array(x, copy=True), x.array)


def test_to_changes_the_dtype_and_records_it() -> None:
    x = mg.ones(2, requires_grad=True)
    y = x.to(mg.float64)
    assert (y.dtype, x.to("float64").dtype, x.to(y).dtype, x.double().dtype) == (mg.float64,) * 4
    assert x.to("cpu") is x.to(mg.float32) is x.float() is x
    y.sum().backward()
    assert x.grad.dtype == mg.float32
    assert x.to("cpu", mg.int64).dtype == mg.int64
    assert not x.to(mg.int64).requires_grad


def test_to_takes_what_is_wanted_by_name_and_copies_where_asked() -> None:
    x = mg.ones(2, requires_grad=True)
    assert x.to(device="cpu", dtype=mg.float32, non_blocking=True) is x.to(device=None, dtype=None) is x
    assert x.to(dtype="float64").dtype == x.to(mg.device("cpu"), dtype=mg.float64).dtype == mg.float64
    twin = x.to(device="cpu", copy=True)
    assert str(twin.grad_fn) == "<CloneBackward>" and not np.shares_memory(twin.array, x.array)
    assert str(x.to(mg.float64, copy=True).grad_fn) == "<ToBackward>"  # a copy as it is
    for wrong in ({"dtype": "cpu"}, {"dtype": "float16"}):
        with pytest.raises(TypeError, match="is not a dtype of minigrad"):
            x.to(**wrong)
    with pytest.raises(ValueError, match="there is no device 'gpu'"):
        x.to(device="gpu")


def test_clone_is_in_memory_of_its_own_and_detach_is_not() -> None:
    x = mg.ones(2, requires_grad=True)
    assert not np.shares_memory(x.clone().array, x.array)
    assert np.shares_memory(x.detach().array, x.array)
    assert (x.clone().requires_grad, x.detach().requires_grad) == (True, False)


def test_deepcopy_of_a_leaf_is_independent() -> None:
    x = mg.ones(2, requires_grad=True)
    (x * 2).sum().backward()
    twin = copy.deepcopy(x)
    twin.array[0] = 9
    twin.grad.array[0] = 9
    twin.touch()
    assert (x.tolist(), x.grad.tolist(), x.version.value) == ([1, 1], [2, 2], 0)
    assert twin.requires_grad


# -- its place in the graph -----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [mg.int64, mg.int8, mg.uint8, mg.bool_])
def test_only_floats_can_require_a_gradient(dtype: Any) -> None:
    x = mg.ones(2, dtype=dtype)
    with pytest.raises(TypeError, match=f"only floats can require a gradient, this tensor is {dtype}"):
        x.requires_grad = True
    with pytest.raises(TypeError, match="only floats"):
        x.requires_grad_()
    assert not x.requires_grad
    x.requires_grad_(False)


def test_requires_grad_can_be_switched_on_a_leaf_only() -> None:
    x = mg.ones(2).requires_grad_()
    y = x * 2
    for value in (True, False):
        with pytest.raises(
            RuntimeError, match=r"this tensor is not a leaf, <MulBackward> made it: use detach\(\)"
        ):
            y.requires_grad = value
    x.requires_grad = False
    assert not (x * 2).requires_grad


def test_unknown_attributes_are_refused() -> None:
    with pytest.raises(AttributeError):
        mg.ones(2).gard = 1


@pytest.mark.parametrize(
    ("where", "name", "hint"),
    [
        (mg.ones(2), "astype", r": use x\.to\(dtype\)"),
        (mg.ones(2), "squeeze_", r": use x = x\.squeeze\(\)"),
        (mg.ones(2), "gard", "$"),
        (mg, "concatenate", ": use cat"),
        (mg, "t", r": use x\.t\(\)"),
        (mg, "nothing", "$"),
    ],
)
def test_a_name_of_another_library_is_answered_with_ours(where: Any, name: str, hint: str) -> None:
    assert not hasattr(where, name)
    with pytest.raises(AttributeError, match=f"has no attribute '{name}'{hint}"):
        getattr(where, name)


def test_hints_for_other_libraries_names_are_about_names_that_do_not_exist_and_names_that_do() -> None:
    for name, ours in mistakes.ELSEWHERE.items():
        assert not (hasattr(mg, name) and hasattr(mg.Tensor, name)), name
        for part in re.findall(r"(?:mg|x)\.(\w+)", ours) or [ours]:
            assert hasattr(mg if ours.startswith("mg.") else mg.Tensor, part) or hasattr(mg, part), ours


def test_hints_in_modules_are_about_names_that_do_not_exist_and_names_that_do() -> None:
    for module, names in mistakes.ELSEWHERE_IN.items():
        where = importlib.import_module(module)
        for name, hint in names.items():
            with pytest.raises(AttributeError, match=re.escape(f"{module} has no attribute '{name}': {hint}")):
                getattr(where, name)
            for path in re.findall(r"(?:mg|nn|F|optim)\.\w+", hint):
                eval(path, {"mg": mg, "nn": mg.nn, "F": mg.nn.functional, "optim": mg.optim})
        with pytest.raises(AttributeError, match=rf"{module} has no attribute 'nothing'$"):
            getattr(where, "nothing")  # noqa: B009
        with pytest.raises(ImportError):
            exec(f"from {module} import nothing")


def test_size_of_a_dim_that_is_not_there_is_refused() -> None:
    assert (mg.zeros(2, 3).size(-1), mg.zeros(2, 3).size()) == (3, (2, 3))
    with pytest.raises(IndexError, match=r"size: dim 2 is out of range for 2 dimensions"):
        mg.zeros(2, 3).size(2)


@pytest.mark.parametrize(("data", "dtype"), [(300, mg.uint8), ([1, -129], mg.int8), ([float("nan")], mg.int64)])
def test_numbers_that_the_dtype_cannot_hold_are_refused(data: Any, dtype: Any) -> None:
    with pytest.raises(OverflowError, match=rf"tensor: the number .* does not fit into {dtype}"):
        mg.tensor(data, dtype=dtype)


# -- Python's protocols ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (mg.tensor(3), "tensor(3)"),
        (mg.tensor(3.0), "tensor(3.)"),
        (mg.tensor(-0.0), "tensor(-0.)"),
        (mg.tensor(0.1), "tensor(0.1000)"),
        (mg.tensor(NAN), "tensor(nan)"),
        (mg.tensor([INF, 1.0]), "tensor([inf,  1.])"),
        (mg.tensor([INF, NAN, 0.5]), "tensor([   inf,    nan, 0.5000])"),
        (mg.tensor([True, False]), "tensor([ True, False])"),
        (mg.tensor([1e20, 1.0]), "tensor([1.e+20, 1.e+00])"),
        (mg.tensor([1e-6, 1.5]), "tensor([1.0000e-06, 1.5000e+00])"),
        (mg.tensor([[1.5, -2.0], [3.0, 4.0]]), "tensor([[ 1.5000, -2.0000],\n        [ 3.0000,  4.0000]])"),
        (mg.zeros(0), "tensor([], dtype=float32)"),
        (mg.zeros(2, 0, dtype=mg.int64), "tensor([], size=(2, 0), dtype=int64)"),
        (mg.tensor(0.5, dtype=mg.float64), "tensor(0.5000, dtype=float64)"),
        (mg.arange(2, dtype=mg.uint8), "tensor([0, 1], dtype=uint8)"),
        (mg.arange(2000), "tensor([   0,    1,    2, ..., 1997, 1998, 1999])"),
        (mg.tensor([1.0], requires_grad=True), "tensor([1.], requires_grad=True)"),
        (mg.tensor([1.0], requires_grad=True) * 2, "tensor([2.], grad_fn=<MulBackward>)"),
        (
            mg.ones(1, dtype=mg.float64, requires_grad=True).sum(),
            "tensor(1., dtype=float64, grad_fn=<SumBackward>)",
        ),
    ],
)
def test_repr(made: mg.Tensor, text: str) -> None:
    assert repr(made) == str(made) == text


def test_format_of_one_element_and_of_several() -> None:
    assert f"{mg.tensor(2.0):.3f}" == "2.000"
    assert f"{mg.tensor([3]):03d}" == "003"
    assert f"{mg.tensor(2.0)} {mg.tensor([2.0])}" == "2.0 tensor([2.])"  # as in PyTorch
    with pytest.raises(ValueError, match=r"exactly one element, this tensor has shape \(2,\)"):
        f"{mg.zeros(2):.3f}"


def test_data_are_the_same_memory_outside_the_graph_and_can_be_set() -> None:
    w = mg.tensor([1.0, 2.0], requires_grad=True)
    (w * w).sum().backward()
    w.data -= 0.25 * w.grad.data
    assert w.tolist() == [0.5, 1.0]
    assert (w.is_leaf, w.requires_grad, w.data.requires_grad) == (True, True, False)
    w.data = mg.tensor([3, 4])
    assert w.tolist() == [3.0, 4.0]
    w.data.fill_(7.0)
    assert w.tolist() == [7.0, 7.0]
    with pytest.raises(ValueError, match=r"data: a tensor of shape \(2,\) cannot take values of shape \(3,\)"):
        w.data = mg.zeros(3)


def test_a_graph_notices_that_data_have_changed() -> None:
    w = mg.tensor([1.0, 2.0], requires_grad=True)
    loss = (w * w).sum()
    w.data += 1
    with pytest.raises(RuntimeError, match="it has been changed in place since"):
        loss.backward()


def test_t_is_the_transpose_of_a_matrix() -> None:
    x = mg.arange(6).reshape(2, 3)
    assert mg.equal(x.t(), x.T) and mg.equal(x[0].t(), x[0])
    with pytest.raises(ValueError, match=r"t: takes a matrix, this tensor has shape \(1, 2, 3\)"):
        x.unsqueeze(0).t()


def test_short_names_of_dtypes_and_type() -> None:
    names = (mg.bool, mg.int, mg.long, mg.float, mg.double)
    assert names == (mg.bool_, mg.int32, mg.int64, mg.float32, mg.float64)
    assert [mg.tensor([1.5]).type(name).dtype for name in names] == list(names)


def test_len_and_iter_go_along_the_first_dimension() -> None:
    x = mg.tensor([[1, 2], [3, 4]])
    assert (len(x), [row.tolist() for row in x]) == (2, [[1, 2], [3, 4]])
    assert len(mg.zeros(0, 3)) == 0
    assert 4 in x and mg.tensor(2.0) in x and 5 not in x and 0 not in mg.zeros(0)
    with pytest.raises(TypeError, match="a tensor holds numbers, not a str"):
        "4" in x  # noqa: B015
    for use in (len, iter):
        with pytest.raises(TypeError, match="a tensor without dimensions has no length"):
            use(mg.tensor(1.0))


def test_iteration_is_recorded() -> None:
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    a, b = x
    (a * b).backward()
    assert x.grad.tolist() == [2, 1]


def test_bool_of_one_element_only() -> None:
    assert mg.tensor([[1.0]])
    assert not mg.tensor(0)
    for x, shape in ((mg.zeros(2), "2,"), (mg.zeros(0), "0,")):
        with pytest.raises(ValueError, match=rf"the truth of a tensor of shape \({shape}\) is ambiguous"):
            bool(x)


def test_float_int_and_index() -> None:
    assert (float(mg.tensor(2)), int(mg.tensor([2.9])), [5, 6, 7][mg.tensor(1)]) == (2.0, 2, 6)
    assert type(float(mg.tensor(2))) is float
    with pytest.raises(TypeError, match="only an integer tensor can be an index, this one is float32"):
        range(mg.tensor(2.0))
    with pytest.raises(ValueError, match="needs exactly one element"):
        float(mg.zeros(2))
    with pytest.raises(ValueError, match="needs exactly one element"):
        range(mg.zeros(2, dtype=mg.int64))


def test_tensors_are_hashed_by_identity() -> None:
    x, y = mg.ones(2), mg.ones(2)
    assert {x: 1, y: 2}[x] == 1
    assert len({x, y, x}) == 2


def test_augmented_assignment_changes_the_tensor_itself() -> None:
    x = mg.ones(2)
    y = x
    y += 1
    assert (y is x, x.tolist()) == (True, [2, 2])


def test_operators_have_numbers_on_either_side() -> None:
    x = mg.tensor([2.0])
    assert [(1 + x).item(), (1 - x).item(), (3 * x).item(), (1 / x).item(), (3**x).item()] == [3, -1, 6, 0.5, 9]
    assert [(x + 1).item(), (x - 1).item(), (x * 3).item(), (x / 4).item(), (x**3).item()] == [3, 1, 6, 0.5, 8]
    assert [(x > 1).item(), (1 > x).item(), (x != 2).item(), (2 == x).item()] == [True, False, False, True]  # noqa: SIM300


def test_transpose_property_reverses_the_dims() -> None:
    assert mg.zeros(2, 3, 4).T.shape == (4, 3, 2)
    assert mg.tensor(1.0).T.shape == ()
