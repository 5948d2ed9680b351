"""Optimizers against keras: trajectories, variables, configs; then their own rules."""

import inspect
import logging

import numpy as np
import pytest

import minikeras
from minikeras import constraints, optimizers
from minikeras.engine.compile import jit
from minikeras.optimizers import legacy, schedules
from tests.goldens.make import load
from tests.goldens.oracle import keras, oracle
from tests.optimizers.cases import (
    CASES,
    SCHEDULES,
    case_name,
    rates,
    start,
    trajectory,
    variables,
)
from tests.optimizers.goldens import fast_apply, kept

GOLDENS = load("optimizers")
each_case = pytest.mark.parametrize("case", CASES, ids=case_name)
each_schedule = pytest.mark.parametrize("case", SCHEDULES, ids=case_name)


@each_case
def test_trajectory(case):
    found = kept(trajectory(minikeras, case))
    np.testing.assert_allclose(found, GOLDENS[case_name(case)], 2e-5, 1e-5)


@each_case
def test_compiled_trajectory(case):
    found = kept(trajectory(minikeras, case, apply=lambda o: jit(o.apply)))
    np.testing.assert_allclose(found, GOLDENS[case_name(case)], 2e-5, 1e-5)


@each_schedule
def test_schedule(case):
    np.testing.assert_allclose(
        rates(schedules, case), GOLDENS[case_name(case)], 2e-5, 1e-7
    )


@oracle
@each_case
def test_goldens_are_keras(case):
    found = kept(trajectory(keras(), case, apply=fast_apply(case)))
    np.testing.assert_allclose(GOLDENS[case_name(case)], found, 1e-5, 1e-6)


@oracle
@each_schedule
def test_schedule_goldens_are_keras(case):
    found = rates(keras().optimizers.schedules, case)
    np.testing.assert_allclose(GOLDENS[case_name(case)], found, 1e-5, 1e-7)


def _shape(signature):
    return [(p.name, p.default, p.kind) for p in signature.parameters.values()]


@oracle
@pytest.mark.parametrize(
    "ours", [optimizers, schedules], ids=["optimizers", "schedules"]
)
def test_signatures_are_keras(ours):
    theirs = keras().optimizers
    theirs = theirs if ours is optimizers else theirs.schedules
    names = {n for n in dir(theirs) if not n.startswith("_")} - {"legacy"}
    assert set(ours.__all__) == names
    for name in names - {"schedules"}:
        pair = [getattr(namespace, name) for namespace in (ours, theirs)]
        shapes = [
            _shape(inspect.signature(p.__init__ if inspect.isclass(p) else p))
            for p in pair
        ]
        assert name == "LearningRateSchedule" or shapes[0] == shapes[1], name


@oracle
def test_aliases_are_keras():
    table = keras().optimizers.get.__globals__["deserialize"].__globals__
    for alias, theirs in table["ALL_OBJECTS_DICT"].items():
        assert optimizers._NAMES[alias].__name__ == theirs.__name__


@oracle
@each_case
def test_variables_and_configs_are_keras(case):
    name, kwargs = case
    made = []
    for package in (keras(), minikeras):
        optimizer = getattr(package.optimizers, name)(**kwargs, name="o")
        optimizer.build(variables(package, start()[0]))
        made.append(optimizer)
    theirs, ours = made
    assert ours.get_config() == theirs.get_config()
    described = [
        [(v.path, tuple(v.shape), v.dtype) for v in optimizer.variables]
        for optimizer in made
    ]
    # Two of keras's are made outside of the optimizer's scope, and named at random.
    loose = ("Nadam", "Adafactor")
    drop = slice(1, None) if name in loose else slice(0, None)
    assert [d[drop] for d in described[0]] == [d[drop] for d in described[1]]
    again = optimizers.deserialize(keras().optimizers.serialize(theirs))
    assert type(again) is type(ours) and again.get_config() == ours.get_config()
    config = optimizers.serialize(ours)
    made = getattr(keras().optimizers, config["class_name"]).from_config(
        config["config"]
    )
    assert made.get_config() == ours.get_config()


@each_case
def test_config_round_trip(case):
    name, kwargs = case
    optimizer = getattr(optimizers, name)(**kwargs)
    again = optimizers.deserialize(optimizers.serialize(optimizer))
    assert type(again) is type(optimizer)
    assert again.get_config() == optimizer.get_config()


