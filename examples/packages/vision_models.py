"""keras-vision: the smallest MobileViT, random weights, one step of training."""

import numpy as np
from keras_vision.MobileViT_v1 import build_MobileViT_v1

draw = np.random.default_rng(0)
model = build_MobileViT_v1(model_type="XXS", num_classes=4, input_shape=(64, 64, 3))
x, y = draw.random((4, 64, 64, 3), "float32"), np.arange(4)
scores = model.predict(x, verbose=0)
model.compile("sgd", "mse")
loss = model.train_on_batch(x, np.eye(4, dtype="float32"))
print(
    f"{model.count_params():,} weights, scores {scores.shape}, loss {float(loss):.3f}"
)
