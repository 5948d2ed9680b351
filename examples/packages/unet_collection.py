"""keras-unet-collection: U-Nets with and without attention."""

import keras
import numpy as np
from keras_unet_collection import losses, models

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
x = rng.random((4, 32, 32, 3), "float32")
y = np.eye(2)[(x.mean(axis=-1) > 0.5).astype(int)]

common = {"n_labels": 2, "output_activation": "Softmax", "batch_norm": True}
for build, options in (
    (models.unet_2d, {"stack_num_down": 1, "stack_num_up": 1, "activation": "GELU"}),
    (models.att_unet_2d, {"stack_num_down": 1, "stack_num_up": 1, "attention": "add"}),
):
    model = build((32, 32, 3), [4, 8, 16], **common, **options)
    model.compile("adam", "categorical_crossentropy", metrics=[losses.dice_coef])
    loss = model.fit(x, y, epochs=3, verbose=0).history["loss"]
    print(f"loss {loss[0]:.4f} -> {loss[-1]:.4f}")