@each_schedule
def test_schedule_in_an_optimizer_round_trips(case):
    name, kwargs = case
    schedule = getattr(schedules, name)(**kwargs)
    optimizer = optimizers.SGD(schedule)
    again = optimizers.deserialize(optimizers.serialize(optimizer))
    assert again._learning_rate.get_config() == schedule.get_config()
    made = schedules.deserialize(schedules.serialize(schedule))
    assert made.get_config() == schedule.get_config()


def model():
    """Two variables, and a gradient for each."""
    found = [minikeras.Variable([1.0, 2.0], name=n) for n in ("kernel", "bias")]
    return found, [np.ones(2, "float32"), np.ones(2, "float32")]


@pytest.mark.parametrize("name", ["Adam", "SGD", "Nadam", "Muon", "Adafactor"])
def test_stateless_apply_is_apply(name):
    found, grads = model()
    optimizer = getattr(optimizers, name)(0.1)
    optimizer.build(found)
    before = [v.numpy() for v in (*found, *optimizer.variables)]
    values = [v.value for v in found], [v.value for v in optimizer.variables]
    for _ in range(2):
        values = optimizer.stateless_apply(values[1], grads, values[0])
    unchanged = [v.numpy() for v in (*found, *optimizer.variables)]
    for a, b in zip(before, unchanged, strict=True):
        np.testing.assert_array_equal(a, b)
    for _ in range(2):
        optimizer.apply(grads)
    for variable, value in zip(
        (*found, *optimizer.variables), [*values[0], *values[1]]
    ):
        np.testing.assert_array_equal(variable.numpy(), value.numpy())


def test_stateless_apply_counts_values():
    found, grads = model()
    optimizer = optimizers.SGD()
    optimizer.build(found)
    with pytest.raises(ValueError, match="got 2 values for 4 variables"):
        optimizer.stateless_apply([], grads, [v.value for v in found])


def test_one_none_gradient_warns_and_leaves_the_variable():
    found, grads = model()
    with pytest.warns(UserWarning, match=r"no gradients for \['bias'\]"):
        optimizers.SGD(0.5).apply([grads[0], None], found)
    assert found[0].numpy().tolist() == [0.5, 1.5]
    assert found[1].numpy().tolist() == [1.0, 2.0]


def test_bad_calls_change_nothing():
    found, grads = model()
    optimizer = optimizers.Adam()
    with pytest.raises(ValueError, match=r"build\(variables\) first"):
        optimizer.apply(grads)
    optimizer.build(found)
    state = [v.numpy() for v in (*found, *optimizer.variables)]
    other = minikeras.Variable([1.0], name="other")
    for bad, message in [
        (lambda: optimizer.apply([None, None]), "no gradient for any variable"),
        (lambda: optimizer.apply(grads[:1]), "1 gradients for 2 variables"),
        (
            lambda: optimizer.apply([grads[0], np.ones(3)]),
            r"shape \(3,\); expected \(2,\)",
        ),
        (lambda: optimizer.apply([np.ones(1)], [other]), "'other' is unknown"),
        (lambda: optimizer.apply_gradients([]), "no pairs"),
        (lambda: optimizer.set_weights([np.ones(1)]), "set_weights got shapes"),
        (lambda: optimizer.exclude_from_weight_decay(var_names=["b"]), "before build"),
    ]:
        with pytest.raises(ValueError, match=message):
            bad()
    after = [v.numpy() for v in (*found, *optimizer.variables)]
    for a, b in zip(state, after, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("name", "kwargs", "message"),
    [
        ("SGD", {"learning_rate": "x"}, "learning_rate='x'"),
        ("SGD", {"learning_rate": True}, "learning_rate=True"),
        ("SGD", {"momentum": 2.0}, "momentum"),
        ("SGD", {"clipnorm": 1.0, "clipvalue": 1.0}, "at most one"),
        ("SGD", {"gradient_accumulation_steps": 1}, ">= 2"),
        ("SGD", {"use_ema": True, "ema_momentum": 2.0}, "ema_momentum"),
        (
            "SGD",
            {"use_ema": True, "ema_overwrite_frequency": -1},
            "overwrite_frequency",
        ),
        ("SGD", {"nonsense": 1}, r"unknown arguments \{'nonsense': 1\}. Known"),
        ("Adam", {"learing_rate": 1.0}, "Did you mean 'learning_rate'"),
        ("AdamW", {"weight_decay": None}, "weight_decay=None"),
        ("Lion", {"beta_1": 0.0}, "beta_1"),
        ("Ftrl", {"initial_accumulator_value": -1.0}, "initial_accumulator_value=-1.0"),
        ("Ftrl", {"learning_rate_power": 1.0}, "learning_rate_power=1.0"),
        ("LossScaleOptimizer", {"inner_optimizer": 3}, "inner_optimizer=3"),
        ("MultiOptimizer", {"optimizer_map": 3}, "optimizer_map=3"),
    ],
)
def test_arguments_out_of_range(name, kwargs, message):
    with pytest.raises(ValueError, match=message):
        getattr(optimizers, name)(**kwargs)


