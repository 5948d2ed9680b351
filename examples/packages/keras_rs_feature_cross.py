"""keras-rs: crossed features, and a ranking loss and metric."""

import keras
import keras_rs
import numpy as np

keras.utils.set_random_seed(0)

vocabulary_size = 32
embedding_dim = 6

inputs = keras.Input(shape=(), name="indices", dtype="int32")
x0 = keras.layers.Embedding(input_dim=vocabulary_size, output_dim=embedding_dim)(inputs)
x1 = keras_rs.layers.FeatureCross()(x0, x0)
x2 = keras_rs.layers.FeatureCross()(x0, x1)
output = keras.layers.Dense(units=10)(x2)
model = keras.Model(inputs, output)

draw = np.random.default_rng(0)
x_data = draw.integers(0, vocabulary_size, size=(64,))
y_data = draw.random((64, 10), "float32")
model.compile(
    optimizer=keras.optimizers.Adam(learning_rate=0.01),
    loss=keras.losses.MeanSquaredError(),
)
history = model.fit(x_data, y_data, batch_size=16, epochs=4, verbose=0).history["loss"]

ranks = keras_rs.losses.PairwiseHingeLoss()(
    np.float32([[1, 0]]), np.float32([[0.2, 0.7]])
)
ndcg = keras_rs.metrics.NDCG(k=2, name="ndcg")
ndcg.update_state(np.float32([[0, 1, 2]]), np.float32([[0.1, 0.5, 0.9]]))
print(
    f"loss {history[0]:.3f} -> {history[-1]:.3f}, {float(ranks):.3f}, {float(ndcg.result()):.3f}"
)
