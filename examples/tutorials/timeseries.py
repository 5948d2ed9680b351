"""Forecasts: windows of tf.data, a convolution and an LSTM, a callback that saves nothing."""

import numpy as np
import tensorflow as tf
from tensorflow import keras

tf.keras.utils.set_random_seed(0)

series = np.sin(np.arange(400) / 10).astype("float32")
window_size, batch_size = 20, 32


def windowed_dataset(series, window_size, batch_size, shuffle_buffer):
    dataset = tf.data.Dataset.from_tensor_slices(series)
    dataset = dataset.window(window_size + 1, shift=1, drop_remainder=True)
    dataset = dataset.flat_map(lambda window: window.batch(window_size + 1))
    dataset = dataset.shuffle(shuffle_buffer)
    dataset = dataset.map(lambda window: (window[:-1], window[-1]))
    return dataset.batch(batch_size).prefetch(1)


train_set = windowed_dataset(series[:300], window_size, batch_size, 100)
model = tf.keras.models.Sequential(
    [
        tf.keras.layers.Lambda(
            lambda x: tf.expand_dims(x, axis=-1), input_shape=[None]
        ),
        tf.keras.layers.Conv1D(8, 5, padding="causal", activation="relu"),
        tf.keras.layers.LSTM(8, return_sequences=True),
        tf.keras.layers.LSTM(8),
        tf.keras.layers.Dense(1),
        tf.keras.layers.Lambda(lambda x: x * 2.0),
    ]
)
lr_schedule = keras.callbacks.LearningRateScheduler(lambda epoch: 1e-2 * 0.9**epoch)
model.compile(
    loss=keras.losses.Huber(), optimizer=keras.optimizers.Adam(), metrics=["mae"]
)
history = model.fit(train_set, epochs=4, callbacks=[lr_schedule], verbose=0)
assert history.history["mae"][-1] < history.history["mae"][0]
forecast = model.predict(series[np.newaxis, -window_size:], verbose=0)
assert forecast.shape == (1, 1)
