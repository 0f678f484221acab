"""What all optimisers share: groups, checks, gradients, and a step that is all or nothing."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.optim import SGD, Adadelta, Adagrad, Adam, AdamW, NAdam, RAdam, RMSprop

ALL = pytest.mark.parametrize("optimizer", [SGD, RMSprop, Adadelta, Adagrad, Adam, AdamW, NAdam, RAdam])


def leaf(*values: float) -> mg.Tensor:
    return mg.tensor(values, requires_grad=True)


# -- arguments ------------------------------------------------------------------------------------------------


def made(p: mg.Tensor) -> mg.Tensor:
    return p * 2


@ALL
@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ([], ValueError, "got no parameters: does the model have any?"),
        (nn.ReLU().parameters(), ValueError, "got no parameters"),
        (leaf(1.0), TypeError, "expects a list of tensors or of dicts, not one Tensor"),
        ({"params": [leaf(1.0)]}, TypeError, "expects a list of tensors or of dicts, not one dict"),
        (nn.Linear(2, 1), TypeError, r"or of dicts, not one Linear: use model.parameters\(\)"),
        (nn.Sequential(nn.Linear(2, 1)), TypeError, r"not one Sequential: use model.parameters\(\)"),
        ([{"params": nn.Linear(2, 1)}], TypeError, r"of tensors, not one Linear: use model.parameters\(\)"),
        (3, TypeError, "expects a list of tensors or of dicts, not one int"),
        ([np.ones(2)], TypeError, "expects tensors, got an ndarray"),
        ([mg.tensor([1, 2])], TypeError, "expects tensors of floats, got int64"),
        ([made(leaf(1.0))], ValueError, r"<MulBackward> made this tensor of shape \(1,\); only leaves"),
        ([leaf(1.0)] * 2, ValueError, r"a parameter of shape \(1,\) was given twice"),
        ([{"params": [leaf(1.0)]}, leaf(2.0)], TypeError, "expects every group to be a dict, got a Tensor"),
        ([{"lr": 1.0}], ValueError, "a group needs 'params', got only lr"),
        ([{"params": [leaf(1.0)], "rl": 1}], ValueError, "has no rl: it has lr, "),
        ([{"params": [leaf(1.0)], "lr": -1}], ValueError, r"lr must be in \[0, inf\), got -1"),
    ],
)
def test_parameters_that_cannot_be_optimised_are_refused(optimizer, params, error, message):
    with pytest.raises(error, match=message):
        optimizer(params)


@ALL
def test_one_parameter_in_two_groups_is_refused(optimizer):
    p = leaf(1.0)
    with pytest.raises(ValueError, match="was given twice"):
        optimizer([{"params": [p]}, {"params": [p]}])


@pytest.mark.parametrize(
    ("optimizer", "options", "error", "message"),
    [
        (SGD, {"lr": -0.1}, ValueError, r"lr must be in \[0, inf\), got -0.1"),
        (SGD, {"lr": float("nan")}, ValueError, r"lr must be in \[0, inf\), got nan"),
        (SGD, {"lr": "0.1"}, TypeError, "lr must be a number, got '0.1'"),
        (SGD, {"momentum": -1}, ValueError, r"momentum must be in \[0, inf\), got -1"),
        (SGD, {"weight_decay": -1}, ValueError, r"weight_decay must be in \[0, inf\), got -1"),
        (SGD, {"dampening": "a"}, TypeError, "dampening must be a number, got 'a'"),
        (
            SGD,
            {"nesterov": True},
            ValueError,
            "nesterov needs a momentum above 0 .*, got momentum=0",
        ),
        (SGD, {"nesterov": "no", "momentum": 0.9}, TypeError, "nesterov must be True or False, got 'no'"),
        (SGD, {"nesterov": True, "momentum": 0.9, "dampening": 0.1}, ValueError, "and dampening=0.1"),
        (Adam, {"lr": -1}, ValueError, r"lr must be in \[0, inf\), got -1"),
        (Adam, {"betas": (1.0, 0.9)}, ValueError, r"beta1 must be in \[0, 1\), got 1.0"),
        (Adam, {"betas": (0.9, -0.1)}, ValueError, r"beta2 must be in \[0, 1\), got -0.1"),
        (Adam, {"betas": 0.9}, ValueError, "betas must be two numbers, got 0.9"),
        (Adam, {"eps": -1e-8}, ValueError, r"eps must be in \[0, inf\), got -1e-08"),
        (Adam, {"amsgrad": 1}, TypeError, "amsgrad must be True or False, got 1"),
        (SGD, {"maximize": None}, TypeError, "maximize must be True or False, got None"),
        (Adadelta, {"rho": 1.5}, ValueError, r"rho must be in \[0, 1\), got 1.5"),
        (NAdam, {"momentum_decay": -1}, ValueError, "momentum_decay must be in"),
        (NAdam, {"decoupled_weight_decay": 1}, TypeError, "decoupled_weight_decay must be True or False, got 1"),
        (RAdam, {"betas": (0.9,)}, ValueError, r"betas must be two numbers, got \(0.9,\)"),
        (RAdam, {"betas": (0.9, 1.0)}, ValueError, r"beta2 must be in \[0, 1\), got 1.0"),
        (RMSprop, {"alpha": -0.5}, ValueError, r"alpha must be in \[0, inf\), got -0.5"),
        (RMSprop, {"centered": "no"}, TypeError, "centered must be True or False, got 'no'"),
        (Adagrad, {"lr_decay": -1}, ValueError, r"lr_decay must be in \[0, inf\), got -1"),
        (Adagrad, {"initial_accumulator_value": -1}, ValueError, "initial_accumulator_value must be in"),
        (Adam, {"weight_decay": None}, TypeError, "weight_decay must be a number, got None"),
    ],
)
def test_hyper_parameters_out_of_range_are_refused(optimizer, options, error, message):
    with pytest.raises(error, match=message):
        optimizer([leaf(1.0)], **options)


# -- groups ---------------------------------------------------------------------------------------------------


def test_each_group_steps_with_its_own_hyper_parameters():
    p, q, r = leaf(1.0), leaf(1.0), leaf(1.0)
    optimizer = SGD([{"params": p}, {"params": iter([q, r]), "lr": 0.5}], lr=0.25)
    (p + q + r).sum().backward()
    optimizer.step()
    assert (p.item(), q.item(), r.item()) == (0.75, 0.5, 0.5)


def test_a_changed_lr_holds_from_the_next_step_on():
    p = leaf(1.0)
    optimizer = SGD([p], lr=0.25)
    p.sum().backward()
    optimizer.step()
    optimizer.param_groups[0]["lr"] = 0.5
    optimizer.step()
    assert p.item() == 0.25


def test_a_group_can_be_added_and_a_bad_one_is_not():
    p, q = leaf(1.0), leaf(1.0)
    optimizer = SGD([p], lr=0.25)
    for bad, message in (
        ({"params": [p]}, "given twice"),
        ({"params": [q, q]}, "given twice"),
        ({}, "needs 'params"),
    ):
        with pytest.raises(ValueError, match=message):
            optimizer.add_param_group(bad)
    with pytest.raises(TypeError, match="expects every group to be a dict, got a Tensor"):
        optimizer.add_param_group(q)
    assert len(optimizer.param_groups) == 1
    optimizer.add_param_group({"params": q, "lr": 0.5})
    (p + q).sum().backward()
    optimizer.step()
    assert (p.item(), q.item()) == (0.75, 0.5)


def test_the_groups_given_by_the_user_are_not_changed():
    group = {"params": [leaf(1.0)]}
    SGD([group], lr=0.5)
    assert list(group) == ["params"]


def test_repr_shows_groups_and_hyper_parameters():
    assert repr(Adam([leaf(1.0), leaf(2.0)], lr=0.1)) == (
        "Adam(\n  2 parameters: lr=0.1, betas=(0.9, 0.999), eps=1e-08, weight_decay=0, "
        "amsgrad=False, maximize=False, decoupled_weight_decay=False\n)"
    )
    assert repr(SGD([leaf(1.0)])).startswith("SGD(\n  1 parameter: lr=")


# -- the step -------------------------------------------------------------------------------------------------


@ALL
def test_a_parameter_without_a_gradient_stays_as_it_is(optimizer):
    p, q = leaf(1.0), leaf(1.0)
    steps = optimizer([p, q], lr=0.5, weight_decay=0.5)
    p.sum().backward()
    steps.step()
    assert p.item() < 1.0 and q.item() == 1.0
    assert q not in steps.state


@ALL
def test_a_gradient_that_does_not_fit_is_refused_before_any_parameter_changes(optimizer):
    p, q = leaf(1.0), leaf(1.0)
    p.grad, q.grad = mg.ones(1), mg.ones(1)
    steps = optimizer([p, q], lr=0.5)
    q.array = np.ones(2, np.float32)
    with pytest.raises(ValueError, match=r"shape \(2,\) and dtype float32, its gradient \(1,\) and float32"):
        steps.step()
    q.array = np.ones(1, np.float64)
    with pytest.raises(ValueError, match=r"shape \(1,\) and dtype float64, its gradient \(1,\) and float32"):
        steps.step()
    assert p.item() == 1.0 and q.item() == 1.0 and not steps.state


@ALL
def test_a_parameter_in_read_only_memory_is_refused_before_any_parameter_changes(optimizer):
    fixed = np.ones(2, np.float32)
    fixed.flags.writeable = False
    p, q = leaf(1.0), mg.from_numpy(fixed).requires_grad_()
    p.grad, q.grad = mg.ones(1), mg.ones(2)
    steps = optimizer([p, q], lr=0.5)
    with pytest.raises(ValueError, match=r"a parameter of shape \(2,\) is in read-only memory"):
        steps.step()
    assert p.item() == 1.0 and not steps.state


@ALL
@pytest.mark.parametrize(("lr", "error"), [(None, TypeError), ("a", TypeError), (-5, ValueError)])
def test_a_changed_hyper_parameter_is_checked_before_any_parameter_changes(optimizer, lr, error):
    p, q = leaf(1.0), leaf(1.0)
    p.grad, q.grad = mg.ones(1), mg.ones(1)
    steps = optimizer([{"params": [p]}, {"params": [q]}])
    steps.param_groups[1]["lr"] = lr
    with pytest.raises(error, match=f"lr must be .* got {lr!r}"):
        steps.step()
    assert p.item() == q.item() == 1.0 and not steps.state


@ALL
def test_a_step_is_in_place_recorded_nowhere_and_counted_as_a_change(optimizer):
    p = leaf(1.0)
    array = p.array
    loss = (p * p).sum()
    p.grad = mg.ones(1)
    optimizer([p]).step()
    assert p.array is array and p.is_leaf and p.requires_grad and p.item() != 1.0
    with pytest.raises(RuntimeError, match="changed in place"):
        loss.backward()


@ALL
def test_zero_grad_forgets_gradients_or_makes_them_zero(optimizer):
    p, q = leaf(1.0), leaf(1.0)
    steps = optimizer([p, q])
    p.sum().backward()
    steps.zero_grad(set_to_none=False)
    assert p.grad.tolist() == [0.0] and q.grad is None
    steps.zero_grad()
    assert p.grad is None


@ALL
def test_a_parameter_of_any_layout_and_size_is_stepped(optimizer):
    plain = mg.tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
    turned = mg.from_numpy(np.arange(6.0).reshape(2, 3).T.copy().T).requires_grad_()
    scalar = mg.tensor(2.0, requires_grad=True)
    empty = mg.zeros(0, 3, requires_grad=True)
    assert not turned.array.flags.c_contiguous
    steps = optimizer([plain, turned, scalar, empty], lr=0.5)
    ((plain * turned).sum() + scalar + empty.sum()).backward()
    steps.step()
    assert turned.tolist() == plain.tolist() != np.arange(6.0).reshape(2, 3).tolist()
    assert scalar.item() < (1.6 if optimizer is not Adadelta else 2.0)  # whose first steps are small


@ALL
def test_a_closure_computes_the_gradients_and_its_loss_is_returned(optimizer):
    p = leaf(2.0)
    steps = optimizer([p], lr=0.5)

    def closure():
        steps.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    with mg.no_grad():
        loss = steps.step(closure)
    assert loss.item() == 4.0 and p.grad.item() == 4.0 and p.item() < 2.0


# -- its state ------------------------------------------------------------------------------------------------

REMEMBERED = {SGD: {"momentum": 0.9}, RMSprop: {"momentum": 0.9, "centered": True}, Adam: {"amsgrad": True}}


def trained(optimizer, steps, params=None, state=None):
    """Two parameters of two groups, after some steps down the sum of their fourth powers."""
    p, q = params or (mg.tensor([1.0, -2.0], requires_grad=True), mg.tensor([[3.0]], requires_grad=True))
    opt = optimizer([{"params": [p]}, {"params": [q], "lr": 0.02}], lr=0.01, **REMEMBERED.get(optimizer, {}))
    if state is not None:
        opt.load_state_dict(state)
    for _ in range(steps):
        opt.zero_grad()
        ((p**4).sum() + (q**4).sum()).backward()
        opt.step()
    return (p, q), opt


@ALL
def test_a_loaded_state_goes_on_bit_for_bit(optimizer):
    whole, _ = trained(optimizer, 9)
    half, opt = trained(optimizer, 4)
    copies = [mg.tensor(p.detach(), requires_grad=True) for p in half]
    ended, again = trained(optimizer, 5, copies, opt.state_dict())
    for p, q in zip(ended, whole, strict=True):
        assert p.tolist() == q.tolist()
    assert again.param_groups[1]["lr"] == 0.02
    assert [p.tolist() for p in half] != [p.tolist() for p in ended]


@ALL
def test_a_loaded_state_has_memory_of_its_own_and_the_dtype_of_the_parameters(optimizer):
    _, opt = trained(optimizer, 2)
    wide = [p.detach().double().requires_grad_() for p in trained(optimizer, 2)[0]]
    _, again = trained(optimizer, 0, wide, opt.state_dict())
    for old, new in zip(opt.state.values(), again.state.values(), strict=True):
        assert set(old) == set(new) != set()
        for name in set(old) - {"step", "mu_product"}:
            assert new[name].dtype == mg.float64
            assert not np.shares_memory(new[name].array, old[name].array)


@ALL
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda s: None, "a state is a dict with 'state' and 'param_groups'"),
        (lambda s: {"state": {}}, "a state is a dict with 'state' and 'param_groups'"),
        (
            lambda s: s | {"param_groups": s["param_groups"][:1]},
            r"its groups have \[1, 1\] .* those of the state \[1\]",
        ),
        (
            lambda s: s | {"param_groups": [{"params": [0]}, {"params": [1]}]},
            "a group of the state has no lr, ",
        ),
        (
            lambda s: s | {"param_groups": [s["param_groups"][0] | {"lr": -1.0}, s["param_groups"][1]]},
            "lr must be in .*, got -1.0",
        ),
        (lambda s: s | {"state": {7: s["state"][0]}}, "the state remembers a parameter 7 that is in no group"),
        (lambda s: s | {"state": {0: {}}}, "the state of parameter 0 has no "),
        (lambda s: s | {"state": {1: s["state"][0]}}, r"is of shape \(2,\), its parameter of shape \(1, 1\)"),
        (lambda s: s | {"state": {0: dict.fromkeys(s["state"][0], "x")}}, "is a str, its parameter of shape"),
    ],
)
def test_a_state_that_does_not_fit_is_refused_and_nothing_changes(optimizer, damage, message):
    _, opt = trained(optimizer, 2)
    before = str(opt.state_dict())
    with pytest.raises(ValueError, match=message):
        opt.load_state_dict(damage(opt.state_dict()))
    assert str(opt.state_dict()) == before