def test_learning_rate_can_be_set():
    optimizer = optimizers.SGD(0.1)
    optimizer.learning_rate = 0.5
    assert (
        float(optimizer.learning_rate) == 0.5 == optimizer.get_config()["learning_rate"]
    )
    optimizer.learning_rate = schedules.CosineDecay(0.2, 10)
    assert float(optimizer.learning_rate) == pytest.approx(0.2)
    assert [v.name for v in optimizer.variables] == ["iteration"]
    with pytest.raises(TypeError, match="cannot be set to a number"):
        optimizer.learning_rate = 0.1


def test_learning_rate_may_be_a_function():
    found, grads = model()
    optimizers.SGD(lambda: 0.5).apply(grads, found)
    assert found[0].numpy().tolist() == [0.5, 1.5]


@pytest.mark.parametrize("compiled", [False, True])
def test_schedule_follows_the_steps(compiled):
    found, grads = model()
    optimizer = optimizers.SGD(schedules.PiecewiseConstantDecay([0], [1.0, 0.25]))
    optimizer.build(found)
    step = jit(optimizer.apply) if compiled else optimizer.apply
    step(grads)
    step(grads)
    assert found[0].numpy().tolist() == [-0.25, 0.75]


def test_compiled_step_is_traced_once():
    found, grads = model()
    optimizer = optimizers.Adam(gradient_accumulation_steps=2, global_clipnorm=1.0)
    optimizer.build(found)
    step = jit(optimizer.apply)
    for _ in range(5):
        step(grads)
    assert step.traces == 1 and not step.fallback
    assert int(optimizer.iterations) == 2


def test_names_of_older_keras_work_with_one_note(caplog, monkeypatch):
    monkeypatch.setattr(legacy, "_told", set())
    with caplog.at_level(logging.WARNING, logger="minikeras"):
        optimizer = optimizers.SGD(lr=0.5, decay=1.0)
        optimizers.Adam(lr=0.5, decay=1.0)
    assert [r.message.split("=")[0] for r in caplog.records] == [
        "optimizers: `lr",
        "optimizers: `decay",
    ]
    found, grads = model()
    for _ in range(2):
        optimizer.apply(grads, found)
    # 0.5 / (1 + 0), then 0.5 / (1 + 1)
    assert found[0].numpy().tolist() == [0.25, 1.25]
    assert float(optimizers.SGD(lr=0.5).lr) == 0.5
    with pytest.raises(ValueError, match="schedule without decay"):
        optimizers.SGD(schedules.CosineDecay(0.1, 2), decay=0.1)


def test_constraints_hold_after_the_step():
    found, grads = model()
    found[0].constraint = constraints.NonNeg()
    optimizers.SGD(1.5).apply(grads, found)
    assert found[0].numpy().tolist() == [0.0, 0.5]
    assert found[1].numpy().tolist() == [-0.5, 0.5]


@pytest.mark.parametrize("by_name", [False, True])
def test_excluded_variables_do_not_decay(by_name):
    found, _ = model()
    optimizer = optimizers.SGD(0.5, weight_decay=0.5)
    chosen = {"var_names": ["bia"]} if by_name else {"var_list": found[1:]}
    optimizer.exclude_from_weight_decay(**chosen)
    optimizer.apply([np.zeros(2), np.zeros(2)], found)
    assert found[0].numpy().tolist() == [0.75, 1.5]
    assert found[1].numpy().tolist() == [1.0, 2.0]


