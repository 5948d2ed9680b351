"""SHAP: what each feature adds, by its explainers for any function and by permutations."""

import keras
import numpy as np
import shap

draw = np.random.default_rng(0)
x = draw.normal(size=(200, 4)).astype("float32")
y = x @ np.float32([1, 2, 0, -1])
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile(keras.optimizers.Adam(0.1), "mse")
model.fit(x, y, epochs=15, verbose=0)


def predict(rows):
    return model.predict(np.asarray(rows, "float32"), verbose=0)[:, 0]


kernel = shap.KernelExplainer(predict, x[:20]).shap_values(
    x[:3], nsamples=50, silent=True
)
several = shap.Explainer(predict, x[:20])(x[:3]).values
sloped = shap.GradientExplainer(model, x[:20]).shap_values(
    x[:3], nsamples=2000, rseed=1
)
expected = (x[:3] - x[:20].mean(0)) * model.layers[0].kernel.numpy()[:, 0]
errors = [abs(found - expected).max() for found in (kernel, several, sloped[..., 0])]
print("error " + ", ".join(f"{error:.4f}" for error in errors))
