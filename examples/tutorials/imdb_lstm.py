"""Sentiment of texts: pad_sequences, Embedding, bidirectional LSTM, early stopping."""

import numpy as np
from tensorflow.keras.callbacks import EarlyStopping
from tensorflow.keras.layers import LSTM, Bidirectional, Dense, Embedding
from tensorflow.keras.models import Sequential
from tensorflow.keras.preprocessing.sequence import pad_sequences

max_features, maxlen = 200, 20
rng = np.random.default_rng(1)
x_train = [
    rng.integers(1, max_features, rng.integers(3, 30)).tolist() for _ in range(120)
]
y_train = np.array([int(s[-1] > 100) for s in x_train])
x_train = pad_sequences(x_train, maxlen=maxlen)
assert x_train.shape == (120, maxlen)

model = Sequential()
model.add(Embedding(max_features, 16, mask_zero=True))
model.add(Bidirectional(LSTM(8, dropout=0.1)))
model.add(Dense(1, activation="sigmoid"))
model.compile("adam", "binary_crossentropy", metrics=["accuracy", "AUC"])
stop = EarlyStopping(patience=2, restore_best_weights=True)
history = model.fit(
    x_train, y_train, batch_size=16, epochs=3, validation_split=0.2, callbacks=[stop]
)
assert {"loss", "accuracy", "val_accuracy"} <= set(history.history)
model.summary()
