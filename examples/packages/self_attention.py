"""keras-self-attention, after its README: a label for each word."""

import os

os.environ["TF_KERAS"] = "1"

import keras
import numpy as np
from keras_self_attention import SeqSelfAttention

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
words = rng.integers(1, 50, (64, 10))
labels = np.eye(5)[words % 5]

model = keras.models.Sequential()
model.add(keras.layers.Embedding(input_dim=50, output_dim=16, mask_zero=True))
model.add(keras.layers.Bidirectional(keras.layers.LSTM(8, return_sequences=True)))
model.add(SeqSelfAttention(attention_activation="sigmoid"))
model.add(keras.layers.Dense(units=5, activation="softmax"))
model.compile("adam", "categorical_crossentropy", metrics=["categorical_accuracy"])
loss = model.fit(words, labels, epochs=3, verbose=0).history["loss"]
print(f"loss {loss[0]:.4f} -> {loss[-1]:.4f}")
