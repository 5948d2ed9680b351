"""Losses, weights and metrics for outputs in nested lists and dicts."""

import numpy as np
import pytest

import minikeras as keras

X = np.ones((4, 3), "float32")
YA, YB, YC = np.zeros((4, 1)), np.zeros((4, 2)), np.ones((4, 1))
WEIGHT = np.array([0.0, 1.0, 2.0, 3.0])  # the samples' losses are equal: times 1.5

FLAT = (lambda a, b, c: [a, b, c], [YA, YB, YC])
NAMED = (lambda a, b, c: {"x": a, "y": b, "z": c}, {"x": YA, "y": YB, "z": YC})
TUPLES = (lambda a, b, c: (a, (b, c)), (YA, (YB, YC)))
LISTS = (lambda a, b, c: [a, [b, c]], [YA, [YB, YC]])
DICTS = (
    lambda a, b, c: {"a": a, "b": {"c": b, "d": c}},
    {"a": YA, "b": {"c": YB, "d": YC}},
)
DEEP = (lambda a, b, c: {"p": [{"q": (a, b)}, c]}, {"p": [{"q": (YA, YB)}, YC]})


def build(lib, wrap):
    """Outputs `da` (3, 3, 3, 3), `db` (3 twice each) and `dc` (0)."""
    inputs = lib.Input((3,))
    ends = [
        lib.layers.Dense(units, kernel_initializer=kind, name=name)(inputs)
        for units, kind, name in (
            (1, "ones", "da"),
            (2, "ones", "db"),
            (1, "zeros", "dc"),
        )
    ]
    return lib.Model(inputs, wrap(*ends))


def pair(lib):
    """A loss of two tensors at once: MSE of the first plus three times MAE of the other."""

    def pair(truth, pred):
        truth, pred = (
            list(v.values()) if isinstance(v, dict) else v for v in (truth, pred)
        )
        square = lib.ops.mean(lib.ops.square(truth[0] - pred[0]), -1)
        return square + 3 * lib.ops.mean(lib.ops.abs(truth[1] - pred[1]), -1)

    return pair


# Outputs and targets, arguments of compile, what is logged. "pair" is the loss above.
CASES = {
    "one for all tuples": (TUPLES, {"loss": "mse"},
        {"1/db_loss": 9, "1/dc_loss": 1, "da_loss": 9, "loss": 19}),
    "one for all dicts": (DICTS, {"loss": "mse"},
        {"a_loss": 9, "b/c_loss": 9, "b/d_loss": 1, "loss": 19}),
    "one for all, deep": (DEEP, {"loss": "mse"},
        {"loss": 19, "p/0/q/da_loss": 9, "p/0/q/db_loss": 9, "p/dc_loss": 1}),
    "a tuple's loss": (TUPLES, {"loss": ("mae", "pair")},
        {"1_loss": 12, "da_loss": 3, "loss": 15}),
    "a dict's loss": (DICTS, {"loss": {"a": "mae", "b": "pair"}},
        {"a_loss": 3, "b_loss": 12, "loss": 15}),
    "a deep part's loss": (DEEP, {"loss": {"p": [{"q": "pair"}, "mae"]}},
        {"loss": 19, "p/0/q_loss": 18, "p/dc_loss": 1}),
    "a part's weight": (
        DICTS,
        {"loss": {"a": "mae", "b": "pair"}, "loss_weights": {"a": 2.0, "b": 0.5}},
        {"a_loss": 3, "b_loss": 12, "loss": 12}),
    "each a loss and a weight": (
        LISTS,
        {"loss": ["mse", ["mae", "mse"]], "loss_weights": [1.0, [2.0, 3.0]]},
        {"1/db_loss": 3, "1/dc_loss": 1, "da_loss": 9, "loss": 18}),
    "one left out": (NAMED, {"loss": {"x": "mse", "z": "mae"}},
        {"loss": 10, "x_loss": 9, "z_loss": 1}),
    "all but one left out": (DICTS, {"loss": {"b": {"c": "mse"}}}, {"loss": 9}),
    "None for a part": (DICTS, {"loss": {"a": "mse", "b": None}}, {"loss": 9}),
    "of the whole and of each": (
        TUPLES, {"loss": ["all", ("mae", ("mse", "mae"))]},
        {"1/db_loss": 9, "1/dc_loss": 1, "da_db_dc_loss": 7, "da_loss": 3, "loss": 20}),
    "of a whole dict and of some": (
        NAMED, {"loss": [{"x": "mse"}, "all"]},
        {"loss": 16, "x_loss": 9, "x_y_z_loss": 7}),
    "of a part and of some of it, weighted": (
        DICTS,
        {"loss": {"a": "mae", "b": ["pair", {"c": "mse", "d": None}]},
         "loss_weights": {"a": 2.0, "b": [0.5, {"c": 3.0, "d": 1.0}]}},
        {"a_loss": 3, "b/c_loss": 9, "b_loss": 12, "loss": 39}),
    "metrics in dicts": (
        DICTS,
        {"loss": "mse", "metrics": {"a": "mae", "b": {"c": "mae", "d": "mse"}}},
        {"a_loss": 9, "b/c_loss": 9, "b/d_loss": 1, "da_mae": 3, "db_mae": 3,
         "dc_mse": 1, "loss": 19}),
    "metrics in lists": (
        LISTS,
        {"loss": "mse", "metrics": [["mae"], [["mse", "mae"], ["mae"]]]},
        {"1/db_loss": 9, "1/dc_loss": 1, "da_loss": 9, "da_mae": 3, "db_mae": 3,
         "db_mse": 9, "dc_mae": 1, "loss": 19}),
    "both kinds of metrics": (
        NAMED,
        {"loss": {"x": "mse"}, "metrics": {"x": "mae"}, "weighted_metrics": {"x": "mae"}},
        {"loss": 9, "x_mae": 3, "x_weighted_mae": 3}),
}  # fmt: skip


