"""Names of Keras 2 beside its module paths."""

import numpy as np
import pytest

import minikeras as keras

pytestmark = pytest.mark.usefixtures("aliased")


def test_short_names_of_losses():
    import tensorflow as tf

    y, p = np.float32([[1, 2]]), np.float32([[2, 4]])
    for name, now in (("mse", "mean_squared_error"), ("MAE", "mean_absolute_error")):
        for module in (tf.keras.losses, tf.keras.metrics):
            assert getattr(module, name) is getattr(keras.losses, now)
    loss = tf.keras.losses.MeanSquaredError(reduction=tf.keras.losses.Reduction.SUM)
    assert float(loss(y, p)) == 2.5


def test_thresholded_relu():
    from keras.layers import ThresholdedReLU

    layer = ThresholdedReLU(theta=1.5)
    x = np.float32([[-1, 1.4, 1.6]])
    assert layer(x).numpy().tolist() == [[0, 0, np.float32(1.6)]]
    with pytest.raises(ValueError, match="theta=-1"):
        ThresholdedReLU(theta=-1)
    model = keras.Sequential([keras.Input((3,)), layer])
    again = keras.Sequential.from_config(model.get_config())
    np.testing.assert_array_equal(again(x), layer(x))


def test_a_stand_in_says_what_is_missing():
    from keras.layers import TFSMLayer
    from tensorflow import RaggedTensor

    assert not isinstance(1, (TFSMLayer, RaggedTensor))
    with pytest.raises(
        NotImplementedError, match=r"keras\.layers\.TFSMLayer is not in"
    ):
        TFSMLayer("folder")
    with pytest.raises(
        NotImplementedError, match=r"tensorflow\.RaggedTensor is not in"
    ):
        RaggedTensor()


LENGTHS = {  # function -> arguments -> what TensorFlow 2.21's Keras 2 gives
    "conv_output_length": {
        (11, 4, "valid", 2): 4, (11, 4, "same", 2): 6, (11, 4, "full", 2): 7,
        (12, 3, "valid", 1, 2): 8, (12, 3, "full", 1, 2): 16, (None, 3, "same", 1): None,
    },
    "conv_input_length": {
        (6, 4, "valid", 2): 14, (6, 4, "same", 2): 10, (6, 4, "full", 2): 8,
        (None, 3, "same", 1): None,
    },
    "deconv_output_length": {
        (5, 3, "valid", None, 2, 2): 13, (5, 3, "same", 0, 2, 2): 9,
        (5, 3, "valid", 0, 2, 2): 13, (5, 3, "full", 1, 2): 8, (5, 2, "full", None, 3): 12,
        (None, 3, "same"): None,
    },
}  # fmt: skip


@pytest.mark.parametrize("name", LENGTHS)
def test_lengths_of_convolutions(name):
    from keras.utils import conv_utils

    for arguments, wanted in LENGTHS[name].items():
        assert getattr(conv_utils, name)(*arguments) == wanted
    with pytest.raises(ValueError, match="padding='x'"):
        getattr(conv_utils, name)(5, 3, "x", 1)


def test_small_functions_of_keras_2():
    from tensorflow.python.keras.engine.node import Node
    from tensorflow.python.keras.layers.convolutional import Conv
    from tensorflow.python.keras.layers.pooling import GlobalPooling2D
    from tensorflow.python.keras.utils import conv_utils, generic_utils, tf_utils

    assert Node is not None
    assert isinstance(keras.layers.Conv1D(2, 3), Conv)
    assert isinstance(keras.layers.GlobalMaxPooling2D(), GlobalPooling2D)
    assert conv_utils.normalize_tuple(2, 3, "a") == (2, 2, 2)
    assert conv_utils.normalize_padding("SAME") == "same"
    assert conv_utils.normalize_data_format(None) == "channels_last"
    assert conv_utils.convert_data_format("channels_first", 5) == "NCDHW"
    assert generic_utils.has_arg(lambda a, **k: a, "a")
    assert not generic_utils.has_arg(lambda a, **k: a, "b")
    assert generic_utils.has_arg(lambda a, **k: a, "b", accept_all=True)
    assert generic_utils.unpack_singleton([1]) == 1
    assert generic_utils.slice_arrays([[1, 2, 3], None], 1, 2) == [[2], None]
    assert generic_utils.to_list(3) == [3]
    assert tf_utils.is_symbolic_tensor(keras.Input((2,)))
    assert not tf_utils.is_symbolic_tensor(keras.ops.ones(2))
