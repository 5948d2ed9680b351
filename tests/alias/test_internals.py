"""What `keras.src` has for other packages does what it says."""

import numpy as np
import pytest

import minikeras as keras
from minikeras.alias.internals import backend, files, losses, ops, trainers, utils


def test_tuples_and_paddings():
    assert utils.standardize_tuple(2, 3, "strides") == (2, 2, 2)
    assert utils.standardize_tuple([1, 0], 2, "n", allow_zero=True) == (1, 0)
    for bad in (0, (1, 2), "ab", (1, 2.5, 3), None):
        with pytest.raises(ValueError, match="strides="):
            utils.standardize_tuple(bad, 3, "strides")
    assert utils.standardize_padding("SAME") == "same"
    with pytest.raises(ValueError, match="causal"):
        utils.standardize_padding("causal")
    with pytest.raises(ValueError, match="expected one of"):
        utils.validate_string_arg("x", {"a"}, "Layer", "mode")


def test_masks_and_scopes():
    x = keras.ops.ones((2, 3))
    backend.set_keras_mask(x, keras.ops.ones((2,), "bool"))
    assert backend.get_keras_mask(x).shape == (2,)
    assert not backend.in_stateless_scope()
    with keras.StatelessScope() as scope:
        assert backend.get_stateless_scope() is scope
    v = keras.Variable([1.0])
    with backend.AutocastScope("float16"):
        assert backend.get_autocast_scope().dtype == "float16"
        assert v.value.dtype == "float16"
    assert backend.get_autocast_scope() is None and v.value.dtype == "float32"


def test_shapes_of_ops():
    assert ops.compute_conv_output_shape((None, 9, 9, 3), 4, 3, 2) == (None, 4, 4, 4)
    causal = ops.compute_conv_output_shape((None, 9, 3), 4, 3, 2, "causal")
    assert causal == (None, 5, 4)
    assert ops.compute_pooling_output_shape((2, 8, 8, 3), 2, 2) == (2, 4, 4, 3)
    assert ops.reduce_shape((2, None, 3), [1]) == (2, 3)
    assert ops.broadcast_shapes((2, 1), (None, 2, 5)) == [None, 2, 5]
    assert ops.compute_reshape_output_shape((2, 6), (3, -1)) == (3, 4)
    assert ops.compute_transpose_output_shape((1, 2, 3), None) == (3, 2, 1)
    with pytest.raises(ValueError, match="out of bounds"):
        backend.canonicalize_axis(3, 2)


def test_reductions_of_losses():
    values, weights = keras.ops.convert_to_tensor([1.0, 3.0]), [1.0, 0.0]
    assert float(losses.reduce_weighted_values(values)) == 2
    assert float(losses.reduce_weighted_values(values, weights, reduction="sum")) == 1
    table = losses.confusion_matrix([0, 1, 1], [0, 0, 1], 2, weights=[1.0, 2.0, 3.0])
    assert table.numpy().tolist() == [[1, 0], [2, 3]]


def test_batches():
    found = trainers.class_weight_to_sample_weights(
        np.array([0, 1, 1]), {0: 1.0, 1: 5.0}
    )
    assert np.asarray(found).tolist() == [1, 5, 5]
    (a, none), (b, _) = trainers.train_validation_split((np.arange(10), None), 0.3)
    assert len(a) == 7 and b.tolist() == [7, 8, 9] and none is None
    with pytest.raises(ValueError, match="one side"):
        trainers.train_validation_split((np.arange(2),), 0.9)


def test_files(tmp_path):
    files.makedirs(tmp_path / "a" / "b")
    with files.File(tmp_path / "a" / "x.txt", "w") as file:
        file.write("text")
    files.copy(tmp_path / "a" / "x.txt", tmp_path / "y.txt")
    assert sorted(files.listdir(tmp_path)) == ["a", "y.txt"]
    with pytest.raises(ValueError, match="remote"):
        files.File("gs://bucket/x")


def test_all_objects(aliased):
    from keras.src.activations import ALL_OBJECTS, ALL_OBJECTS_DICT
    from keras.src.initializers import ALL_OBJECTS_DICT as INITIALIZERS
    from keras.src.losses import ALL_OBJECTS_DICT as LOSSES

    assert ALL_OBJECTS_DICT["relu"] is keras.activations.relu
    assert keras.activations.silu in ALL_OBJECTS
    for name in ("GlorotUniform", "glorot_uniform"):
        assert INITIALIZERS[name] is keras.initializers.GlorotUniform
    assert LOSSES["mse"] is LOSSES["MSE"] is keras.losses.get("mse")
    ALL_OBJECTS_DICT["thrice"] = thrice = lambda x: 3 * x
    try:
        assert keras.activations.get("thrice") is thrice
    finally:
        del ALL_OBJECTS_DICT["thrice"], keras.saving.get_custom_objects()["thrice"]


def test_names_that_are_elsewhere_here(aliased):
    from keras.src.layers.attention.grouped_query_attention import GroupedQueryAttention
    from keras.src.layers.preprocessing.data_layer import DataLayer
    from keras.src.layers.preprocessing.feature_space import FeatureSpace
    from keras.src.layers.preprocessing.index_lookup import IndexLookup
    from keras.src.layers.rnn.conv_lstm import ConvLSTM, ConvLSTMCell
    from keras.src.utils.image_utils import smart_resize

    assert GroupedQueryAttention is keras.layers.GroupQueryAttention
    assert FeatureSpace is keras.utils.FeatureSpace
    assert issubclass(keras.layers.Normalization, DataLayer)
    assert issubclass(keras.layers.StringLookup, IndexLookup)
    assert issubclass(keras.layers.ConvLSTM2D, ConvLSTM)
    assert issubclass(ConvLSTMCell, keras.layers.Layer)
    assert smart_resize(np.zeros((4, 6, 3)), (2, 2)).shape == (2, 2, 3)