def everything(lib):
    """A loss of all outputs: the sum of the means of their distances to the targets."""

    def everything(truth, pred):
        parts = zip(lib.tree.flatten(truth), lib.tree.flatten(pred), strict=True)
        return sum(lib.ops.mean(lib.ops.abs(a - b)) for a, b in parts)

    return everything


def compiled(lib, case):
    (wrap, y), arguments, logs = CASES[case]
    fill = {"pair": pair(lib), "all": everything(lib)}
    arguments = {
        key: keras.tree.map_structure(lambda v: fill.get(v, v), value)
        for key, value in arguments.items()
    }
    model = build(lib, wrap)
    model.compile(lib.optimizers.SGD(0.0), **arguments)
    return model, y, logs


@pytest.mark.parametrize("case", CASES)
def test_what_is_logged(lib, case):
    model, y, logs = compiled(lib, case)
    assert model.evaluate(X, y, verbose=0, return_dict=True) == pytest.approx(logs)


@pytest.mark.parametrize("case", CASES)
def test_training_logs_the_same_in_order(case):
    model, y, logs = compiled(keras, case)
    history = model.fit(X, y, verbose=0).history
    assert list(history) == sorted(logs)
    assert {k: v[0] for k, v in history.items()} == pytest.approx(logs)


def test_several_losses_of_one_output_are_added():
    """Keras logs the last one alone, and of a model's only output trains on the first."""
    model = build(keras, NAMED[0])
    losses = {"x": ["mse", "mae"], "z": "mae"}
    for weights, total in ((None, 13), ({"x": [1.0, 2.0], "z": 1.0}, 16), (2.0, 26)):
        model.compile("sgd", losses, loss_weights=weights)
        found = model.evaluate(X, NAMED[1], verbose=0, return_dict=True)
        assert found == pytest.approx({"x_loss": 12, "z_loss": 1, "loss": total})
    one = build(keras, lambda a, b, c: a)
    one.compile(keras.optimizers.SGD(0.1), ["mse", "mae"], loss_weights=[1.0, 2.0])
    assert one.evaluate(X, YA, verbose=0) == pytest.approx([15, 12])
    one.fit(X, YA, verbose=0)  # the gradients are 2 * 3 and 2 * 1
    np.testing.assert_allclose(one.get_weights()[1], [-0.8], rtol=1e-6)


def test_a_list_that_lines_up_with_nested_outputs_has_a_loss_for_each():
    """Whatever the kinds of lists; in Keras they decide."""
    model = build(keras, lambda a, b, c: ((a, b), c))
    logs = {"0/da_loss": 9, "0/db_loss": 3, "dc_loss": 1, "loss": 13}
    for losses in ([("mse", "mae"), "mae"], (["mse", "mae"], "mae")):
        for weights in (None, {"da": 1.0, "db": 1.0, "dc": 1.0}):
            model.compile("sgd", losses, loss_weights=weights)
            found = model.evaluate(X, ((YA, YB), YC), verbose=0, return_dict=True)
            assert found == pytest.approx(logs)


