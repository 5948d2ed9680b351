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


def test_classes_of_ops_come_from_the_table(aliased):
    import keras
    from keras.src.ops import numpy as knp
    from keras.src.ops.core import Cast
    from keras.src.ops.nn import Conv, LogSoftmax, Relu

    x = np.float32([[-1.0, 2.0]])
    assert Relu()(x).tolist() == [[0.0, 2.0]] and Relu is keras.src.ops.nn.Relu
    assert LogSoftmax(axis=0)(x).tolist() == [[0.0, 0.0]]
    assert Cast("int32")(x).dtype == "int32"
    assert knp.Einsum("ab,cb->ac")(x, x).tolist() == [[5.0]]
    assert [m.shape for m in knp.Meshgrid(indexing="ij")(x[0], x[0])] == [
        (2, 2),
        (2, 2),
    ]
    assert knp.Sum(axis=1, keepdims=True)(x).tolist() == [[1.0]]
    kernel = np.ones((2, 2, 1, 1), "float32")
    image = np.ones((1, 4, 4, 1), "float32")
    assert Conv(strides=2)(image, kernel).shape == (1, 2, 2, 1)
    with pytest.raises(TypeError, match=r"Relu: got 1 arguments, expected \[\]"):
        Relu(3)
    with pytest.raises(TypeError, match="argument 'other'"):
        knp.Sum(other=1)
    with pytest.raises(AttributeError, match="NoSuchOp"):
        _ = keras.src.ops.numpy.NoSuchOp


def test_a_class_of_an_op_is_a_step_of_a_model(aliased):
    import keras
    from keras.src.ops.numpy import Mean

    inputs = keras.Input((3, 2))
    step = Mean(axis=1, name="middle")
    model = keras.Model(inputs, step(inputs))
    assert model.output_shape == (None, 2)
    assert isinstance(step, keras.Operation)
    assert Mean(**step.get_config()).get_config() == {"axis": 1, "name": "middle"}
    x = np.random.default_rng(0).normal(size=(4, 3, 2)).astype("float32")
    np.testing.assert_allclose(model.predict(x, verbose=0), x.mean(1), rtol=1e-6)


def test_masks_of_a_cell_of_ones_own(aliased):
    import keras
    from keras.src.layers.rnn.dropout_rnn_cell import DropoutRNNCell

    class Cell(keras.layers.Layer, DropoutRNNCell):
        def __init__(self):
            super().__init__()
            self.state_size, self.output_size = 3, 3
            self.dropout, self.recurrent_dropout = 0.5, 0.0
            self.seed_generator = keras.random.SeedGenerator(1)

        def call(self, inputs, states, training=False):
            if training:
                inputs = inputs * self.get_dropout_mask(inputs)
            assert self.get_recurrent_dropout_mask(states[0]) is None
            return inputs, [inputs]

    layer = keras.layers.RNN(Cell(), return_sequences=True)
    x = np.ones((5, 4, 3), "float32")
    drawn = np.asarray(layer(x, training=True))
    assert set(np.unique(drawn)) == {0.0, 2.0}
    assert (drawn == drawn[:, :1]).all()  # one mask for all steps
    assert not (drawn == np.asarray(layer(x, training=True))).all()
    assert (np.asarray(layer(x)) == 1).all()
    with_two = Cell()
    with_two.dropout_mask_count = 2
    assert len(with_two.get_dropout_mask(x[:, 0])) == 2


def test_small_names_below_src(aliased):
    from keras.src.backend.numpy.random import normal
    from keras.src.dtype_policies.dtype_policy import dtype_policy, set_dtype_policy
    from keras.src.initializers.random_initializers import (
        RandomInitializer,
        compute_fans,
    )
    from keras.src.layers.merging.dot import batch_dot
    from keras.src.layers.regularization.spatial_dropout import BaseSpatialDropout
    from keras.src.metrics.accuracy_metrics import accuracy

    assert normal((2,)).shape == (2,)
    assert dtype_policy().name == "float32" and callable(set_dtype_policy)
    assert compute_fans((3, 3, 4, 8)) == (36, 72)
    assert issubclass(keras.initializers.RandomNormal, RandomInitializer)
    assert issubclass(keras.layers.SpatialDropout1D, BaseSpatialDropout)
    assert batch_dot(np.ones((2, 3)), np.ones((2, 3)), axes=1).shape == (2, 1)
    assert np.asarray(accuracy([1, 2], [1, 3])).tolist() == [1.0, 0.0]
