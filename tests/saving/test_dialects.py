"""Translations of old configs: dicts in, dicts out."""

import copy
import json

import numpy as np
import pytest

import minikeras as keras
from minikeras import layers, ops
from minikeras.saving import dialects
from minikeras.saving.dialects import nodes, paths, tf_functions, training, version
from minikeras.saving.tree import Entry, Group


def one(class_name, keras_version="2.4.0", **config):
    """The translation of one layer's config, without its name."""
    old = {"class_name": class_name, "config": {"name": "n", **config}}
    before = copy.deepcopy(old)
    new = dialects.modern_config(old, keras_version)
    assert old == before
    return new["class_name"], {k: v for k, v in new["config"].items() if k != "name"}


@pytest.mark.parametrize(
    ("text", "found"),
    [("2.2.4-tf", (2, 2)), ("1.2.1", (1, 2)), (b"3.15.0", (3, 15)), ("2.1.6-rc", (2, 1)),
     (None, None), ("of today", None), (3, None), ("9" * 5000, None)],
)  # fmt: skip
def test_versions(text, found):
    assert version.parse(text) == found


def test_configs_without_version_are_judged_by_their_form():
    dense = {"class_name": "Dense", "config": {"name": "d", "output_dim": 3}}
    assert version.guess({"class_name": "Sequential", "config": [dense]}) == (1, 2)
    old = {
        "layers": [
            {"class_name": "InputLayer", "config": {"batch_input_shape": [None]}}
        ]
    }
    assert version.guess(old) == (2, 15)
    made = keras.Sequential([keras.Input((2,)), layers.Dense(3, "hard_sigmoid")])
    config = json.loads(made.to_json())
    assert version.guess(config) == version.TODAY
    assert dialects.modern_config(config) == config


# --- Keras 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (("Dense", {"output_dim": 3, "init": "uniform", "bias": False, "input_dim": 5,
                    "W_regularizer": {"name": "WeightRegularizer", "l1": 0.0, "l2": 0.1},
                    "b_constraint": {"name": "MaxNorm", "m": 2, "axis": 0}}),
         ("Dense", {"units": 3, "kernel_initializer": "uniform", "use_bias": False,
                    "kernel_regularizer": {"class_name": "L1L2",
                                           "config": {"l1": 0.0, "l2": 0.1}},
                    "bias_constraint": {"class_name": "MaxNorm",
                                        "config": {"max_value": 2, "axis": 0}}})),
        (("Convolution1D", {"nb_filter": 2, "filter_length": 3, "subsample_length": 2,
                            "border_mode": "same"}),
         ("Conv1D", {"filters": 2, "kernel_size": 3, "strides": 2, "padding": "same"})),
        (("AtrousConvolution2D", {"nb_filter": 2, "nb_row": 3, "nb_col": 4,
                                  "atrous_rate": [2, 2], "dim_ordering": "th"}),
         ("Conv2D", {"filters": 2, "kernel_size": [3, 4], "dilation_rate": [2, 2],
                     "data_format": "channels_first"})),
        (("Convolution3D", {"nb_filter": 2, "kernel_dim1": 1, "kernel_dim2": 2,
                            "kernel_dim3": 3, "dim_ordering": "tf"}),
         ("Conv3D", {"filters": 2, "kernel_size": [1, 2, 3],
                     "data_format": "channels_last"})),
        (("MaxPooling1D", {"pool_length": 2, "stride": 3, "border_mode": "valid"}),
         ("MaxPooling1D", {"pool_size": 2, "strides": 3, "padding": "valid"})),
        (("Dropout", {"p": 0.3}), ("Dropout", {"rate": 0.3})),
        (("GaussianNoise", {"sigma": 0.3}), ("GaussianNoise", {"stddev": 0.3})),
        (("UpSampling1D", {"length": 3}), ("UpSampling1D", {"size": 3})),
        (("LSTM", {"output_dim": 2, "inner_init": "orthogonal", "forget_bias_init": "one",
                   "inner_activation": "sigmoid", "dropout_W": 0.1, "dropout_U": 0.2,
                   "U_regularizer": None, "consume_less": "gpu"}),
         ("LSTM", {"units": 2, "recurrent_initializer": "orthogonal",
                   "unit_forget_bias": True, "recurrent_activation": "sigmoid",
                   "dropout": 0.1, "recurrent_dropout": 0.2,
                   "recurrent_regularizer": None})),
        (("Embedding", {"input_dim": 5, "output_dim": 3, "init": "uniform",
                        "W_constraint": None}),
         ("Embedding", {"input_dim": 5, "output_dim": 3,
                        "embeddings_initializer": "uniform",
                        "embeddings_constraint": None})),
        (("PReLU", {"init": "zero"}), ("PReLU", {"alpha_initializer": "zero"})),
        (("Merge", {"mode": "concat", "concat_axis": 2, "dot_axes": -1}),
         ("Concatenate", {"axis": 2})),
        (("Merge", {"mode": "cos", "dot_axes": 1}),
         ("Dot", {"axes": 1, "normalize": True})),
        (("BatchNormalization", {"mode": 0, "beta_init": "zero", "epsilon": 1e-5}),
         ("BatchNormalization", {"beta_initializer": "zero", "epsilon": 1e-5})),
        (("TimeDistributedDense", {"output_dim": 3}), ("Dense", {"units": 3})),
    ],
    ids=lambda pair: pair[0],
)  # fmt: skip
def test_layers_of_keras_1(old, new):
    assert one(old[0], "1.2.2", **old[1]) == new
    class_name, config = new
    getattr(layers, class_name).from_config(config)


