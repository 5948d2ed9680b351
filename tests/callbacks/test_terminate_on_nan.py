"""TerminateOnNaN with `debug`: which layer and op, which batch, and the batch itself."""

import numpy as np
import pytest

import minikeras as keras
from minikeras import callbacks as cb

ROWS = 20


def data(bad=None, value=-1.0):
    """Positive inputs, but for one row."""
    x = np.linspace(1, 2, ROWS * 3, dtype="float32").reshape(ROWS, 3)
    if bad is not None:
        x[bad] = value
    return x, x.sum(1, keepdims=True)


class Logs(keras.layers.Layer):
    def call(self, x):
        return keras.ops.log(x)


def model(*layers, **compile_arguments):
    made = keras.Sequential([keras.Input((3,)), *layers, keras.layers.Dense(1)])
    made.compile(keras.optimizers.SGD(0.01), "mse", **compile_arguments)
    return made


@pytest.mark.parametrize("every", [1, 3])
def test_the_layer_the_op_and_the_batch_are_named(backend, every, tmp_path, capsys):
    inner = keras.Sequential([keras.Input((3,)), Logs(name="roots")], name="inner")
    net = model(keras.layers.Dropout(0.1), inner, steps_per_execution=every)
    net.layers[0].rate = 0.0
    x, y = data(bad=13)
    path = tmp_path / "bad.npz"
    guard = cb.TerminateOnNaN(debug=path)
    history = net.fit(x, y, 4, 3, 0, [guard], shuffle=False).history
    assert len(history["loss"]) == 1
    (found,) = guard.findings
    assert (found.value, found.op, found.count, found.shape) == (
        "NaN",
        "log",
        3,
        (4, 3),
    )
    assert found.path.endswith("inner/roots") and found.phase == ""
    said = capsys.readouterr().out
    assert "In batch 3: op 'log' in layer" in said and str(path) in said
    saved = np.load(path)
    assert sorted(saved) == ["x", "y"]
    np.testing.assert_array_equal(saved["x"], x[12:16])
    np.testing.assert_array_equal(saved["y"], y[12:16])


def test_the_weights_that_the_batch_met_are_used(tmp_path):
    """Weights that overflow: afterwards they are NaN, and the first op would be blamed."""
    net = model(keras.layers.Dense(4, name="first"), keras.layers.Dense(4, name="deep"))
    net.compile(keras.optimizers.SGD(1e18), "mse")
    x, y = data()
    guard = cb.TerminateOnNaN(raise_error=True, debug=tmp_path / "b.npz")
    with pytest.raises(RuntimeError, match=r"The loss of batch \d+ is (inf|nan)") as e:
        net.fit(x, y, 5, 9, 0, [guard], shuffle=False)
    assert guard.findings[0].path == f"{net.name}/{net.layers[-1].name}"
    assert "Not finite before it" not in str(e.value)
    after = net.get_weights()
    assert not all(np.isfinite(w).all() for w in after)  # as training left them


def test_nan_in_the_data_is_told(tmp_path):
    x, y = data(bad=0, value=np.nan)
    guard = cb.TerminateOnNaN(raise_error=True, debug=tmp_path / "b.npz")
    with pytest.raises(RuntimeError, match="The data hold NaN or infinity already: x"):
        model().fit(x, y, 5, 1, 0, [guard], shuffle=False)
    x, y = data(bad=7, value=np.inf)
    net = model(keras.layers.Dense(4, name="first"), keras.layers.Dense(4, name="deep"))
    with pytest.raises(RuntimeError) as caught:
        net.fit(x, y, 5, 1, 0, [guard], shuffle=False)
    assert "In batch 1: op 'matmul' in layer" in str(caught.value)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_meets_it_first_is_named_where_nothing_makes_it(value, tmp_path):
    x, y = data(bad=7, value=value)
    net = model(keras.layers.ReLU(name="first"), keras.layers.ReLU(name="deep"))
    net.set_weights([np.ones((3, 1)), np.zeros(1)])
    guard = cb.TerminateOnNaN(raise_error=True, debug=tmp_path / "b.npz")
    kind = "NaN" if value != value else "infinity"
    place = rf"In batch 1: op '\w+' in layer '{net.name}/first' was the first to meet {kind}"
    with pytest.raises(RuntimeError, match=place):
        net.fit(x, y, 5, 1, 0, [guard], shuffle=False)
    if kind == "NaN":
        assert not guard.findings[0].made and guard.findings[0].count == 3


def test_weights_that_are_not_finite_are_met_where_they_are_used(tmp_path):
    x, y = data()
    net = model(keras.layers.Dense(4, name="first"), keras.layers.Dense(4, name="deep"))
    net.layers[1].kernel.assign(np.full((4, 4), np.nan))
    guard = cb.TerminateOnNaN(raise_error=True, debug=tmp_path / "b.npz")
    with pytest.raises(RuntimeError, match="deep' was the first to meet NaN"):
        net.fit(x, y, 5, 1, 0, [guard], shuffle=False)


def test_the_loss_and_the_gradient_are_told_apart(tmp_path):
    def bad_loss(y, p):
        return keras.ops.sqrt(keras.ops.mean(p, -1) * 0 - 1.0)

    net = model()
    net.compile("sgd", bad_loss)
    guard = cb.TerminateOnNaN(debug=tmp_path / "b.npz")
    net.fit(*data(), 5, 1, 0, [guard])
    assert (guard.findings[0].op, guard.findings[0].phase) == ("sqrt", "the loss")

    def steep(y, p):  # finite, with a slope that is not
        return keras.ops.mean(keras.ops.sqrt(p * 0.0), -1)

    net = model()
    net.compile("sgd", steep)
    guard = cb.TerminateOnNaN(debug=tmp_path / "b.npz")
    net.fit(*data(), 5, 2, 0, [guard])
    assert guard.findings and guard.findings[0].phase == "the gradient"


def test_inputs_in_a_dict_are_saved_by_name(tmp_path):
    a, b = keras.Input((3,), name="a"), keras.Input((3,), name="b")
    out = keras.layers.Dense(1)(keras.layers.Add()([a, Logs()(b)]))
    net = keras.Model({"a": a, "b": b}, out)
    net.compile("sgd", "mse")
    x, y = data(bad=1)
    guard = cb.TerminateOnNaN(debug=tmp_path / "b.npz")
    weights = np.ones(ROWS, "float32")
    net.fit({"a": x, "b": x}, y, 5, 1, 0, [guard], sample_weight=weights)
    assert sorted(np.load(tmp_path / "b.npz")) == ["sample_weight", "x.a", "x.b", "y"]


def test_nothing_is_kept_without_debug():
    guard = cb.TerminateOnNaN()
    model().fit(*data(), 5, 1, 0, [guard])
    assert not guard._batches and not guard._values and not guard._sees_batches


def test_an_update_that_breaks_the_weights_is_found_in_the_batch_before(tmp_path):
    class Steep(keras.layers.Layer):
        def call(self, x):  # finite, with a slope that is not
            return keras.ops.sqrt(keras.ops.mean(x, -1, keepdims=True) * 0.0)

    x, y = data()
    net = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(2), Steep(name="steep")]
    )
    net.compile("sgd", "mse")
    guard = cb.TerminateOnNaN(debug=tmp_path / "b.npz")
    net.fit(x, y, 5, 1, 0, [guard], shuffle=False)
    found = guard.findings[0]
    assert (found.path.split("/")[-1], found.phase) == ("steep", "the gradient")
    np.testing.assert_array_equal(np.load(tmp_path / "b.npz")["x"], x[:5])
