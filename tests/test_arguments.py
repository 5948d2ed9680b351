"""Arguments that code written for keras gives, and the errors for those it does not."""

import numpy as np
import pytest

import minikeras
from minikeras import callbacks, dtype_policies


def test_name_scope():
    with minikeras.name_scope("outer", caller=None, deduplicate=False) as scope:
        assert scope.name == "outer"
        with minikeras.name_scope("inner", override_parent=None):
            assert minikeras.Variable(0.0, name="v").path == "outer/inner/v"
        with minikeras.name_scope(""), scope:  # again, inside of itself
            assert minikeras.Variable(0.0, name="v").path == "outer/outer/v"
        assert minikeras.Variable(0.0, name="v").path == "outer/v"
    assert minikeras.Variable(0.0, name="v").path == "v"
    with pytest.raises(TypeError, match=r"\['colour'\]"):
        minikeras.name_scope("a", colour=3)
    for wrong in ("a/b", 3, None):
        with pytest.raises(ValueError, match="name_scope: name="):
            minikeras.name_scope(wrong)


def test_variable():
    for given, kept in ((None, "none"), ("none", "none"), ("mean", "mean")):
        assert minikeras.Variable(1.0, aggregation=given).aggregation == kept
    assert minikeras.Variable(1.0, layout=None, synchronization="on_read").shape == ()
    for wrong in ({"aggregation": "a"}, {"synchronization": "a"}, {"layout": "a"}):
        with pytest.raises(ValueError, match=f"Variable: {next(iter(wrong))}='a'"):
            minikeras.Variable(1.0, **wrong)
    with pytest.raises(TypeError, match=r"\['colour'\]"):
        minikeras.Variable(1.0, colour=1)


def test_dtype_policies():
    old = dtype_policies.FloatDTypePolicy("mixed_float16")
    assert isinstance(old, minikeras.DTypePolicy) and old.compute_dtype == "float16"
    assert old == minikeras.DTypePolicy("mixed_float16")
    dense = minikeras.layers.Dense(1, dtype=old)
    assert minikeras.layers.Dense.from_config(dense.get_config()).dtype_policy == old
    policies = dtype_policies.DTypePolicyMap("float32", {"a": "float16"})
    assert isinstance(policies, minikeras.DTypePolicy) and policies == policies
    assert policies != minikeras.DTypePolicy("float32") and len(policies) == 1
    again = dtype_policies.DTypePolicyMap.from_config(
        policies.get_config(), custom_objects={}
    )
    assert again == policies and dtype_policies.get(policies) is policies
    config = dtype_policies.serialize(policies)
    assert config["class_name"] == "DTypePolicyMap"
    assert dtype_policies.deserialize(config) == policies


def test_convert_input():
    policy = minikeras.DTypePolicy("float32")

    def dtype(x, autocast=True):
        return policy.convert_input(x, autocast, "float16").dtype

    assert dtype(np.ones(2)) == "float16" == dtype(minikeras.KerasTensor((2,)))
    assert dtype(np.ones(2, "int8")) == "int8"
    assert dtype(np.ones(2, "float64"), False) == "float64"
    for plain in (3.5, [1.5], "a", None):
        assert policy.convert_input(plain, True, "float16") is plain


def test_metrics_and_sequential():
    metric = minikeras.metrics.Mean()
    with pytest.raises(TypeError, match="initializer"):
        metric.add_variable((2,))
    assert metric.add_variable((2,), None).numpy().tolist() == [0, 0]
    model = minikeras.Sequential([minikeras.Input((2,)), minikeras.layers.Dense(1)])
    x = np.ones((1, 2), "float32")
    assert model(x, scale=3.0).tolist() == model(x).tolist()
    with pytest.raises(TypeError, match="colour"):
        minikeras.Sequential(colour=3)
    half = minikeras.Sequential([minikeras.layers.Dense(1)])
    half.dtype_policy = "float16"
    assert minikeras.Sequential.from_config(half.get_config()).dtype == "float16"


def test_callbacks():
    plateau = callbacks.ReduceLROnPlateau(cooldown=2, epsilon=1e-3)
    assert plateau.min_delta == 1e-4 and not plateau.in_cooldown()
    plateau.cooldown_counter = 1
    assert plateau.in_cooldown()
    stop = callbacks.EarlyStopping("loss")
    assert stop.get_monitor_value({"loss": 2.0}) == 2.0
    with pytest.warns(UserWarning, match="watches 'loss'"):
        assert stop.get_monitor_value({}) is None


def test_additive_attention_is_attention():
    layer = minikeras.layers.AdditiveAttention(seed=3, dropout=0.5)
    assert isinstance(layer, minikeras.layers.Attention)
    config = layer.get_config()
    assert "score_mode" not in config and config["seed"] == 3
    again = minikeras.layers.AdditiveAttention.from_config(config)
    x = np.ones((2, 3, 4), "float32")
    assert again([x, x]).shape == (2, 3, 4) and again.dropout == 0.5


