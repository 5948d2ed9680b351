"""Module paths of Keras 2 that scripts still use, and where Keras 3 keeps their names."""

# Path below `keras` -> the public module of Keras 3 that has these names now.
MOVED = {
    "engine": "models",
    "engine.base_layer": "layers",
    "engine.functional": "models",
    "engine.input_layer": "layers",
    "engine.input_spec": "layers",
    "engine.keras_tensor": "",
    "engine.network": "models",
    "engine.sequential": "models",
    "engine.topology": "layers",
    "engine.training": "models",
    "layers.advanced_activations": "layers",
    "layers.attention": "layers",
    "layers.convolutional": "layers",
    "layers.convolutional_recurrent": "layers",
    "layers.core": "layers",
    "layers.embeddings": "layers",
    "layers.experimental": "layers",
    "layers.experimental.preprocessing": "layers",
    "layers.local": "layers",
    "layers.merge": "layers",
    "layers.merging": "layers",
    "layers.noise": "layers",
    "layers.normalization": "layers",
    "layers.normalization.batch_normalization": "layers",
    "layers.normalization.layer_normalization": "layers",
    "layers.pooling": "layers",
    "layers.preprocessing": "layers",
    "layers.recurrent": "layers",
    "layers.regularization": "layers",
    "layers.reshaping": "layers",
    "layers.rnn": "layers",
    "layers.wrappers": "layers",
    "backend.tensorflow_backend": "backend",
    "callbacks.callbacks": "callbacks",
    "losses.losses": "losses",
    "mixed_precision.experimental": "mixed_precision",
    "optimizers.adam": "optimizers",
    "optimizers.experimental": "optimizers",
    "optimizers.learning_rate_schedule": "optimizers.schedules",
    "optimizers.optimizer_v2": "optimizers",
    "optimizers.optimizer_v2.adam": "optimizers",
    "optimizers.rmsprop": "optimizers",
    "optimizers.sgd": "optimizers",
    "optimizers.schedules.learning_rate_schedule": "optimizers.schedules",
    "preprocessing.text": "preprocessing.text",
    "preprocessing.timeseries": "utils",
    "saving.object_registration": "saving",
    "utils.conv_utils": "utils",
    "utils.data_utils": "utils",
    "utils.generic_utils": "utils",
    "utils.image_utils": "utils",
    "utils.io_utils": "utils",
    "utils.layer_utils": "utils",
    "utils.np_utils": "utils",
    "utils.training_utils": "utils",
    "utils.vis_utils": "utils",
    "wrappers.scikit_learn": "wrappers",
}
# Path of a public module -> names that tf.keras has there and Keras 3 has not.
_FUNCTIONS = {
    "KLD": "kl_divergence",
    "MAE": "mean_absolute_error",
    "MAPE": "mean_absolute_percentage_error",
    "MSE": "mean_squared_error",
    "MSLE": "mean_squared_logarithmic_error",
    "kld": "kl_divergence",
    "kullback_leibler_divergence": "kl_divergence",
    "logcosh": "log_cosh",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "mse": "mean_squared_error",
    "msle": "mean_squared_logarithmic_error",
}
_LOSSES = {name: f"minikeras.losses:{now}" for name, now in _FUNCTIONS.items()}
NAMES = {
    "layers": {
        name: f"minikeras.alias.keras2_names:{name}"
        for name in ("CuDNNGRU", "CuDNNLSTM", "ThresholdedReLU")
    },
    "losses": {**_LOSSES, "Reduction": "minikeras.alias.keras2_names:Reduction"},
    "metrics": _LOSSES,
    "wrappers.scikit_learn": {
        name: f"minikeras.alias.keras2_scikit_learn:{name}"
        for name in ("BaseWrapper", "KerasClassifier", "KerasRegressor")
    },
    "mixed_precision": {"Policy": "minikeras.dtype_policies:DTypePolicy"},
}
# Roots under which Keras could once be reached; what follows is a path below `keras`.
OTHER_ROOTS = (
    "tensorflow.keras",
    "tensorflow.python.keras",
    "tensorflow.compat.v2.keras",
    "tensorflow.compat.v1.keras",
    "tf_keras",
    "keras._tf_keras.keras",
    "keras.api",
    "keras.api._v2.keras",
)
