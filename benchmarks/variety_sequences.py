"""Models of the variety that are fed sequences: series and texts."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.variety_registry import (
    SQUARES,
    Arrays,
    Family,
    labelled,
    measured,
    words,
)

SEQUENCES = Family()


@SEQUENCES.model(64, 8, labelled(128, 16, classes=5))
def conv1d(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((128, 16)),
            layers.Conv1D(64, 5, padding="same", activation="relu"),
            layers.MaxPooling1D(2),
            layers.Conv1D(128, 5, padding="same", activation="relu"),
            layers.MaxPooling1D(2),
            layers.GlobalMaxPooling1D(),
            layers.Dense(5, activation="softmax"),
        ]
    )


@SEQUENCES.model(32, 8, labelled(128, 16, classes=5))
def tcn_dilated(keras: Any) -> Any:
    layers = keras.layers
    inputs = keras.Input((128, 16))
    x = layers.Conv1D(64, 1)(inputs)
    for rate in (1, 2, 4, 8):
        conv = layers.Conv1D(
            64, 3, padding="causal", dilation_rate=rate, activation="relu"
        )
        x = layers.Add()([x, conv(x)])
    x = layers.GlobalAveragePooling1D()(x)
    return keras.Model(inputs, layers.Dense(5, activation="softmax")(x))


@SEQUENCES.model(32, 10, measured((50, 8), (1,)), loss=SQUARES)
def rnn_series(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((50, 8)),
            layers.SimpleRNN(32, return_sequences=True),
            layers.SimpleRNN(32),
            layers.Dense(1),
        ]
    )


@SEQUENCES.model(32, 6, measured((50, 8), (1,)), loss=SQUARES)
def lstm_dropout(keras: Any) -> Any:
    layers = keras.layers
    first = layers.LSTM(64, dropout=0.2, recurrent_dropout=0.2, return_sequences=True)
    return keras.Sequential(
        [keras.Input((50, 8)), first, layers.LSTM(64), layers.Dense(1)]
    )


@SEQUENCES.model(32, 6, labelled(20, 64))
def lstm256(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((20, 64)),
            layers.LSTM(256, return_sequences=True),
            layers.LSTM(256),
            layers.Dense(10, activation="softmax"),
        ]
    )


@SEQUENCES.model(32, 4, labelled(20, 64))
def gru_custom(keras: Any) -> Any:
    """The two GRUs that libraries' fused kernels do not cover."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((20, 64)),
            layers.GRU(64, reset_after=False, return_sequences=True),
            layers.GRU(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


@SEQUENCES.model(16, 4, measured((40, 32), (40, 32)), loss=SQUARES)
def seq2seq_att(keras: Any) -> Any:
    layers = keras.layers
    inputs = keras.Input((40, 32))
    encoded = layers.LSTM(64, return_sequences=True)(inputs)
    decoded = layers.LSTM(64, return_sequences=True)(encoded)
    context = layers.Attention()([decoded, encoded])
    x = layers.Concatenate()([decoded, context])
    return keras.Model(inputs, layers.Dense(32)(x))


@SEQUENCES.model(64, 6, words(80, 5000))
def gru_text(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((80,), dtype="int32"),
            layers.Embedding(5000, 64),
            layers.GRU(64),
            layers.Dense(2, activation="softmax"),
        ]
    )


@SEQUENCES.model(32, 6, words(80, 5000))
def bilstm_mask(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((80,), dtype="int32"),
            layers.Embedding(5000, 64, mask_zero=True),
            layers.Bidirectional(layers.LSTM(32, return_sequences=True)),
            layers.Bidirectional(layers.LSTM(32)),
            layers.Dense(2, activation="softmax"),
        ]
    )


@SEQUENCES.model(64, 20, words(256, 10_000))
def embed_avg(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((256,), dtype="int32"),
            layers.Embedding(10_000, 16),
            layers.GlobalAveragePooling1D(),
            layers.Dense(16, activation="relu"),
            layers.Dense(2, activation="softmax"),
        ]
    )


@SEQUENCES.model(64, 6, words(200, 8000, classes=3))
def text_cnn(keras: Any) -> Any:
    layers = keras.layers
    inputs = keras.Input((200,), dtype="int32")
    embedded = layers.Embedding(8000, 64)(inputs)
    found = []
    for size in (3, 4, 5):
        x = layers.Conv1D(64, size, activation="relu")(embedded)
        found.append(layers.GlobalMaxPooling1D()(x))
    x = layers.Dropout(0.5)(layers.Concatenate()(found))
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(x))


@SEQUENCES.model(16, 4, words(64, 1000))
def masked_transformer(keras: Any) -> Any:
    """One encoder block, normalized after each part."""
    layers = keras.layers
    inputs = keras.Input((64,), dtype="int32")
    x = layers.Embedding(1000, 64, mask_zero=True)(inputs)
    attended = layers.MultiHeadAttention(num_heads=4, key_dim=16)(x, x)
    x = layers.LayerNormalization()(layers.Add()([x, attended]))
    y = layers.Dense(256, activation="relu")(x)
    y = layers.Dense(64)(y)
    x = layers.LayerNormalization()(layers.Add()([x, y]))
    x = layers.GlobalAveragePooling1D()(x)
    return keras.Model(inputs, layers.Dense(2, activation="softmax")(x))


def _next_words(count: int, random: np.random.Generator) -> Arrays:
    """Texts, and the same one word on."""
    text = random.integers(0, 500, (count, 129)).astype("int32")
    return text[:, :-1], text[:, 1:]


@SEQUENCES.model(16, 4, _next_words)
def gpt_causal(keras: Any) -> Any:
    """Two decoder blocks, normalized before each part."""
    layers = keras.layers
    inputs = keras.Input((128,), dtype="int32")
    x = layers.Embedding(500, 64)(inputs)
    for _ in range(2):
        y = layers.LayerNormalization()(x)
        attention = layers.MultiHeadAttention(num_heads=4, key_dim=16, dropout=0.1)
        x = x + attention(y, y, use_causal_mask=True)
        y = layers.LayerNormalization()(x)
        y = layers.Dense(256, activation="gelu")(y)
        x = x + layers.Dense(64)(y)
    x = layers.LayerNormalization()(x)
    return keras.Model(inputs, layers.Dense(500, activation="softmax")(x))