def test_losses_that_a_compute_loss_of_ones_own_does_not_use():
    class Own(keras.Model):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
            return keras.ops.mean(y_pred)

    inputs = keras.Input((3,))
    model = Own(inputs, keras.layers.Dense(1, kernel_initializer="ones")(inputs))
    model.compile("sgd", loss=["mse", "mae", "mse"])
    assert model.fit(X, (YA, YB), verbose=0).history["loss"] == [3.0]


def test_a_compute_loss_of_ones_own_hands_on_other_parts_than_outputs(lib):
    class Own(lib.Model):
        def compute_loss(self, x, y, y_pred, sample_weight=None, training=True):
            return super().compute_loss(x, y, [y_pred, y_pred * 2], sample_weight)

    inputs = lib.Input((3,))
    model = Own(inputs, lib.layers.Dense(1, kernel_initializer="ones")(inputs))
    model.compile(lib.optimizers.SGD(0.0), loss=["mse", "mae"])
    for _ in range(2):
        assert model.fit(X, (YA, YC), verbose=0).history["loss"] == [14.0]


def test_gradients_reach_what_has_a_loss_and_nothing_else(lib):
    model = build(lib, NAMED[0])
    model.compile(lib.optimizers.SGD(0.1), {"x": "mse"})
    before = model.get_weights()
    model.fit(X, {"x": YA}, verbose=0)  # no targets for the others
    same = [np.array_equal(a, b) for a, b in zip(before, model.get_weights())]
    assert same == [False, False, True, True, True, True]


def test_sample_weights_of_nested_outputs(lib):
    wrap, y = LISTS
    model = build(lib, wrap)
    model.compile(lib.optimizers.SGD(0.0), ["mse", ["mae", "mse"]])
    logs = {"1/db_loss": 4.5, "1/dc_loss": 1.5, "da_loss": 13.5, "loss": 19.5}
    for weight in (WEIGHT, [WEIGHT, [WEIGHT, WEIGHT]]):
        found = model.evaluate(X, y, sample_weight=weight, verbose=0, return_dict=True)
        assert found == pytest.approx(logs)


def test_targets_only_for_the_outputs_with_a_loss(lib):
    model = build(lib, FLAT[0])
    model.compile(lib.optimizers.SGD(0.0), ["mse", None, "mae"])
    for y in ([YA, YC], [YA, None, YC]):
        found = model.evaluate(X, y, verbose=0, return_dict=True)
        assert found == pytest.approx({"da_loss": 9, "dc_loss": 1, "loss": 10})


@pytest.mark.parametrize(
    "wrap", [FLAT, NAMED, TUPLES, DEEP], ids=lambda w: str(w[1])[:9]
)
def test_one_array_is_the_target_of_the_one_output_with_a_loss(lib, wrap):
    if lib is not keras and wrap is not FLAT:
        pytest.skip("keras has no loss for such outputs, or takes no one array")
    one = {
        str(FLAT): [None, None, "mae"],
        str(NAMED): {"z": "mae"},
        str(TUPLES): (None, (None, "mae")),
        str(DEEP): {"p": [None, "mae"]},
    }[str(wrap)]
    model = build(lib, wrap[0])
    model.compile(lib.optimizers.SGD(0.0), one)
    found = model.evaluate(X, YC, verbose=0, return_dict=True, sample_weight=WEIGHT)
    assert found == pytest.approx({"loss": 1.5})
    history = model.fit(X, YC, validation_data=(X, YC), verbose=0, batch_size=3).history
    assert history == {"loss": [1.0], "val_loss": [1.0]}


@pytest.mark.parametrize("y", [YC, [YC], [None, None, YC]], ids=["one", "list", "gaps"])
def test_metrics_of_the_one_output_with_a_loss_get_its_target(y):
    model = build(keras, FLAT[0])
    model.compile("sgd", [None, None, "mae"], metrics=[[], [], ["mse"]])
    found = model.evaluate(X, y, verbose=0, return_dict=True)
    assert found == pytest.approx({"loss": 1.0, "dc_mse": 1.0})
    model.compile("sgd", [None, None, "mae"], metrics=[[], ["mse"], []])
    with pytest.raises(ValueError, match="metric 'db_mse': y is None for its output"):
        model.train_on_batch(X, y)


