"""mg.health: each illness is found where it is, and a healthy net has none."""

from __future__ import annotations

import pytest

import minigrad as mg
from minigrad import nn
from minigrad.inspect import symptoms
from minigrad.nn import functional as F


def mlp(act: type[nn.Module], layers: int, width: int = 16) -> nn.Sequential:
    hidden = [module for _ in range(layers) for module in (nn.Linear(width, width), act())]
    return nn.Sequential(*hidden, nn.Linear(width, 3))


def batch() -> tuple[mg.Tensor, mg.Tensor]:
    return mg.randn(128, 16), mg.randint(0, 3, (128,))


def found(model: nn.Module, x: mg.Tensor | None = None) -> dict[tuple[str, str], str]:
    own, y = batch()
    health = mg.health(model, own if x is None else x, loss=lambda z: F.cross_entropy(z, y))
    return {(each.what, each.where): each.value for each in health.findings}


def kaiming(model: nn.Sequential) -> nn.Sequential:
    for module in model:
        if isinstance(module, nn.Linear):
            nn.init.kaiming_normal_(module.weight)
    return model


def test_a_healthy_net_has_no_findings() -> None:
    health = mg.health(kaiming(mlp(nn.ReLU, 3, 64)), mg.randn(128, 64), loss=lambda z: z.square().mean())
    assert health.is_healthy
    assert str(health).startswith("Nothing found")
    assert "parameters: 8 tensors; activations: 7 operations on this batch; gradients: of this loss" in str(health)


def test_dead_units_are_counted_layer_by_layer() -> None:
    model = kaiming(mlp(nn.ReLU, 2))
    model[0].bias.array[:5] = -100.0
    assert found(model)[("dead units", "1")] == "5 of 16 are 0 for all inputs"


def test_in_an_image_a_unit_is_a_channel() -> None:
    x = mg.randn(4, 3, 5, 5)
    x.array[:, 1] = -1.0
    (dead,) = mg.health(nn.Sequential(nn.ReLU()), x).findings
    assert (dead.what, dead.value) == ("dead units", "1 of 3 are 0 for all inputs")


def test_too_few_inputs_make_no_unit_dead() -> None:
    for samples, findings in ((symptoms.SAMPLES - 1, 0), (symptoms.SAMPLES, 1)):
        found = mg.health(nn.Sequential(nn.ReLU()), mg.zeros(samples, 3) - 1).findings
        assert len([each for each in found if each.what == "dead units"]) == findings


@pytest.mark.parametrize("act", [nn.Sigmoid, nn.Tanh, nn.Hardtanh, nn.Hardsigmoid])
def test_saturated_units_are_found_but_not_in_the_output(act: type[nn.Module]) -> None:
    model = nn.Sequential(nn.Identity(), act(), nn.Linear(16, 16), act())
    model[2].weight.array *= 1000
    values = mg.health(model, mg.randn(128, 16) * 1000).findings
    assert [(each.what, each.where) for each in values if each.what == "saturation"] == [("saturation", "1")]


def test_gradients_that_vanish_towards_the_input_are_found_with_their_size() -> None:
    values = found(mlp(nn.Sigmoid, 8))
    assert ("vanishing gradient", "0.weight") in values
    assert values[("vanishing gradient", "0.weight")].endswith("of that of 16.weight")
    assert ("vanishing gradient", "14.weight") not in values


def test_gradients_that_explode_towards_the_input_are_found() -> None:
    model = mlp(nn.Tanh, 2)
    for p, size in zip(model.parameters(), (1e3, 0.1, 1.0, 0.1, 1e-2, 0.1), strict=True):
        p.grad = mg.full(p.shape, size)
    values = {(each.what, each.where): each.value for each in mg.health(model).findings}
    assert values == {
        ("exploding gradient", "0.weight"): "1e+05 times that of 4.weight",
        ("exploding gradient", "all parameters"): "norm 1.6e+04",
    }


