"""LIME: why a classifier of four numbers decided as it did."""

import keras
import numpy as np
from lime.lime_tabular import LimeTabularExplainer

draw = np.random.default_rng(0)
x = draw.normal(size=(300, 4)).astype("float32")
y = (x[:, 1] > 0).astype("int32")
model = keras.Sequential(
    [keras.Input((4,)), keras.layers.Dense(2, activation="softmax")]
)
model.compile(keras.optimizers.Adam(0.1), "sparse_categorical_crossentropy")
model.fit(x, y, epochs=5, verbose=0)
explainer = LimeTabularExplainer(x, mode="classification", random_state=1)
found = explainer.explain_instance(
    x[0], lambda rows: model.predict(rows.astype("float32"), verbose=0), num_features=2
)
print(f"most: {found.as_list()[0]}")