def test_averages_replace_the_variables_in_the_end():
    found, grads = model()
    optimizer = optimizers.SGD(0.5, use_ema=True, ema_momentum=0.5)
    for _ in range(2):
        optimizer.apply(grads, found)
    assert found[0].numpy().tolist() == [0.0, 1.0]
    optimizer.finalize_variable_values(found)
    assert found[0].numpy().tolist() == [0.25, 1.25]
    with pytest.raises(ValueError, match=r"no averages of \['w'\]"):
        optimizer.finalize_variable_values([minikeras.Variable([1.0], name="w")])


def test_variables_overwritten_with_their_gradient():
    found, grads = model()
    found[1].overwrite_with_gradient = True
    optimizer = optimizers.Adam(0.5)
    optimizer.apply(grads, found)
    assert found[1].numpy().tolist() == [1.0, 1.0]
    assert len(optimizer.variables) == 4


def test_custom_optimizer_tracks_its_variables():
    class Counting(optimizers.Optimizer):
        def build(self, variables):
            super().build(variables)
            self.seen = minikeras.Variable(0.0, name="seen", trainable=False)

        def update_step(self, gradient, variable, learning_rate):
            self.assign_add(self.seen, 1.0)
            self.assign_sub(variable, gradient * learning_rate)

    found, grads = model()
    optimizer = Counting(0.5)
    optimizer.apply(grads, found)
    assert [v.name for v in optimizer.variables] == [
        "iteration",
        "learning_rate",
        "seen",
    ]
    assert float(optimizer.seen) == 2.0
    with pytest.raises(NotImplementedError, match="must define update_step"):
        optimizers.Optimizer(0.1).apply(grads, found)