def test_is_keras_tensor():
    assert minikeras.utils.is_keras_tensor(x=minikeras.KerasTensor((2,)))
    assert not minikeras.backend.is_keras_tensor(x=np.ones(2))


def test_older_names_of_layers():
    class Scale(minikeras.layers.Layer):
        def build(self, input_shape):
            self.factor = self.add_variable((1,), "ones", trainable=False, name="f")

    layer = Scale(name="scale")  # not by the class: other tests count its names too
    layer.build((2, 3))
    assert layer.factor.path == "scale/f" and layer.non_trainable_variables
    with pytest.raises(NotImplementedError, match=r"compile\(metrics"):
        layer.add_metric(1.0, name="a")


def test_parts_of_layers():
    x = np.ones((1, 2, 4), "float32")
    attention = minikeras.layers.MultiHeadAttention(2, 3)
    attention(x, x)
    names = ["query_dense", "key_dense", "value_dense", "output_dense"]
    kernels = [getattr(attention, name).kernel.shape for name in names]
    assert kernels == [(4, 2, 3)] * 3 + [(2, 3, 4)]
    spectral = minikeras.layers.SpectralNormalization(minikeras.layers.Dense(2))
    spectral(np.ones((1, 3), "float32"))
    u, kernel = spectral.normalized_weights()
    assert u.shape == (1, 2) and kernel.shape == (3, 2)
    for cell in (
        minikeras.layers.LSTMCell(3, dropout=0.5),
        minikeras.layers.GRUCell(3),
    ):
        cell.reset_dropout_mask()
        cell.reset_recurrent_dropout_mask()


def test_finite_gradients():
    scaled = minikeras.optimizers.LossScaleOptimizer(minikeras.optimizers.SGD())
    assert scaled.check_finite([np.ones(2), None])
    assert not scaled.check_finite([np.ones(2), np.float32([np.inf])])


def test_area_under_precision_and_recall():
    metric = minikeras.metrics.AUC(curve="PR")
    metric.update_state([0, 1, 1, 0], [0.1, 0.4, 0.9, 0.6])
    assert float(metric.interpolate_pr_auc()) == float(metric.result())


@pytest.mark.parametrize(
    ("kind", "wrong", "right"),
    [("initializers", "glorot_unifrom", "glorot_uniform"), ("regularizers", "l22", "l2"),
     ("constraints", "max_nrom", "max_norm"), ("activations", "rleu", "relu"),
     ("losses", "msee", "mse"), ("metrics", "acuracy", "accuracy"),
     ("optimizers", "adm", "adam")],
)  # fmt: skip
def test_a_misspelt_name_is_told_the_nearest(kind, wrong, right):
    with pytest.raises(ValueError, match=f"Did you mean '{right}'"):
        getattr(minikeras, kind).get(wrong)


@pytest.mark.parametrize(
    "kind",
    ["initializers", "regularizers", "constraints", "activations", "losses", "metrics",
     "optimizers"],
)  # fmt: skip
def test_arrays_print_shortly_in_errors(kind):
    with pytest.raises(ValueError, match=r"\[<ndarray \(90, 90\) float64>, ") as caught:
        getattr(minikeras, kind).get([np.ones((90, 90))] * 30)
    assert len(str(caught.value)) < 400


def test_unknown_names_of_modules_carry_what_python_proposes_names_by():
    for module in (minikeras, minikeras.layers):
        with pytest.raises(AttributeError) as caught:
            module.Dence  # noqa: B018  # only looked up
        assert caught.value.name == "Dence" and caught.value.obj is module


FAMILIES = ("layers", "initializers", "regularizers", "constraints", "losses", "metrics",
            "optimizers", "callbacks")  # fmt: skip
LONGEST = 360


@pytest.mark.parametrize("family", FAMILIES)
def test_errors_of_constructors_are_short(family):
    module = getattr(minikeras, family)
    classes = [c for c in vars(module).values() if isinstance(c, type)]
    classes += [getattr(module, name) for name in module.__all__]
    calls = [
        lambda made: made([*range(1000)]),
        lambda made: made(3, [*range(1000)]),
        lambda made: made("a" * 1000),
        lambda made: made(speed=[*range(1000)]),
        lambda made: made(3, speed=3),
    ]
    long = {}
    for made in dict.fromkeys(c for c in classes if isinstance(c, type)):
        for number, call in enumerate(calls):
            try:
                call(made)
            except Exception as error:
                if len(str(error)) > LONGEST:
                    long[made.__name__, number] = str(error)[:500]
    assert not long
