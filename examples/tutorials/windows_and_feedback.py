"""Forecasts of a wave: windows cut by functions of tensors, and a model that feeds itself."""

import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf

STEPS, AHEAD = 16, 4
time = np.arange(600)
series = np.stack([np.sin(time / 8), np.cos(time / 8)], axis=1).astype("float32")
strongest = int(tf.argmax(tf.abs(tf.signal.rfft(series[:, 0]))[1:])) + 1
assert strongest == round(600 / (8 * 2 * np.pi))


def split(window):
    inputs, labels = window[:, :STEPS], window[:, STEPS:]
    inputs.set_shape([None, STEPS, 2])
    assert labels.shape.as_list()[1:] == [AHEAD, 2]
    return inputs, labels


windows = tf.keras.utils.timeseries_dataset_from_array(
    series, targets=None, sequence_length=STEPS + AHEAD, batch_size=32, shuffle=True
).map(split)
print(windows.element_spec)


class Feedback(tf.keras.Model):
    """Its own forecast is its next input."""

    def __init__(self, units):
        super().__init__()
        self.cell = tf.keras.layers.LSTMCell(units)
        self.memory = tf.keras.layers.RNN(self.cell, return_state=True)
        self.read_out = tf.keras.layers.Dense(2, kernel_initializer="orthogonal")

    def call(self, inputs, training=None):
        x, *state = self.memory(inputs)
        found = tf.TensorArray(tf.float32, size=AHEAD)
        for step in range(AHEAD):
            forecast = self.read_out(x)
            found = found.write(step, forecast)
            x, state = self.cell(forecast, states=state, training=training)
        return tf.transpose(found.stack(), [1, 0, 2])


model = Feedback(24)
optimizer = tf.keras.optimizers.Adam(0.01)
saved = tf.train.CheckpointManager(
    tf.train.Checkpoint(model=model, optimizer=optimizer),
    Path(tempfile.mkdtemp()),
    max_to_keep=2,
)
mean = tf.keras.metrics.Mean()


@tf.function
def step(inputs, labels):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(model(inputs, training=True) - labels))
    gradients = tape.gradient(loss, model.trainable_variables)
    gradients, _ = tf.clip_by_global_norm(gradients, 1.0)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables))
    return loss


losses = []
for epoch in range(4):
    mean.reset_state()
    for inputs, labels in windows:
        mean.update_state(step(inputs, labels))
    losses.append(mean.result().numpy())
    saved.save()
assert losses[-1] < 0.1 * losses[0] and len(saved.checkpoints) == 2

before = model(inputs).numpy()
model.read_out.bias.assign_add(tf.ones(2))
saved.restore_or_initialize()
np.testing.assert_array_equal(model(inputs).numpy(), before)
