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