def test_one_array_for_several_losses_is_refused():
    model = build(keras, FLAT[0])
    model.compile("sgd", ["mse", None, "mse"])
    with pytest.raises(ValueError, match=r"y is one .* for a model with 3 outputs"):
        model.train_on_batch(X, YA)


def test_a_dict_of_losses_by_the_names_of_a_lists_outputs_may_leave_some_out():
    model = build(keras, FLAT[0])
    model.compile(keras.optimizers.SGD(0.0), {"da": "mse", "dc": "mae"})
    for y in ({"da": YA, "dc": YC}, {"da": YA, "db": YB, "dc": YC}, [YA, YB, YC]):
        found = model.evaluate(X, y, verbose=0, return_dict=True)
        assert found == pytest.approx({"da_loss": 9, "dc_loss": 1, "loss": 10})


def test_a_weight_given_for_one_output_counts_for_that_one():
    model = build(keras, NAMED[0])
    model.compile(keras.optimizers.SGD(0.0), "mse", loss_weights={"x": 2.0})
    assert model.evaluate(X, NAMED[1], verbose=0)[0] == pytest.approx(28.0)


def test_one_weight_for_a_part(lib):
    if lib is not keras:
        pytest.skip("keras has no way to give it")
    model, y, _ = compiled(lib, "a dict's loss")
    for weight in (WEIGHT, {"a": WEIGHT, "b": WEIGHT}):
        found = model.evaluate(X, y, sample_weight=weight, verbose=0)
        assert found == pytest.approx([22.5, 4.5, 18.0])
    both = {"a": WEIGHT, "b": {"c": WEIGHT, "d": WEIGHT}}
    with pytest.raises(ValueError, match=r"sample_weight.*one for the whole part"):
        model.evaluate(X, y, sample_weight=both, verbose=0)


@pytest.mark.parametrize("losses", [{"x": "mse", "w": "mse"}, {"x": {"w": "mse"}}])
def test_a_loss_for_a_name_that_no_output_has(lib, losses):
    model = build(lib, NAMED[0])
    model.compile("sgd", losses)
    with pytest.raises(KeyError) as found:
        model.fit(X, NAMED[1], verbose=0)
    if lib is keras:
        assert isinstance(found.value, ValueError)
        assert str(found.value).startswith("compile: loss")


BAD = {
    "unknown key": ({"loss": {"a": "mse", "b": {"e": "mse"}}}, r"loss\['b'\] has keys \['e'\]"),
    "a list too long": ({"loss": {"a": "mse", "b": ["mse"] * 3}}, r"loss\['b'\] has 3 entries"),
    "one metric for a part": (
        {"loss": "mse", "metrics": {"b": "mae"}},
        "one 'mae' for several outputs under 'b'",
    ),
    "unknown key of metrics": (
        {"loss": "mse", "metrics": {"b": {"e": "mae"}}},
        r"metrics\['b'\] has keys \['e'\]",
    ),
    "a name of no output": (
        {"loss": {"a": {"z": "mse"}}}, r"loss\['a'\] has keys \['z'\]"),
    "fewer weights than losses": (
        {"loss": {"a": ["mse", "mae"]}, "loss_weights": {"a": [1.0, 2.0, 3.0]}},
        "3 entries for 2 losses"),
    "weights deeper than losses": (
        {"loss": {"b": "mse"}, "loss_weights": {"b": {"c": 1.0, "d": 2.0}}},
        "several entries for b",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_fits_no_output_is_an_error(case):
    arguments, message = BAD[case]
    model = build(keras, DICTS[0])
    model.compile(**arguments)
    with pytest.raises(ValueError, match=message):
        model.fit(X, DICTS[1], verbose=0)


def test_outputs_in_a_dict_keep_their_order():
    inputs = keras.Input((2,))
    outputs = {name: keras.layers.Dense(1)(inputs) for name in ("z", "a", "m")}
    model = keras.Model(inputs, outputs)
    x = np.ones((4, 2), "float32")
    for found in (model.predict(x, verbose=0), model.predict_on_batch(x), model(x)):
        assert list(found) == ["z", "a", "m"]
