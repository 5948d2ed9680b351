"""tf.data into fit: maps before and after batch, cache, repeat with steps, validation."""

import numpy as np
import tensorflow as tf
from tensorflow.keras import layers, models

tf.keras.utils.set_random_seed(0)

AUTOTUNE = tf.data.experimental.AUTOTUNE
images = np.random.default_rng(0).integers(0, 256, (90, 12, 12, 3), "uint8")
labels = (images.mean((1, 2, 3)) > 127.5).astype("int64")


def preprocess(image, label):
    image = tf.cast(image, tf.float32) / 255.0
    image = tf.image.resize(image, [8, 8])
    return image, tf.one_hot(label, 2)


def augment(image, label):
    return tf.image.random_flip_left_right(image), label


full = tf.data.Dataset.from_tensor_slices((images, labels))
val = full.take(30).map(preprocess, num_parallel_calls=AUTOTUNE).batch(15)
train = full.skip(30).map(preprocess, num_parallel_calls=AUTOTUNE).cache()
train = train.shuffle(60, seed=1).repeat().batch(20).map(augment).prefetch(AUTOTUNE)
image_batch, label_batch = next(iter(train))
assert image_batch.shape == (20, 8, 8, 3) and label_batch.dtype == tf.float32
assert tf.data.experimental.cardinality(val).numpy() == 2

model = models.Sequential()
model.add(layers.Conv2D(4, (3, 3), activation="relu", input_shape=(8, 8, 3)))
model.add(layers.MaxPooling2D((2, 2)))
model.add(layers.Flatten())
model.add(layers.Dense(2, activation="softmax"))
model.compile(
    optimizer=tf.keras.optimizers.Adam(learning_rate=0.01),
    loss="categorical_crossentropy",
    metrics=["accuracy"],
)
history = model.fit(train, steps_per_epoch=3, epochs=2, validation_data=val, verbose=2)
assert len(history.history["val_accuracy"]) == 2
