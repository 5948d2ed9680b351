"""tf-keras-vis: where a network looks, by gradients and by Grad-CAM."""

import numpy as np
import tensorflow as tf
from tf_keras_vis.gradcam import Gradcam
from tf_keras_vis.saliency import Saliency
from tf_keras_vis.utils.model_modifiers import ReplaceToLinear
from tf_keras_vis.utils.scores import CategoricalScore

layers = tf.keras.layers
model = tf.keras.Sequential(
    [
        tf.keras.Input((16, 16, 3)),
        layers.Conv2D(4, 3, activation="relu"),
        layers.Conv2D(4, 3, activation="relu"),
        layers.Flatten(),
        layers.Dense(3, activation="softmax"),
    ]
)
x = np.random.default_rng(0).random((2, 16, 16, 3), "float32")
score = CategoricalScore([0, 1])
saliency = Saliency(model, model_modifier=ReplaceToLinear(), clone=True)
print("saliency", saliency(score, x, smooth_samples=3).shape)
gradcam = Gradcam(model, model_modifier=ReplaceToLinear(), clone=True)
print("gradcam", gradcam(score, x, penultimate_layer=-1).shape)