def test_what_keras_1_had_alone_is_refused():
    for name, config in (("Highway", {}), ("Merge", {"mode": ["l", None, None]}),
                         ("BatchNormalization", {"mode": 1})):  # fmt: skip
        with pytest.raises(ValueError, match="'n'"):
            one(name, "1.1.0", **config)


def test_a_sequential_of_keras_1_that_begins_with_branches():
    def dense(name, units, **more):
        config = {
            "name": name,
            "output_dim": units,
            "init": "one",
            "bias": True,
            **more,
        }
        return {"class_name": "Dense", "config": config}

    merge = {"class_name": "Merge", "config": {
        "name": "merge_1", "mode": "concat", "concat_axis": -1, "dot_axes": -1,
        "layers": [
            {"class_name": "Sequential",
             "config": [dense("left", 2, batch_input_shape=[None, 3])]},
            {"class_name": "Sequential",
             "config": [dense("right", 1, batch_input_shape=[None, 2])]},
        ]}}  # fmt: skip
    text = json.dumps(
        {"class_name": "Sequential", "config": [merge, dense("last", 1)],
         "keras_version": "1.2.1"}
    )  # fmt: skip
    model = keras.models.model_from_json(text)
    x, y = np.ones((2, 3), "float32"), np.ones((2, 2), "float32")
    np.testing.assert_array_equal(model([x, y]), np.full((2, 1), 3 + 3 + 2.0))
    assert keras.models.model_from_json(model.to_json()).count_params() == 15


# --- Keras 2


def test_hard_sigmoid_has_the_formula_of_then():
    _, config = one("Dense", units=2, activation="hard_sigmoid")
    old = keras.activations.get(config["activation"])
    x = np.array([-4.0, -2.4, 0.0, 1.0, 2.4, 2.6], "float32")
    want = [0, 0.02, 0.5, 0.7, 0.98, 1]
    np.testing.assert_allclose(old(x), want, atol=1e-6)
    assert abs(float(keras.activations.hard_sigmoid(x)[3]) - 2 / 3) < 1e-6
    _, config = one("LSTM", "1.2.2", output_dim=2, inner_activation="hard_sigmoid")
    assert config["recurrent_activation"] == "hard_sigmoid_keras2"
    assert layers.Dense.from_config({"units": 2, "activation": "hard_sigmoid_keras2"})
    assert one("Dense", "3.0.0", units=1, activation="hard_sigmoid")[1][
        "activation"
    ] == ("hard_sigmoid")


def test_other_meanings_of_keras_2():
    assert one("GRU", units=2)[1]["reset_after"] is False
    assert one("GRU", units=2, reset_after=True)[1]["reset_after"] is True
    assert "reset_after" not in one("GRU", "3.2.0", units=2)[1]
    assert one("CuDNNGRU", "2.1.0", units=2)[0] == "GRU"
    assert one("CuDNNLSTM", "2.1.0", units=2)[1]["recurrent_activation"] == "sigmoid"
    assert one("ThresholdedReLU", theta=0.5) == ("ReLU", {"threshold": 0.5})
    policy = {"class_name": "Policy", "config": {"name": "mixed_float16"}}
    assert (
        one("Dense", units=1, dtype=policy)[1]["dtype"]["class_name"] == "DTypePolicy"
    )
    infer = {"class_name": "PolicyV1", "config": {"name": "infer"}}
    assert one("Dense", units=1, dtype=infer)[1]["dtype"] is None
    assert one("Zeros", dtype="float32") == ("Zeros", {})
    with pytest.warns(UserWarning, match=r"AddLoss\(tensor\)"):
        assert one("AddLoss", unconditional=True) == ("Identity", {})
    with pytest.raises(ValueError, match="LocallyConnected1D"):
        one("LocallyConnected1D", filters=2)


