"""A base that is frozen, a head that learns, then both with a small rate."""

import keras
import numpy as np

keras.utils.set_random_seed(0)

base_model = keras.Sequential(
    [
        keras.Input((32, 32, 3)),
        keras.layers.Conv2D(8, 3, activation="relu"),
        keras.layers.BatchNormalization(),
        keras.layers.MaxPooling2D(),
        keras.layers.Conv2D(8, 3, activation="relu"),
    ],
    name="base",
)
base_model.trainable = False
inputs = keras.Input(shape=(32, 32, 3))
x = base_model(inputs, training=False)
x = keras.layers.GlobalAveragePooling2D()(x)
x = keras.layers.Dropout(0.2)(x)
outputs = keras.layers.Dense(1)(x)
model = keras.Model(inputs, outputs)
model.summary(show_trainable=True)
assert len(model.trainable_variables) == 2
model.compile(
    optimizer=keras.optimizers.Adam(),
    loss=keras.losses.BinaryCrossentropy(from_logits=True),
    metrics=[keras.metrics.BinaryAccuracy()],
)
x_train, y_train = np.random.random((32, 32, 32, 3)), np.random.randint(2, size=(32, 1))
frozen = [v.numpy() for v in base_model.weights]
model.fit(x_train, y_train, epochs=1)
for before, after in zip(frozen, base_model.weights):
    np.testing.assert_array_equal(before, after)
base_model.trainable = True
for layer in base_model.layers[:-1]:
    layer.trainable = False
model.compile(optimizer=keras.optimizers.Adam(1e-5), loss="binary_crossentropy")
model.fit(x_train, y_train, epochs=1)
assert len(model.trainable_variables) == 4
extractor = keras.Model(
    base_model.inputs, [layer.output for layer in base_model.layers]
)
assert len(extractor(x_train[:1])) == 4
