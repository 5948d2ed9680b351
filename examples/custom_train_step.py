"""A training step of one's own: gradients with respect to the input as a penalty.

The model is asked to change little when a pixel changes little (Drucker and LeCun,
1992, double backpropagation): a gradient of a gradient, compiled like any other step.

EPOCHS=2 python examples/custom_train_step.py
"""

import os

import minikeras as keras
from minikeras.datasets import mnist5k

EPOCHS = int(os.environ.get("EPOCHS", "5"))


class Smooth(keras.Sequential):
    """A Sequential whose loss counts how steep it is at the pictures."""

    def train_step(self, data):
        x, y = data
        with keras.GradientTape() as outer:
            with keras.GradientTape() as inner:
                inner.watch(x)
                loss = self.compute_loss(x, y, self(x, training=True))
            slope = inner.gradient(loss, x)
            penalty = keras.ops.sum(keras.ops.square(slope))
            total = loss + penalty
        weights = self.trainable_variables
        self.optimizer.apply(outer.gradient(total, weights), weights)
        return {"loss": loss, "penalty": penalty}


keras.utils.set_random_seed(0)
(x, y), _ = mnist5k.load_data()
x = x.reshape(-1, 784).astype("float32") / 255

model = Smooth(
    [
        keras.Input((784,)),
        keras.layers.Dense(64, activation="tanh"),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy")
history = model.fit(x, y, batch_size=128, epochs=EPOCHS, verbose=2).history
print(f"loss {history['loss'][-1]:.3f} penalty {history['penalty'][-1]:.4f}")
