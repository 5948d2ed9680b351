"""Sentiment of short reviews in folders, words cleaned by functions of strings."""

import re
import string
import tempfile
from pathlib import Path

import tensorflow as tf
from tensorflow.keras import layers

root = Path(tempfile.mkdtemp())
opinions = {"neg": "Awful, dull, I left!", "pos": "Lovely... I laughed<br />a lot!"}
for label, words in opinions.items():
    (root / label).mkdir()
    for i in range(24):
        (root / label / f"{i}.txt").write_text(f"{words} {'very ' * (i % 4)}")

options = {"batch_size": 8, "validation_split": 0.25, "seed": 7}
raw_train, raw_valid = (
    tf.keras.utils.text_dataset_from_directory(root, subset=part, **options)
    for part in ("training", "validation")
)
for texts, labels in raw_train.take(1):
    print(texts.numpy()[0], raw_train.class_names[labels.numpy()[0]])


def cleaned(text):
    text = tf.strings.lower(text)
    text = tf.strings.regex_replace(text, "<br />", " ")
    return tf.strings.regex_replace(text, f"[{re.escape(string.punctuation)}]", "")


vectorize = layers.TextVectorization(
    max_tokens=50, standardize=cleaned, output_sequence_length=12
)
vectorize.adapt(raw_train.map(lambda text, label: text))


def numbers(text, label):
    return vectorize(tf.expand_dims(text, -1)), label


train = raw_train.map(numbers).cache().prefetch(tf.data.AUTOTUNE)
valid = raw_valid.map(numbers).cache().prefetch(tf.data.AUTOTUNE)
model = tf.keras.Sequential(
    [
        layers.Embedding(50, 16),
        layers.GlobalAveragePooling1D(),
        layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(
    optimizer=tf.keras.optimizers.Adam(0.05),
    loss=tf.keras.losses.BinaryCrossentropy(),
    metrics=[tf.metrics.BinaryAccuracy(name="accuracy")],
)
history = model.fit(train, validation_data=valid, epochs=5, verbose=0)
assert history.history["val_accuracy"][-1] == 1

whole = tf.keras.Sequential([vectorize, model])
scores = whole.predict(
    tf.constant(["Lovely, I laughed!", "Dull and awful."]), verbose=0
)
assert scores[0] > 0.5 > scores[1]
