"""Nested state: whatever goes into a file comes out equal, of the same types, in the same order."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from safetensors.numpy import load_file

import minigrad as mg
from minigrad import dtypes
from minigrad.formats.weights import WeightFileError, load, save


def described(value: Any) -> Any:
    """A value with the types of everything in it, so that == sees 1, 1.0, True, NaN and -0.0 as different."""
    if isinstance(value, mg.Tensor):
        return "tensor", value.dtype.name, value.shape, value.array.tobytes()
    if isinstance(value, dict):
        return "dict", [(described(key), described(part)) for key, part in value.items()]
    if isinstance(value, (list, tuple)):
        return type(value), [described(part) for part in value]
    return type(value), repr(value)


TENSORS = some.tuples(
    some.sampled_from(dtypes.ALL), some.lists(some.integers(0, 3), max_size=3), some.integers(0, 9)
).map(lambda t: mg.from_numpy(np.asarray(np.random.default_rng(t[2]).uniform(0, 100, t[1])).astype(t[0])))
TEXTS = some.text(some.characters(exclude_categories=["Cs"]), max_size=5)
KEYS = some.one_of(TEXTS, some.integers(), some.booleans(), some.none(), some.floats(allow_nan=False))
LEAVES = some.one_of(KEYS, some.floats(), some.integers(-(2**130), 2**130), TENSORS)
STATES = some.dictionaries(
    KEYS,
    some.recursive(
        LEAVES,
        lambda parts: some.one_of(
            some.lists(parts, max_size=4), some.lists(parts, max_size=4).map(tuple), some.dictionaries(KEYS, parts)
        ),
        max_leaves=12,
    ),
    max_size=4,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(state=STATES)
def test_any_nested_state_comes_back_exactly(tmp_path: Path, state: dict[Any, Any]) -> None:
    save(state, tmp_path / "state")
    assert described(load(tmp_path / "state")) == described(state)


def test_the_tensors_have_dotted_names_for_other_programs(tmp_path: Path) -> None:
    state = {"net": {"0.weight": mg.ones(2)}, "opt": {"state": {0: [mg.zeros(1), 2.5]}}}
    save(state, tmp_path / "state")
    found = load_file(tmp_path / "state")
    assert {name: x.tolist() for name, x in found.items()} == {"net.0.weight": [1.0, 1.0], "opt.state.0.0": [0.0]}


def test_names_that_would_be_the_same_are_told_apart(tmp_path: Path) -> None:
    state = {"a": {"b": mg.tensor(1), "b.1": mg.tensor(2)}, "a.b": mg.tensor(3), "__metadata__": mg.tensor(4)}
    save(state, tmp_path / "state")
    assert described(load(tmp_path / "state")) == described(state)
    assert len(load_file(tmp_path / "state")) == 4


def test_a_tensor_that_occurs_twice_comes_back_as_two(tmp_path: Path) -> None:
    t = mg.ones(2)
    save({"a": t, "b": [t, t.T]}, tmp_path / "state")
    state = load(tmp_path / "state")
    state["a"].array[...] = 5
    assert state["b"][0].tolist() == state["b"][1].tolist() == [1.0, 1.0]


def test_numbers_of_numpy_become_those_of_python(tmp_path: Path) -> None:
    save({"loss": np.float32(0.5), "epoch": np.int64(3), "ok": np.bool_(True)}, tmp_path / "state")
    assert described(load(tmp_path / "state")) == described({"loss": 0.5, "epoch": 3, "ok": True})


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.ones(1), r"save\(\) cannot write state\['net'\]\[1\], an ndarray: use mg.from_numpy\(\)"),
        (object(), r"save\(\) cannot write state\['net'\]\[1\], an object$"),
        ({3, 4}, r"state\['net'\]\[1\], a set$"),
        (1j, r"state\['net'\]\[1\], a complex$"),
        ({(1, 2): 3}, r"state\['net'\]\[1\]\[\(1, 2\)\]: a key is a number or a string"),
    ],
)
def test_what_cannot_be_written_is_named_with_its_place(tmp_path: Path, value: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        save({"net": [0, value]}, tmp_path / "state")
    assert list(tmp_path.iterdir()) == []


def test_a_state_that_contains_itself_is_refused(tmp_path: Path) -> None:
    state: dict[str, Any] = {}
    state["self"] = [state]
    with pytest.raises(TypeError, match="the state contains itself, or is nested too deeply"):
        save(state, tmp_path / "state")


@pytest.mark.parametrize(
    "structure",
    [
        "{",
        "[1, 2]",
        "3",
        '{"tensor": "t"}',
        '{"dict": [["a", {"tensor": "none"}]]}',
        '{"dict": [["a", {"tensor": ["t"]}]]}',
        '{"dict": [[["a"], 1]]}',
        '{"dict": [["a"]]}',
        '{"dict": 3}',
        '{"dict": [["a", {}]]}',
        '{"dict": [["a", {"object": "os.system"}]]}',
        '{"dict": [["a", ' + "[" * 100_000 + "]" * 100_000 + "]]}",
    ],
    ids=lambda text: text[:40],
)
def test_a_damaged_structure_is_one_clear_error(tmp_path: Path, structure: str) -> None:
    entry = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    header = json.dumps({"__metadata__": {"minigrad": structure}, "t": entry}).encode()
    path = tmp_path / "state"
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))
    with pytest.raises(WeightFileError, match="what its header says of the state is damaged: ") as error:
        load(path)
    assert str(error.value).startswith(f"{path}: ") and "\n" not in str(error.value)
