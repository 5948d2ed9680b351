"""kerasfactory: gated fusion, transformed inputs, a model with named features."""

import keras
from kerasfactory.layers import DistributionTransformLayer, GatedFeatureFusion
from kerasfactory.models import BaseFeedForwardModel

keras.utils.set_random_seed(0)

inputs = keras.Input(shape=(10,))
transformed = DistributionTransformLayer(transform_type="yeo-johnson")(inputs)
linear = keras.layers.Dense(16, activation="relu")(transformed)
curved = keras.layers.Dense(16, activation="tanh")(transformed)
x = GatedFeatureFusion()([linear, curved])
outputs = keras.layers.Dense(1, activation="sigmoid")(x)
model = keras.Model(inputs=inputs, outputs=outputs)
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
data = keras.random.normal((64, 10), seed=1)
model.fit(data, keras.ops.cast(data[:, :1] > 0, "float32"), epochs=2, verbose=0)

model = BaseFeedForwardModel(
    feature_names=["age", "income", "education", "experience"],
    hidden_units=[16, 8],
    output_units=1,
    dropout_rate=0.2,
)
features = [keras.random.normal((100, 1), seed=n) for n in range(4)]
model.compile(optimizer="adam", loss="mse")
history = model.fit(features, features[0] * 2, epochs=8, verbose=0).history["loss"]
print(f"loss {history[0]:.3f} -> {history[-1]:.3f}")
