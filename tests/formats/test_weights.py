"""Weight files: what goes in comes out, a damaged file is one clear error, and nothing is left half written."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
from minigrad import dtypes, nn
from minigrad.formats import weights
from minigrad.formats.weights import WeightFileError, load, save


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "weights.safetensors"


def raw(header: dict[str, object], data: bytes) -> bytes:
    """A safetensors file by hand."""
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


# -- there and back -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", dtypes.ALL, ids=str)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0,), (2, 0, 3)], ids=str)
def test_every_dtype_and_shape_comes_back(file, dtype, shape):
    t = mg.from_numpy(np.asarray(np.random.default_rng(0).uniform(0, 100, shape)).astype(dtype))
    save({"t": t}, file)
    found = load(file)["t"]
    assert found.dtype == dtype and found.shape == shape
    assert found.tolist() == t.tolist()


def test_a_view_of_any_layout_comes_back(file):
    t = mg.arange(12.0).reshape(3, 4)
    views = {"turned": t.T, "every second": t[:, ::2], "row": t[1], "expanded": t[0].expand(2, 4)}
    save(views, file)
    found = load(file)
    assert {name: v.tolist() for name, v in found.items()} == {name: v.tolist() for name, v in views.items()}


def test_nan_and_infinity_come_back(file):
    save({"t": mg.tensor([float("nan"), float("inf"), -0.0])}, file)
    assert str(load(file)["t"].tolist()) == "[nan, inf, -0.0]"


def test_a_tensor_that_wants_a_gradient_is_saved_and_comes_back_without(file):
    save({"t": mg.ones(2, requires_grad=True)}, file)
    assert not load(file)["t"].requires_grad


def test_an_empty_state_comes_back(file):
    save({}, file)
    assert load(file) == {}


def test_a_loaded_tensor_has_memory_of_its_own(file):
    save({"a": mg.zeros(2), "b": mg.zeros(2)}, file)
    first, second = load(file), load(file)
    assert first["a"].array.flags.writeable
    first["a"].array[...] = 1
    assert first["b"].tolist() == second["a"].tolist() == load(file)["a"].tolist() == [0.0, 0.0]


def test_a_state_dict_goes_through_a_file_into_another_model(file):
    net = nn.Sequential(nn.Linear(3, 2), nn.Sigmoid(), nn.Linear(2, 1))
    twin = nn.Sequential(nn.Linear(3, 2), nn.Sigmoid(), nn.Linear(2, 1))
    save(net.state_dict(), file)
    twin.load_state_dict(load(file))
    x = mg.randn(4, 3)
    assert twin(x).tolist() == net(x).tolist()


def test_tensors_come_in_the_order_of_their_names(file):
    save({f"layer{i}": mg.zeros(2, dtype=mg.float64 if i % 2 else mg.int8) for i in reversed(range(10))}, file)
    assert list(load(file)) == [f"layer{i}" for i in range(10)]


def test_a_checkpoint_comes_in_the_order_in_which_it_was_saved(file):
    state = {"weight": mg.zeros(2), "bias": mg.ones(1), "a": mg.ones(1)}
    save({"model": state, "epoch": 3}, file)
    assert list(load(file)) == ["model", "epoch"]
    assert list(load(file)["model"]) == list(state)


def test_paths_may_be_strings(file):
    save({"t": mg.ones(1)}, str(file))
    assert load(str(file))["t"].item() == 1.0


# -- writing --------------------------------------------------------------------------------------------------


def test_saving_replaces_an_older_file_and_leaves_nothing_beside_it(file):
    save({"t": mg.zeros(1)}, file)
    save({"t": mg.ones(1)}, file)
    assert load(file)["t"].item() == 1.0
    assert os.listdir(file.parent) == [file.name]


def test_a_new_file_is_readable_by_whom_the_user_allows(file):
    save({"t": mg.zeros(1)}, file)
    plain = file.with_name("plain")
    plain.write_bytes(b"")
    assert file.stat().st_mode == plain.stat().st_mode


def test_a_failure_while_writing_keeps_the_older_file_and_leaves_nothing_beside_it(file, monkeypatch):
    save({"t": mg.zeros(1)}, file)

    def full(file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WeightFileError) as error:
        save({"t": mg.ones(1)}, file)
    assert str(error.value) == f"cannot write weights to {file}: No space left on device"
    assert os.listdir(file.parent) == [file.name]
    assert load(file)["t"].item() == 0.0


def test_a_path_that_cannot_be_written_is_a_clear_error(tmp_path):
    with pytest.raises(WeightFileError, match=r"cannot write weights to .*/none/w: No such file or directory"):
        save({"t": mg.ones(1)}, tmp_path / "none" / "w")
    with pytest.raises(WeightFileError, match=r"cannot write weights to .*: Is a directory"):
        save({"t": mg.ones(1)}, tmp_path)
    assert os.listdir(tmp_path) == []


def test_a_path_with_a_nul_byte_is_a_clear_error(tmp_path):
    with pytest.raises(WeightFileError, match=r"cannot write weights to .*embedded null"):
        save({"t": mg.ones(1)}, tmp_path / "a\0b")
    with pytest.raises(WeightFileError, match=r"cannot read weights from .*embedded null"):
        load(tmp_path / "a\0b")


@pytest.mark.parametrize("state", [[mg.ones(1)], mg.ones(1), None], ids=str)
def test_what_is_no_dict_is_not_written(file, state):
    with pytest.raises(TypeError, match=r"save\(\) expects a dict, got a "):
        save(state, file)
    assert os.listdir(file.parent) == []


def test_tensors_by_name_alone_are_written_as_everybody_does(file):
    save({"net.0.weight": mg.ones(2)}, file)
    assert b"__metadata__" not in file.read_bytes()


# -- reading --------------------------------------------------------------------------------------------------


def test_a_missing_file_is_named(file):
    with pytest.raises(WeightFileError) as error:
        load(file)
    assert str(error.value) == f"cannot read weights from {file}: No such file or directory"


def test_a_folder_is_no_weight_file(tmp_path):
    with pytest.raises(WeightFileError, match="Is a directory"):
        load(tmp_path)


def test_a_file_cut_off_anywhere_is_refused_in_one_line(file):
    save({"weight": mg.ones(2, 2), "bias": mg.ones(2)}, file)
    whole = file.read_bytes()
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        with pytest.raises(WeightFileError) as error:
            load(file)
        assert str(error.value).startswith(f"{file} is not a safetensors file, or it is damaged: ")
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "content",
    [
        b"PK\x03\x04 a zip file, such as torch.save writes",
        b"\xff" * 64,
        raw({"t": {"dtype": "F32", "shape": [3], "data_offsets": [0, 8]}}, bytes(8)),
        raw({"t": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}, bytes(12)),
        raw({"t": {"dtype": "F99", "shape": [2], "data_offsets": [0, 8]}}, bytes(8)),
        raw({"t": 3}, b""),
    ],
    ids=["zip", "bytes", "shape", "surplus", "dtype", "header"],
)
def test_a_foreign_or_inconsistent_file_is_refused(file, content):
    file.write_bytes(content)
    with pytest.raises(WeightFileError, match="is not a safetensors file, or it is damaged: "):
        load(file)


@pytest.mark.parametrize("shape", [(2**62, 0), (0, 2**62, 2**62), (0,) * 65], ids=["one", "two", "many"])
def test_a_shape_that_no_array_can_have_is_refused(file, shape):
    file.write_bytes(raw({"t": {"dtype": "F32", "shape": shape, "data_offsets": [0, 0]}}, b""))
    with pytest.raises(WeightFileError) as error:
        load(file)
    assert str(error.value).startswith(f"{file}: 't' has shape {shape}, too large: ")


def test_a_file_that_does_not_fit_into_memory_is_refused(file, monkeypatch):
    def exhausted(*_: object) -> None:
        raise MemoryError

    save({"t": mg.ones(2)}, file)
    with monkeypatch.context() as patch:
        patch.setattr(weights, "from_numpy", exhausted)
        with pytest.raises(WeightFileError, match=r"'t' has shape \(2,\), too large: it does not fit into memory"):
            load(file)
    monkeypatch.setattr(Path, "read_bytes", exhausted)
    with pytest.raises(WeightFileError, match=r"cannot read weights from .*: it does not fit into memory$"):
        load(file)


@pytest.mark.parametrize(("dtype", "size"), [("BF16", 2), ("F16", 2), ("U64", 8)])
def test_a_dtype_that_minigrad_does_not_have_is_named(file, dtype, size):
    file.write_bytes(raw({"w": {"dtype": dtype, "shape": [2], "data_offsets": [0, 2 * size]}}, bytes(2 * size)))
    with pytest.raises(WeightFileError) as error:
        load(file)
    assert str(error.value) == (
        f"{file}: 'w' has dtype {dtype}, which minigrad does not have: save it as float32 where it was made"
    )


def test_the_metadata_that_others_write_does_no_harm(file):
    entry = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    file.write_bytes(raw({"__metadata__": {"format": "pt"}, "t": entry}, struct.pack("<f", 1.5)))
    assert load(file)["t"].tolist() == [1.5]


@pytest.mark.peer
def test_files_go_from_pytorch_to_minigrad_and_back(file):
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file, save_file

    theirs = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Tanh(), torch.nn.Linear(2, 1))
    ours = nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 1))
    save_file(theirs.state_dict(), file)
    ours.load_state_dict(load(file))
    x = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    wanted = theirs(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(ours(mg.from_numpy(x)).detach().numpy(), wanted, rtol=1e-5, atol=1e-6)
    save({name: t * 2 for name, t in ours.state_dict().items()}, file)
    theirs.load_state_dict(load_file(file))
    assert theirs[0].weight.tolist() == (ours[0].weight.detach() * 2).tolist()