def test_state_is_saved_and_loaded():
    found, grads = model()
    optimizer, other = optimizers.Adam(0.1), optimizers.Adam(0.2)
    optimizer.apply(grads, found)
    store = {}
    optimizer.save_own_variables(store)
    assert list(store) == ["0", "1", "2", "3", "4", "5"]
    with pytest.warns(UserWarning, match="its state is not loaded"):
        other.load_own_variables(store)
    other.build(found)
    other.load_own_variables(store)
    for a, b in zip(optimizer.variables, other.variables, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_get():
    assert optimizers.get(None) is None
    assert isinstance(optimizers.get("ADAMW"), optimizers.AdamW)
    assert isinstance(optimizers.get(optimizers.SGD), optimizers.SGD)
    with pytest.raises(ValueError, match="nonsense"):
        optimizers.get("nonsense")
    with pytest.raises(ValueError, match="3 is no optimizer"):
        optimizers.get(3)


# Gradients, and what keras 3.15 (stateless_apply) gives for them: first value of the
# variable, count of good steps, scale.
SCALED = [
    ([8.0, 8.0], 0.9, 1, 8.0),
    ([np.inf, 1.0], 0.9, 0, 4.0),
    ([4.0, 4.0], 0.8, 1, 4.0),
    ([8.0, 8.0], 0.6, 0, 8.0),
    ([8.0, 8.0], 0.5, 1, 8.0),
    ([np.nan, 0.0], 0.5, 0, 4.0),
]


@pytest.mark.parametrize("compiled", [False, True])
def test_loss_scale_finds_its_size(compiled):
    found = minikeras.Variable([1.0, 2.0], name="v")
    optimizer = optimizers.LossScaleOptimizer(
        optimizers.SGD(0.1), initial_scale=8.0, dynamic_growth_steps=2
    )
    optimizer.build([found])
    step = jit(optimizer.apply) if compiled else optimizer.apply
    for gradient, value, good, scale in SCALED:
        step([np.float32(gradient)])
        assert float(found[0]) == pytest.approx(value)
        assert (int(optimizer.step_counter), float(optimizer.dynamic_scale)) == (
            good,
            scale,
        )
    assert int(optimizer.iterations) == 4
    assert float(optimizer.scale_loss(2.0)) == 8.0


def test_loss_scale_keeps_settings_inside():
    optimizer = optimizers.LossScaleOptimizer(optimizers.SGD(0.1), name="scaled")
    optimizer.learning_rate = 0.5
    assert float(optimizer.inner_optimizer.learning_rate) == 0.5
    again = optimizers.deserialize(optimizers.serialize(optimizer))
    assert again.get_config() == optimizer.get_config()
    with pytest.raises(ValueError, match="set it on the inner optimizer"):
        optimizers.LossScaleOptimizer(optimizers.SGD(), clipnorm=1.0)


def test_loss_scale_takes_what_older_keras_took(lib):
    scaled = lib.optimizers.LossScaleOptimizer
    assert scaled(lib.optimizers.SGD(), dynamic=True).dynamic_growth_steps == 2000
    with pytest.raises(ValueError, match="loss_scale_factor"):
        scaled(lib.optimizers.SGD(), dynamic=False)


@pytest.mark.parametrize("factor", [None, 100.0])
def test_loss_scale_is_the_only_scale(lib, factor):
    """The inner optimizer's own is not used; what overwrites a variable is not scaled."""
    inner = lib.optimizers.SGD(0.5, loss_scale_factor=factor)
    optimizer = lib.optimizers.LossScaleOptimizer(inner, initial_scale=8.0)
    moved, replaced = lib.Variable([1.0, 2.0]), lib.Variable([3.0, 4.0])
    replaced.overwrite_with_gradient = True
    optimizer.build([moved, replaced])
    grads = [np.float32([80.0, 8.0]), np.float32([6.0, 7.0])]
    grads = [lib.ops.convert_to_tensor(g) for g in grads]
    values, state = optimizer.stateless_apply(
        optimizer.variables, grads, [moved.value, replaced.value]
    )
    found = [np.asarray(v).tolist() for v in values]
    assert found == [[-4.0, 1.5], [6.0, 7.0]]
    assert len(state) == 6


def test_accumulated_gradients_that_overwrite(lib):
    """The last one takes its variable's place, when the others are updated."""
    optimizer = lib.optimizers.SGD(1.0, gradient_accumulation_steps=2)
    replaced, moved = lib.Variable([1.0, 2.0]), lib.Variable([1.0, 2.0])
    replaced.overwrite_with_gradient = True
    optimizer.build([replaced, moved])
    seen = []
    for i in (1.0, 2.0, 3.0, 4.0):
        optimizer.apply([lib.ops.ones(2) * i, lib.ops.ones(2)], [replaced, moved])
        seen.append([np.asarray(v).tolist() for v in (replaced, moved)])
    assert seen == [
        [[1.0, 2.0], [1.0, 2.0]],
        [[2.0, 2.0], [0.0, 1.0]],
        [[2.0, 2.0], [0.0, 1.0]],
        [[4.0, 4.0], [-1.0, 0.0]],
    ]


def test_the_parts_of_a_step_of_muon(lib):
    muon = lib.optimizers.Muon(0.5, rms_rate=0.2)
    x = np.arange(6, dtype="float32").reshape(2, 3)
    wide, tall = lib.ops.convert_to_tensor(x), lib.ops.convert_to_tensor(x.T)
    scaled = np.asarray(muon.lr_adjust(wide))
    np.testing.assert_allclose(scaled, x * 0.2 * np.sqrt(3), rtol=1e-6)
    assert lib.optimizers.Muon(0.5, rms_rate=None).lr_adjust(wide) is wide
    assert muon.transpose_last_axis(lib.ops.ones((4, 2, 3))).shape == (4, 3, 2)
    whole = np.asarray(muon.zeropower_via_newtonschulz5(wide, 5))
    expected = [[-0.49157, 0.01433, 0.52023], [0.42922, 0.40844, 0.38766]]
    np.testing.assert_allclose(whole, expected, atol=1e-4)
    turned = np.asarray(muon.zeropower_via_newtonschulz5(tall, 5))
    np.testing.assert_allclose(turned, whole.T, atol=1e-4)


def test_muon_makes_many_matrices_orthogonal_one_by_one():
    muon = optimizers.Muon(0.5)
    x = np.random.default_rng(0).normal(size=(3, 4, 2)).astype("float32")
    many = muon.zeropower_via_newtonschulz5(minikeras.ops.convert_to_tensor(x), 5)
    for one, found in zip(x, many.numpy(), strict=True):
        alone = muon.zeropower_via_newtonschulz5(
            minikeras.ops.convert_to_tensor(one), 5
        )
        np.testing.assert_allclose(found, alone.numpy(), atol=1e-5)
    for part in (muon.lr_adjust, lambda v: muon.zeropower_via_newtonschulz5(v, 5)):
        with pytest.raises(ValueError, match="expected a matrix"):
            part(minikeras.ops.ones(3))


def test_an_optimizer_map_is_a_function_of_variables(lib):
    slow, fast = lib.optimizers.SGD(), lib.optimizers.SGD()
    chosen = lib.optimizers.OptimizerMap(slow, {"body/.*": fast})
    with lib.name_scope("body"):
        inside = lib.Variable([1.0], name="v")
    assert chosen(inside) is fast and chosen(lib.Variable([1.0], name="v")) is slow


@pytest.mark.parametrize("kind", ["MultiOptimizer", "LossScaleOptimizer"])
def test_optimizers_with_others_inside_are_not_chosen(lib, kind):
    plain = lib.optimizers.SGD()
    inside = lib.optimizers.OptimizerMap(plain)
    nested = getattr(lib.optimizers, kind)(inside if kind[0] == "M" else plain)
    with pytest.raises(ValueError, match=kind):
        inside[".*"] = nested
    with pytest.raises(ValueError, match=kind):
        lib.optimizers.MultiOptimizer(lambda v: nested).build([lib.Variable([1.0])])


def test_one_optimizer_for_all_and_what_is_none():
    v = minikeras.Variable([1.0])
    optimizer = optimizers.MultiOptimizer(optimizers.SGD(0.5))
    optimizer.apply([[1.0]], [v])
    assert v.numpy().tolist() == [0.5]
    with pytest.raises(ValueError, match=r"gives 3 for variable .*expected an Opt"):
        optimizers.MultiOptimizer(lambda v: 3).build([v])


def test_multi_optimizer_gives_each_variable_to_one():
    found, grads = model()
    chosen = optimizers.OptimizerMap(
        optimizers.SGD(0.5, name="slow"), {"ker.*": optimizers.SGD(1.0, name="fast")}
    )
    optimizer = optimizers.MultiOptimizer(chosen, name="both")
    jit(optimizer.apply)  # making it must not build it
    optimizer.apply(grads, found)
    assert found[0].numpy().tolist() == [0.0, 1.0]
    assert found[1].numpy().tolist() == [0.5, 1.5]
    assert [v.path for v in optimizer.variables] == [
        "both/iteration",
        "both/learning_rate",
        "fast/iteration",
        "fast/learning_rate",
        "slow/iteration",
        "slow/learning_rate",
    ]
    assert [int(v) for v in optimizer.variables[::2]] == [1, 1, 1]
    again = optimizers.deserialize(optimizers.serialize(optimizer))
    assert again.get_config() == optimizer.get_config()
    with pytest.raises(AttributeError, match="no learning rate"):
        _ = optimizer.learning_rate


def test_multi_optimizer_by_a_function():
    found, grads = model()
    made = {"kernel": optimizers.SGD(1.0), "bias": optimizers.SGD(0.5)}
    optimizer = optimizers.MultiOptimizer(lambda v: made[v.name], loss_scale_factor=2.0)
    optimizer.apply(grads, found)
    assert found[0].numpy().tolist() == [0.5, 1.5]
    assert found[1].numpy().tolist() == [0.75, 1.75]
    assert optimizer.scale_loss(3.0) == 6.0 and len(optimizer.optimizers) == 2


def test_optimizer_map_refuses_doubt():
    chosen = optimizers.OptimizerMap(optimizers.SGD(), {"a.*": optimizers.SGD()})
    chosen[".*b"] = optimizers.SGD()
    assert "a.*" in chosen and list(chosen) == ["a.*", ".*b"]
    with pytest.raises(ValueError, match="is matched by"):
        chosen["ab"]
    with pytest.raises(ValueError, match="there already"):
        chosen["a.*"] = optimizers.SGD()
    with pytest.raises(ValueError, match="expected an Optimizer"):
        chosen["c"] = 3
    with pytest.raises(ValueError, match="expected a string"):
        chosen[3] = optimizers.SGD()
    del chosen["a.*"]
    assert len(chosen) == 1


@pytest.mark.parametrize(
    ("name", "kwargs"),
    [
        ("ExponentialDecay", {"decay_steps": 0, "decay_rate": 0.5}),
        ("InverseTimeDecay", {"decay_steps": -1, "decay_rate": 0.5}),
        ("PolynomialDecay", {"decay_steps": 0}),
        ("CosineDecay", {"decay_steps": 0}),
        ("CosineDecayRestarts", {"first_decay_steps": 0}),
    ],
)
def test_schedules_refuse_no_steps(name, kwargs):
    with pytest.raises(ValueError, match="expected a number above 0"):
        getattr(schedules, name)(0.1, **kwargs)
    with pytest.raises(ValueError, match="one more value than boundaries"):
        schedules.PiecewiseConstantDecay([1], [0.1])