def test_a_signal_that_shrinks_has_a_finding_for_the_scale_of_z() -> None:
    model = mlp(nn.Tanh, 3)
    model[2].weight.array *= 0.001
    model[2].bias.array[:] = 0
    assert ("scale of z", "2") in found(model)


def test_nan_in_weights_activations_and_gradients() -> None:
    model = mlp(nn.Tanh, 2)
    model[2].weight.array[0, 0] = float("nan")
    values = found(model)
    assert values[("NaN or Inf in weights", "2.weight")] == "1 of 256"
    assert ("NaN or Inf", "2 (Linear)") in values
    assert len([what for what, _ in values if what == "NaN or Inf"]) == 1  # the first place alone
    assert ("NaN or Inf in gradients", "0.weight") in values


def test_weights_of_zeros_and_the_gradients_that_they_stop() -> None:
    model = mlp(nn.Tanh, 2)
    model[4].weight.array[:] = 0
    values = found(model)
    assert values[("weights all 0", "4.weight")] == "48 zeros"
    assert values[("gradient all 0", "0.weight")] == "256 zeros"


def test_a_parameter_that_the_loss_does_not_depend_on() -> None:
    class Unused(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.unused = nn.Linear(16, 3), nn.Linear(2, 2)

        def forward(self, x: mg.Tensor) -> mg.Tensor:
            return self.used(x)

    assert {where for what, where in found(Unused()) if what == "no gradient"} == {"unused.weight", "unused.bias"}


def test_inputs_far_from_mean_0_and_deviation_1() -> None:
    model = mlp(nn.Tanh, 1)
    assert found(model, mg.rand(128, 16) * 255)[("input statistics", "input 0")].startswith("mean 12")
    assert ("input statistics", "input 0") not in found(model)


def test_integers_are_no_values_to_be_scaled() -> None:
    assert mg.health(nn.Embedding(1000, 4), mg.randint(500, 1000, (64,))).is_healthy


def test_running_statistics_that_do_not_fit_the_batch_are_found_in_eval_mode() -> None:
    model = nn.Sequential(nn.Linear(16, 8), nn.BatchNorm1d(8))
    model[1].weight.array[:] = 3.0
    model[1].bias.array[:] = 5.0
    x = mg.randn(128, 16) * 0.9
    model[0].bias.array[:] = 2.0
    assert not [each for each in mg.health(model, x).findings if each.what == "batch statistics"]
    off = [each for each in mg.health(model.eval(), x).findings if each.what == "batch statistics"]
    assert [(each.where, each.value) for each in off] == [("1", "8 of 8 channels off")]


def test_no_gradient_and_no_buffer_is_touched() -> None:
    model = nn.Sequential(nn.Linear(16, 8), nn.BatchNorm1d(8), nn.Linear(8, 3))
    before = {name: t.tolist() for name, t in model.state_dict().items()}
    with mg.no_grad():
        found(model)
    assert {name: t.tolist() for name, t in model.state_dict().items()} == before
    assert all(p.grad is None for p in model.parameters())


def test_without_a_loss_the_gradients_are_those_of_the_last_backward() -> None:
    model, (x, y) = mlp(nn.Sigmoid, 8), batch()
    assert "gradients: not looked at" in str(mg.health(model, x))
    F.cross_entropy(model(x), y).backward()
    health = mg.health(model)
    assert "vanishing gradient" in repr(health)
    assert "activations: not looked at" in str(health)
    assert "gradients: of the last backward()" in str(health)


def test_every_finding_has_its_threshold_and_advice() -> None:
    health = mg.health(mlp(nn.Sigmoid, 8), mg.randn(128, 16) * 50, loss=lambda z: z.sum())
    assert len({each.what for each in health.findings}) >= 3
    for each in health.findings:
        assert each.threshold in str(health.as_table())
        assert each.advice in health.table(width=10_000)


def test_what_cannot_be_examined_is_refused() -> None:
    with pytest.raises(TypeError, match="expects a Module, got function"):
        mg.health(lambda x: x)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="needs inputs to compute a loss from"):
        mg.health(mlp(nn.ReLU, 1), loss=lambda z: z.sum())