def test_the_shape_in_a_first_layer_becomes_an_input():
    first = {"class_name": "SpatialDropout1D", "config": {
        "name": "s", "rate": 0.1, "batch_input_shape": [None, 4, 3], "noise_shape": None,
        "seed": None, "trainable": True, "dtype": "float32"}}  # fmt: skip
    with pytest.warns(UserWarning, match=r"SpatialDropout1D\(noise_shape\)"):
        model = keras.models.model_from_json(
            json.dumps({"class_name": "Sequential", "config": [first]})
        )
    assert model.input_shape == (None, 4, 3)


def test_calls_that_count_a_nested_models_making():
    """Of a nested model with n calls Keras 2 numbers them 1 to n."""
    inner = {"class_name": "Sequential", "name": "in", "config": {"name": "in", "layers": []},
             "inbound_nodes": [[["x", 0, 0, {}]], [["in", 1, 0, {}]]]}  # fmt: skip
    graph = {
        "layers": [{"class_name": "InputLayer", "name": "x", "config": {}, "inbound_nodes": []},
                   inner],
        "input_layers": [["x", 0, 0]], "output_layers": [["in", 2, 0]],
    }  # fmt: skip
    new = nodes.modern_graph(graph)
    assert new["output_layers"] == [["in", 1, 0]]
    (call,) = new["layers"][1]["inbound_nodes"][1]["args"]
    assert call["config"]["keras_history"] == ["in", 0, 0]
    assert nodes.modern_graph(new) == new
    assert nodes.unwrapped_ends(new)["output_layers"] == ["in", 1, 0]


def test_one_tensor_or_a_list_of_one():
    a = keras.Input((2,), name="a")
    config = keras.Model([a], [layers.Dense(1, name="d")(a)]).get_config()
    whole = {"class_name": "Functional", "config": json.loads(json.dumps(config))}
    for written, want in (("3.10.0", ["d", 0, 0]), ("3.11.0", [["d", 0, 0]])):
        assert dialects.modern_config(whole, written)["config"]["output_layers"] == want


def test_what_only_a_loss_needed_is_left_out():
    i = keras.Input((2,), name="i")
    config = json.loads(keras.Model(i, layers.Dense(1, name="d")(i)).to_json())
    sums = {"class_name": "TFOpLambda", "name": "s", "config": {"name": "s", "function": "odd"},
            "inbound_nodes": [["d", 0, 0, {}]]}  # fmt: skip
    loss = {"class_name": "AddLoss", "name": "a", "config": {"name": "a"},
            "inbound_nodes": [["s", 0, 0, {}]]}  # fmt: skip
    config["config"]["layers"] += [sums, loss]
    with pytest.warns(UserWarning, match="AddLoss"):
        new = dialects.modern_config(config, "2.9.0")
    assert [layer["name"] for layer in new["config"]["layers"]] == ["i", "d"]


def test_recurrent_calls_with_states():
    i, s = keras.Input((4, 2), name="i"), keras.Input((3,), name="s")
    model = keras.Model([i, s], layers.GRU(3, name="g")(i, initial_state=s))
    config = json.loads(model.to_json())
    gru = config["config"]["layers"][-1]
    gru["inbound_nodes"] = [[["i", 0, 0, {}], ["s", 0, 0, {}]]]
    new = dialects.modern_config(config, "2.3.0")
    (node,) = new["config"]["layers"][-1]["inbound_nodes"]
    assert set(node["kwargs"]) == {"initial_state"}
    x, y = np.ones((2, 4, 2), "float32"), np.ones((2, 3), "float32")
    again = keras.saving.deserialize_keras_object(new)
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(again([x, y]), model([x, y]))


@pytest.mark.parametrize("name", sorted(tf_functions._ROWS))
def test_every_function_of_tensorflow_has_its_op(name):
    op = tf_functions._ROWS[name].op
    place = ops.image if op.startswith("image.") else ops
    assert callable(getattr(place, op.split(".")[-1])), op


def test_functions_without_an_op_are_named():
    layer = {"class_name": "TFOpLambda", "name": "t", "config": {
        "name": "t", "function": "raw_ops.Odd"}, "inbound_nodes": [["x", 0, 0, {}]]}  # fmt: skip
    graph = {"layers": [layer], "input_layers": [], "output_layers": [["t", 0, 0]]}
    with pytest.raises(ValueError, match=r"tf\.raw_ops\.Odd"):
        dialects.modern_config({"class_name": "Functional", "config": graph}, "2.9.0")
    layer["config"]["function"] = "gather"
    layer["inbound_nodes"][0][3].update(indices=[0], batch_dims=1)
    with pytest.raises(ValueError, match="batch_dims=1"):
        dialects.modern_config({"class_name": "Functional", "config": graph}, "2.9.0")


