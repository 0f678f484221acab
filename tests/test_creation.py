"""Making tensors: shapes, dtypes, values, seeds, errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad as mg


def facts(t: mg.Tensor) -> tuple[Any, ...]:
    return t.tolist(), t.shape, t.dtype.name


@pytest.mark.parametrize(
    ("made", "values", "shape", "dtype"),
    [
        (mg.tensor(1.5), 1.5, (), "float32"),
        (mg.tensor([1, 2]), [1, 2], (2,), "int64"),
        (mg.tensor([True]), [True], (1,), "bool"),
        (mg.tensor([1, 2.5]), [1.0, 2.5], (2,), "float32"),
        (mg.tensor([]), [], (0,), "float32"),
        (mg.tensor(np.float64(2)), 2.0, (), "float64"),
        (mg.tensor(np.ones(2)), [1.0, 1.0], (2,), "float64"),
        (mg.tensor(np.ones(1, np.uint8)), [1], (1,), "uint8"),
        (mg.tensor([1.7, -1.7], dtype=int), [1, -1], (2,), "int64"),
        (mg.tensor([mg.tensor(1.0), 2]), [1.0, 2.0], (2,), "float32"),
        (mg.tensor(mg.ones(2, dtype=mg.int8)), [1, 1], (2,), "int8"),
        (mg.tensor([1e39]), [float("inf")], (1,), "float32"),
        (mg.zeros(2, 1), [[0.0], [0.0]], (2, 1), "float32"),
        (mg.zeros((2,)), [0.0, 0.0], (2,), "float32"),
        (mg.zeros(), 0.0, (), "float32"),
        (mg.ones([1, 2], dtype="int32"), [[1, 1]], (1, 2), "int32"),
        (mg.full((2,), 7), [7, 7], (2,), "int64"),
        (mg.full(2, True), [True, True], (2,), "bool"),
        (mg.full(1, np.int64(3)), [3], (1,), "int64"),
        (mg.full(1, np.True_), [True], (1,), "bool"),
        (mg.full(1, np.float64(0.5)), [0.5], (1,), "float32"),
        (mg.full(1, 2**70, dtype=mg.float32), [2.0**70], (1,), "float32"),
        (mg.full(1, 1e39), [float("inf")], (1,), "float32"),
        (mg.full(1, 255.0, dtype=mg.uint8), [255], (1,), "uint8"),
        (mg.full((), 0.5, dtype=mg.float64), 0.5, (), "float64"),
        (mg.full(1, -1.75, dtype=mg.int8), [-1], (1,), "int8"),
        (mg.full(1, 300, dtype=bool), [True], (1,), "bool"),
        (mg.full(1, float("nan"), dtype=bool), [True], (1,), "bool"),
        (mg.full_like(mg.ones(1).bool(), -0.5), [True], (1,), "bool"),
        (mg.zeros(1).bool().new_full((1,), 0.0), [False], (1,), "bool"),
        (mg.arange(3), [0, 1, 2], (3,), "int64"),
        (mg.arange(1, 7, 2), [1, 3, 5], (3,), "int64"),
        (mg.arange(3, 0, -1), [3, 2, 1], (3,), "int64"),
        (mg.arange(1.0), [0.0], (1,), "float32"),
        (mg.arange(0, 1, 0.25), [0.0, 0.25, 0.5, 0.75], (4,), "float32"),
        (mg.arange(2, dtype=mg.float64), [0.0, 1.0], (2,), "float64"),
        (mg.arange(0), [], (0,), "int64"),
        (mg.arange(250, 256, 5, dtype=mg.uint8), [250, 255], (2,), "uint8"),
        (mg.arange(np.int64(2)), [0, 1], (2,), "int64"),
        (mg.arange(0, 1e39, 5e38), [0.0, float("inf")], (2,), "float32"),
        (mg.linspace(0, 1, 3), [0.0, 0.5, 1.0], (3,), "float32"),
        (mg.linspace(5, 1, 1), [5.0], (1,), "float32"),
        (mg.linspace(0, 1, 0), [], (0,), "float32"),
        (mg.eye(2), [[1.0, 0.0], [0.0, 1.0]], (2, 2), "float32"),
        (mg.eye(1, 2, dtype=mg.int64), [[1, 0]], (1, 2), "int64"),
        (mg.zeros_like(mg.ones(2, dtype=mg.int8)), [0, 0], (2,), "int8"),
        (mg.ones_like(mg.zeros(1), dtype=mg.float64), [1.0], (1,), "float64"),
        (mg.full_like(mg.zeros(1), 3), [3.0], (1,), "float32"),
        (mg.one_hot(mg.tensor([2, 0])), [[0, 0, 1], [1, 0, 0]], (2, 3), "int64"),
        (mg.one_hot(mg.tensor(1), 3), [0, 1, 0], (3,), "int64"),
        (
            mg.one_hot(mg.tensor([[0], [1]], dtype=mg.uint8), num_classes=2),
            [[[1, 0]], [[0, 1]]],
            (2, 1, 2),
            "int64",
        ),
        (mg.one_hot(mg.zeros(0, dtype=mg.int64), 3), [], (0, 3), "int64"),
    ],
)
def test_values_shape_and_dtype(made: mg.Tensor, values: Any, shape: Any, dtype: str) -> None:
    assert facts(made) == (values, shape, dtype)
    assert made.is_leaf
    assert not made.requires_grad


def full(n: int, **how: Any) -> mg.Tensor:
    return mg.full((n,), 1.0, **how)


@pytest.mark.parametrize("make", [mg.zeros, mg.ones, mg.empty, mg.rand, mg.randn, mg.eye, full])
def test_requires_grad_and_device_are_passed_on(make: Callable[..., mg.Tensor]) -> None:
    assert make(2, requires_grad=True, device="cpu").requires_grad
    with pytest.raises(ValueError, match="there is no device 'tpu': use 'cpu'"):
        make(2, device="tpu")


def test_empty_has_a_shape_and_a_dtype_and_is_nobody_elses() -> None:
    made = [
        mg.empty(2, 3),
        mg.empty((2, 3), dtype="int8"),
        mg.empty_like(mg.zeros(2, 3)),
        mg.empty_like(mg.zeros(2, 3), dtype=int),
    ]
    assert [t.dtype.name for t in made] == ["float32", "int8", "float32", "int64"]
    assert {t.shape for t in made} == {(2, 3)}
    assert made[0].array.base is None


def test_random_tensors_like_others_have_their_shape_and_dtype() -> None:
    x = mg.zeros(40, 5, dtype=mg.float64)
    u, n = mg.rand_like(x), mg.randn_like(x, dtype=mg.float32, requires_grad=True)
    assert (u.shape, u.dtype, n.shape, n.dtype, n.requires_grad) == ((40, 5), "float64", (40, 5), "float32", True)
    assert 0 <= u.min().item() < 0.1 < 0.9 < u.max().item() < 1
    assert n.min().item() < -1


def test_randperm_has_each_number_once_in_an_order_of_the_seed() -> None:
    mg.manual_seed(3)
    first = mg.randperm(20)
    assert (sorted(first.tolist()), first.dtype) == (list(range(20)), mg.int64)
    assert first.tolist() != list(range(20))
    mg.manual_seed(3)
    assert mg.randperm(20).tolist() == first.tolist()
    assert mg.randperm(0).shape == (0,)
    assert mg.randperm(3, dtype=mg.float32).dtype == mg.float32


def test_a_subclass_of_ndarray_becomes_an_ndarray() -> None:
    class Own(np.ndarray):
        """A subclass that computes as arrays do."""

    array = np.ones((2, 3), np.float32)
    t = mg.from_numpy(array.view(Own))
    assert type(t.array) is type((t + t).array) is np.ndarray
    t.fill_(7)
    assert array.tolist() == [[7] * 3] * 2


def test_tensor_copies_and_from_numpy_shares() -> None:
    a = np.zeros(2)
    copy, shared = mg.tensor(a), mg.from_numpy(a)
    a[0] = 5
    assert (copy.tolist(), shared.tolist()) == ([0, 0], [5, 0])
    t = mg.zeros(2)
    assert not np.shares_memory(mg.tensor(t).array, t.array)


def test_the_same_seed_gives_the_same_numbers() -> None:
    def draw() -> list[Any]:
        mg.manual_seed(7)
        return [mg.rand(3).tolist(), mg.randn(2, 2).tolist(), mg.randint(10, size=(4,)).tolist()]

    assert draw() == draw()
    assert mg.rand(3).tolist() != mg.rand(3).tolist()


def test_random_numbers_are_in_their_range() -> None:
    u = mg.rand(1000, dtype=mg.float64)
    assert 0 <= u.min().item() < 0.05 < 0.95 < u.max().item() < 1
    n = mg.randn(4000)
    assert n.dtype == mg.float32
    assert abs(n.mean().item()) < 0.1
    assert abs((n * n).mean().item() - 1) < 0.1
    k = mg.randint(-2, 3, (500,))
    assert (set(k.tolist()), k.dtype) == ({-2, -1, 0, 1, 2}, mg.int64)
    assert mg.randint(1).tolist() == 0
    assert set(mg.randint(254, 256, (50,), dtype=mg.uint8).tolist()) == {254, 255}
    assert set(mg.randint(2, size=(50,), dtype=mg.bool_).tolist()) == {False, True}


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: mg.tensor([[1, 2], [3]]), ValueError,
         "tensor: rows must have equal lengths, but data[1] has 1 element and data[0] has 2 elements"),
        (lambda: mg.tensor([[[1], [2]], [[3], [4, 5]]]), ValueError,
         "tensor: rows must have equal lengths, but data[1][1] has 2 elements and data[1][0] has 1 element"),
        (lambda: mg.tensor([1, [2]]), ValueError,
         "tensor: rows must have equal lengths, but data[1] has 1 element and data[0] is a number"),
        (lambda: mg.Tensor(2, 3), TypeError,
         "3 is not a dtype of minigrad: use one of float32, float64, int64, int32, int16, int8, uint8, bool. "
         "For a tensor of a certain shape, use mg.empty(2, 3)"),
        (lambda: mg.tensor("one"), TypeError, "a tensor is made of numbers, these data are <U3: 'one'"),
        (lambda: mg.tensor(None), TypeError, "a tensor is made of numbers, these data are object: None"),
        (lambda: mg.tensor([1j]), TypeError, "a tensor is made of numbers, these data are complex128: [1j]"),
        (lambda: mg.tensor([1.0], dtype="half"), TypeError, "'half' is not a dtype of minigrad"),
        (lambda: mg.tensor([1.0], device="gpu"), ValueError, "there is no device 'gpu': use 'cpu'"),
        (lambda: mg.tensor([1], requires_grad=True), TypeError,
         "only floats can require a gradient, this tensor is int64"),
        (lambda: mg.zeros(2, dtype=mg.bool_, requires_grad=True), TypeError, "only floats can require a gradient"),
        (lambda: mg.from_numpy(np.ma.array([1.0])), TypeError, "from_numpy() expects an ndarray, got MaskedArray"),
        (lambda: mg.from_numpy(np.zeros(3, [("i", "i4"), ("x", "f8")])["x"]), ValueError,
         "from_numpy(): the strides (12,) of this array are not multiples of the 8 bytes of an element"),
        (lambda: mg.from_numpy([1.0]), TypeError, "from_numpy() expects an ndarray, got list"),
        (lambda: mg.from_numpy(np.ones(2, np.float16)), TypeError, "dtype('float16') is not a dtype of minigrad"),
        (lambda: mg.zeros(-1), ValueError, "zeros: sizes must not be negative, got (-1,)"),
        (lambda: mg.rand(2.5), TypeError, "rand: sizes must be ints, got (2.5,)"),
        (lambda: mg.full((2, -3), 1.0), ValueError, "full: sizes must not be negative, got (2, -3)"),
        (lambda: mg.eye(-1), ValueError, "eye: sizes must not be negative, got (-1, -1)"),
        (lambda: mg.linspace(0, 1, -2), ValueError, "linspace: sizes must not be negative, got (-2,)"),
        (lambda: mg.arange(0, 5, -1), ValueError, "arange: cannot go from 0 to 5 in steps of -1"),
        (lambda: mg.arange(0, 5, 0), ValueError, "arange: cannot go from 0 to 5 in steps of 0"),
        (lambda: mg.randint(3, 3), ValueError, "randint: there is no integer from 3 up to but not including 3"),
        (lambda: mg.full(2, None), TypeError, "full() expects a number, got None"),
        (lambda: mg.full(2, 1j), TypeError, "full() expects a number, got 1j"),
        (lambda: mg.full(2, 2**70), OverflowError,
         "full: the number 1180591620717411303424 does not fit into int64"),
        (lambda: mg.full(2, -1, dtype=mg.uint8), OverflowError, "full: the number -1 does not fit into uint8"),
        (lambda: mg.full(2, float("nan"), dtype=int), OverflowError, "full: the number nan does not fit"),
        (lambda: mg.full_like(mg.ones(2).int(), 1e10), OverflowError, "full_like: the number 10000000000.0 does"),
        (lambda: mg.full_like(mg.ones(2), "1"), TypeError, "full_like() expects a number, got '1'"),
        (lambda: mg.ones(1).int().new_full((2,), 2**31), OverflowError, "new_full: the number 2147483648 does"),
        (lambda: mg.ones(1).new_full((-2,), 1), ValueError, "new_full: sizes must not be negative, got (-2,)"),
        (lambda: mg.full_like(3, 1, dtype=int), TypeError, "full_like() expects a Tensor, got int"),
        (lambda: mg.zeros_like(3), TypeError, "zeros_like() expects a Tensor, got int"),
        (lambda: mg.ones_like([1]), TypeError, "ones_like() expects a Tensor, got list"),
        (lambda: mg.arange("a"), TypeError, "arange() expects a number, got 'a'"),
        (lambda: mg.arange(float("nan")), ValueError, "arange: the numbers must be finite, got nan"),
        (lambda: mg.arange(0, 1, float("inf")), ValueError, "arange: the numbers must be finite, got inf"),
        (lambda: mg.arange(257, dtype=mg.uint8), OverflowError, "arange: the number 256 does not fit into uint8"),
        (lambda: mg.arange(2**70, 2**70 + 1, dtype=mg.float64), OverflowError, "arange: the number 1180591"),
        (lambda: mg.linspace("a", 1, 2), TypeError, "linspace() expects a number, got 'a'"),
        (lambda: mg.linspace(0, float("inf"), 2), ValueError, "linspace: the numbers must be finite, got inf"),
        (lambda: mg.linspace(0, 256, 2, dtype="uint8"), OverflowError, "linspace: the number 256 does not fit"),
        (lambda: mg.randint(0, 2.5, (2,)), TypeError, "randint() expects an int, got 2.5"),
        (lambda: mg.randint(0, 257, (20,), dtype=mg.uint8), OverflowError,
         "randint: the number 256 does not fit into uint8"),
        (lambda: mg.randint(0, 2**70, dtype=mg.float32), OverflowError, "randint: the number 118059162"),
        (lambda: mg.manual_seed("x"), TypeError, "manual_seed() expects an int, got 'x'"),
        (lambda: mg.manual_seed(-1), ValueError, "manual_seed: the seed must not be negative, got -1"),
        (lambda: mg.zeros(2, requires_grad="no"), TypeError, "requires_grad must be True or False, got 'no'"),
        (lambda: mg.empty(-1), ValueError, "empty: sizes must not be negative, got (-1,)"),
        (lambda: mg.empty_like(3), TypeError, "empty_like() expects a Tensor, got int"),
        (lambda: mg.rand_like(mg.zeros(2, dtype=int)), TypeError, "random floats cannot be int64: use randint()"),
        (lambda: mg.randn_like(3), TypeError, "randn_like() expects a Tensor, got int"),
        (lambda: mg.randperm(-1), ValueError, "randperm: sizes must not be negative, got (-1,)"),
        (lambda: mg.randperm(2.5), TypeError, "randperm: sizes must be ints, got (2.5,)"),
        (lambda: mg.randperm(300, dtype=mg.uint8), OverflowError, "randperm: the number 299 does not fit"),
        (lambda: mg.one_hot(mg.tensor([1.0])), TypeError,
         "one_hot: classes are integers, these are float32: use tensor.long()"),
        (lambda: mg.one_hot(mg.tensor([3]), 3), ValueError,
         "one_hot: the classes must be from 0 to 2, these are from 3 to 3"),
        (lambda: mg.one_hot(mg.tensor([-1, 1])), ValueError,
         "one_hot: the classes must be from 0 to 1, these are from -1 to 1"),
        (lambda: mg.one_hot(mg.tensor([], dtype=int)), ValueError,
         "one_hot: num_classes -1 for a tensor of shape (0,): name at least one class"),
        (lambda: mg.one_hot([1]), TypeError, "one_hot() expects a Tensor, got list"),
        (lambda: mg.randn(2, dtype=mg.int64), TypeError, "random floats cannot be int64: use randint()"),
    ],
)  # fmt: skip
def test_mistakes_are_refused(make: Callable[[], Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        make()
    assert str(caught.value).startswith(text)


# -- of what is there already ---------------------------------------------------------------------------------


def test_as_tensor_shares_what_it_can() -> None:
    array = np.array([1.0, 2.0])
    t = mg.as_tensor(array)
    array[0] = 5.0
    assert facts(t) == ([5.0, 2.0], (2,), "float64")
    assert mg.as_tensor(t) is mg.as_tensor(t, dtype=mg.float64, device="cpu") is t
    assert facts(mg.as_tensor(array, mg.float32)) == ([5.0, 2.0], (2,), "float32")
    assert facts(mg.as_tensor([1, 2], dtype=mg.float64)) == ([1.0, 2.0], (2,), "float64")
    leaf = mg.ones(2, requires_grad=True)
    mg.as_tensor(leaf, dtype=mg.float64).sum().backward()
    assert leaf.grad.tolist() == [1, 1]


def test_new_tensors_have_the_dtype_of_the_one_that_is_asked_unless_another_is_wanted() -> None:
    x = mg.ones(1, dtype=mg.float64)
    made = [x.new_zeros(2), x.new_ones((2,)), x.new_full((2,), 7), x.new_empty(2), x.new_tensor([1, 2])]
    assert {(t.dtype, t.shape, t.requires_grad) for t in made} == {(mg.float64, (2,), False)}
    assert [t.tolist() for t in made[:3]] == [[0, 0], [1, 1], [7, 7]]
    assert facts(x.new_ones(1, 2, dtype=mg.int8)) == ([[1, 1]], (1, 2), "int8")
    assert x.new_zeros(2, requires_grad=True).requires_grad


def test_is_tensor_asks_what_a_thing_is() -> None:
    assert mg.is_tensor(mg.nn.Parameter([1.0])) and not mg.is_tensor(np.ones(2))
