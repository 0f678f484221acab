"""examples/mlp_forward.py: what it prints and writes, and how it refuses what it cannot do."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
import mlp_forward
from digits import NETS, accuracy, load_images, weights_file


@pytest.fixture(autouse=True)
def default_kernels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The script chooses kernels for good; a test that runs it does so inside a choice of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)


def run(*arguments: str) -> None:
    with mg.use_kernels("numba"):
        mlp_forward.main(list(arguments))


@pytest.mark.parametrize(("net", "least"), [("zero-or-one", 0.99), ("ten", 0.98)])
@pytest.mark.parametrize("kernels", ["numba", "reference"])
def test_the_trained_weights_reach_their_accuracy_on_held_out_images(net: str, least: float, kernels: str) -> None:
    model = NETS[net]()
    model.load_state_dict(mg.load(weights_file(net)))
    _, held_out = load_images(model.digits)
    with mg.use_kernels(kernels):
        assert accuracy(model, held_out) >= least


@pytest.mark.parametrize("net", NETS)
def test_no_image_is_both_trained_on_and_held_out(net: str) -> None:
    (x, labels), (x_held, labels_held) = (part.tensors for part in load_images(NETS[net].digits))
    data = mg.load(weights_file(net).parent.parent / "data" / "digits.safetensors")
    chosen = np.isin(data["labels"].numpy(), NETS[net].digits)
    assert len(x) + len(x_held) == chosen.sum()
    every = np.concatenate([x.numpy(), x_held.numpy()])
    expected = data["images"].numpy()[chosen].reshape(-1, 64) / np.float32(16)
    assert sorted(map(bytes, every)) == sorted(map(bytes, expected))
    assert set(labels.tolist()) == set(labels_held.tolist()) == set(NETS[net].digits)


@pytest.mark.parametrize("net", NETS)
def test_it_prints_every_layer_and_proves_that_recording_changes_nothing(
    net: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run("--net", net)
    out = capsys.readouterr().out
    for layer in ("layer1", "layer2", "layer3"):
        assert re.search(
            rf"^{layer}  z = x W\^T \+ b,  a = .*\(1, \d+\) +\(\d+, \d+\) +\(\d+,\)", out, re.MULTILINE
        )
    assert re.search(r"it is a \d, which is right", out)
    assert "outputs equal to the last bit: yes" in out
    assert re.search(r"no_grad, eval\(\) .* nodes recorded 0   bytes kept 0$", out, re.MULTILINE)
    assert re.search(r"recorded, train\(\) .* nodes recorded 6   bytes kept [1-9]", out)


def test_it_draws_the_values_of_z_and_a_and_the_png_when_asked(capsys: pytest.CaptureFixture[str]) -> None:
    run("--draw", "graph.svg", "graph.png")
    svg = Path("graph.svg").read_text()
    model = NETS["zero-or-one"]()
    model.load_state_dict(mg.load(weights_file("zero-or-one")))
    _, held_out = load_images(model.digits)
    with mg.no_grad():
        step = mg.trace(model, held_out[:1][0])["layer3"]
    assert f"{step.z.item():.3f}" in svg
    assert f"{step.a.item():.4f}" in svg
    for name in ("layer1", "layer2.weight", "layer3.bias", "Sigmoid"):
        assert name in svg
    assert Path("graph.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in Path().iterdir()) == ["graph.png", "graph.svg"]


def test_a_png_that_cannot_be_written_is_found_before_the_svg_is(capsys: pytest.CaptureFixture[str]) -> None:
    Path("graph.png").mkdir()
    with pytest.raises(SystemExit) as stopped:
        run("--draw", "graph.svg", "graph.png")
    assert stopped.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert [path.name for path in Path().iterdir()] == ["graph.png"]


def damaged(path: Path) -> Path:
    path.write_bytes(weights_file("ten").read_bytes()[:1000])
    return path


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--digit", "103"], "--digit must be 0 to 102, not 103"),
        (["--digit", "-1"], "--digit must be 0 to 102, not -1"),
        (["--digit", "two"], "invalid int value: 'two'"),
        (["--net", "eleven"], "invalid choice: 'eleven'"),
        (["--colour"], "unrecognized arguments: --colour"),
        (["--weights", "missing.safetensors"], "missing.safetensors"),
        (["--weights", "damaged.safetensors"], "damaged.safetensors"),
        (["--weights", str(weights_file("ten"))], "layer1.weight"),
        (["--draw", "no/such/folder.svg"], "--draw: must be"),
        (["--draw", "picture.jpg"], "--draw: must be"),
        (["--draw", "/dev/null/picture.svg"], "--draw: must be"),
    ],
)
def test_a_mistake_is_one_line_and_status_2_and_nothing_is_written(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged(Path("damaged.safetensors"))
    with pytest.raises(SystemExit) as stopped:
        run(*arguments)
    assert stopped.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert len(err.splitlines()) == 1
    assert [path.name for path in Path().iterdir()] == ["damaged.safetensors"]


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What is said where the script stops, which must be one line, and nothing else printed."""
    with pytest.raises(SystemExit) as stopped:
        run(*arguments)
    assert stopped.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    return err


@pytest.mark.parametrize("error", [ImportError, OSError, RuntimeError])
def test_a_picture_that_fails_is_one_line_before_anything_is_printed(
    error: type[Exception], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(drawing: mg.Drawing, path: Path) -> None:
        raise error("no\npicture")

    monkeypatch.setattr(mg.Drawing, "save", fail)
    assert "no picture" in refusal(capsys)


def test_an_output_without_shades_shows_the_digit_in_plain_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    image = mg.tensor([0.0, 0.25, 0.5, 1.0] * 16)
    assert "  ░░▒▒██" in mlp_forward.picture(image)
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    assert mlp_forward.picture(image) == "\n".join(["      ..::##  ..::##"] * 8)


def test_a_page_that_plays_both_passes_is_written_where_it_is_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run("--play", "x.html")
    assert "is x.html" in capsys.readouterr().out
    assert '"backward": [{"node"' in Path("x.html").read_text(encoding="utf-8")


def test_a_page_that_cannot_be_written_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert "--play: must be a file of .html" in refusal(capsys, "--play", "x.svg")