def test_a_config_that_is_too_deep():
    deep = {"class_name": "Dense", "config": {}}
    for _ in range(150):
        deep = {"class_name": "Wrapper", "config": {"layer": deep}}
    with pytest.raises(ValueError, match="200 deep"):
        dialects.modern_config(deep, "2.4.0")


# --- training


def test_optimizers_losses_and_metrics():
    old = {
        "optimizer_config": {"class_name": "Adam", "config": {
            "lr": 0.5, "decay": 0.1, "epsilon": None, "beta_1": 0.8}},
        "loss": {"class_name": "BinaryCrossentropy", "config": {
            "reduction": "auto", "name": "b", "from_logits": True}},
        "metrics": [[{"class_name": "MeanMetricWrapper", "config": {
            "name": "accuracy", "dtype": "float32", "fn": "binary_accuracy"}},
            {"class_name": "AUC", "config": {"name": "auc", "dtype": "float32"}}]],
        "sample_weight_mode": None, "loss_weights": None,
    }  # fmt: skip
    new = training.modern_compile_config(old, (2, 4))
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
    model.compile(
        **{k: keras.saving.deserialize_keras_object(v) for k, v in new.items()}
    )
    schedule = model.optimizer.get_config()["learning_rate"]
    assert schedule["class_name"] == "InverseTimeDecay"
    assert schedule["config"]["decay_rate"] == 0.1
    assert model.optimizer.beta_1 == 0.8 and model.optimizer.epsilon == 1e-7
    loss = model.loss.get_config()
    assert (loss["from_logits"], loss["reduction"]) == (True, "sum_over_batch_size")
    assert new["metrics"][0] == "accuracy"
    logs = model.train_on_batch(np.ones((2, 2)), np.ones((2, 1)), return_dict=True)
    assert set(logs) == {"loss", "accuracy", "auc"}


def test_metrics_of_several_outputs():
    for metrics in (["mae"], [["mae"], ["mae"]]):
        new = training.modern_compile_config({"metrics": metrics}, (2, 14), outputs=2)
        assert new["metrics"] == [["mae"], ["mae"]]


# --- weights


def test_paths_of_2_12():
    def arrays(*paths):
        return {p: Group({"0": Entry.of(np.zeros(2))}) for p in paths}

    old = arrays("layers\\multi_head_attention\\_query_dense/vars",
                 "_layer_checkpoint_dependencies/dense/vars")  # fmt: skip
    new = paths.modern_tree(old, keras.Sequential())
    assert list(new) == [
        "layers/multi_head_attention/query_dense/vars",
        "layers/dense/vars",
    ]
    today = arrays("layers/dense/vars", "optimizer/vars")
    assert paths.modern_tree(today, keras.Sequential()) is today


def test_assets_of_2_12(tmp_path):
    old = tmp_path / "_layer_checkpoint_dependencies" / "inner"
    (old / "_layer_checkpoint_dependencies" / "text").mkdir(parents=True)
    paths.modern_assets(tmp_path)
    assert (tmp_path / "layers" / "inner" / "layers" / "text").is_dir()


def test_losses_of_2_15_name_their_function():
    """Only that class's own: a loss that is made of a function is that function."""
    huber = {"module": "keras.losses", "class_name": "Huber", "registered_name": None,
             "config": {"reduction": "auto", "name": "h", "delta": 0.7, "fn": "huber"}}  # fmt: skip
    new = training.modern_loss(huber)
    assert new["config"] == {
        "reduction": "sum_over_batch_size",
        "name": "h",
        "delta": 0.7,
    }
    mine = {**huber, "class_name": "Mine", "registered_name": "shop>Mine"}
    assert training.modern_loss(mine)["config"]["fn"] == "huber"
    found = keras.losses.get(new)
    assert type(found) is keras.losses.Huber and found.get_config()["delta"] == 0.7


@pytest.mark.parametrize("rate", [0.1, keras.optimizers.schedules.CosineDecay(0.1, 9)])
def test_sgd_of_2_15_had_sums_without_momentum(rate):
    """Its step count is kept; they say nothing."""
    optimizer = keras.optimizers.SGD(rate)
    arrays = [np.array(7), np.ones((3, 2)), np.ones(2)]
    group = Group({str(i): Entry.of(a) for i, a in enumerate(arrays)})
    tree = paths._with_absent_variables({"optimizer/vars": group}, optimizer, old=True)
    found = tree["optimizer/vars"]
    assert found.shapes() == [v.shape for v in optimizer.variables]
    assert found["0"] == 7
