"""What scripts do before they begin: devices, seeds, mixed precision, schedules, clones."""

import logging
import os
import random

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import tensorflow as tf
from tensorflow.keras import backend as K
from tensorflow.keras import mixed_precision, regularizers

tf.get_logger().setLevel(logging.ERROR)
gpus = tf.config.list_physical_devices("GPU")
for gpu in gpus:
    tf.config.experimental.set_memory_growth(gpu, True)
print("Num GPUs Available: ", len(gpus))
random.seed(0)
np.random.seed(0)
tf.random.set_seed(0)
tf.keras.utils.set_random_seed(0)
K.clear_session()
K.set_floatx("float32")

policy = (
    mixed_precision.Policy("mixed_bfloat16")
    if hasattr(mixed_precision, "Policy")
    else None
)
strategy_scope = tf.device("/CPU:0")
with strategy_scope:
    model = tf.keras.Sequential(
        [
            tf.keras.layers.InputLayer(shape=(5,)),
            tf.keras.layers.Dense(4, kernel_regularizer=regularizers.l2(1e-4)),
            tf.keras.layers.Activation(tf.nn.relu),
            tf.keras.layers.Dense(1),
        ]
    )
v = tf.Variable([1.0, 2.0])
with tf.GradientTape(persistent=True) as tape:
    y = tf.reduce_sum(v * v)
assert tape.gradient(y, v).numpy().tolist() == [2.0, 4.0]
model.compile(optimizer=tf.keras.optimizers.SGD(0.01), loss=tf.keras.losses.mse)
x = tf.random.normal((32, 5))
model.fit(x, tf.reduce_sum(x, axis=1, keepdims=True), epochs=1, verbose=0)
twin = tf.keras.models.clone_model(model)
twin.set_weights(model.get_weights())
np.testing.assert_allclose(twin(x), model(x), rtol=1e-6)
assert isinstance(model.layers[0], tf.keras.layers.Layer) and K.int_shape(x) == (32, 5)
