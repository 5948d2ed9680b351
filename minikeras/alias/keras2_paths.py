"""Module paths of Keras 2 that scripts still use, and where Keras 3 keeps their names."""

# Path below `keras` -> the public module of Keras 3 that has these names now.
MOVED = {
    "engine": "models",
    "engine.base_layer": "layers",
    "engine.functional": "models",
    "engine.input_layer": "layers",
    "engine.input_spec": "layers",
    "engine.keras_tensor": "",
    "backend_config": "backend",
    "engine.network": "models",
    "engine.node": "layers",
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
    "experimental": "optimizers.schedules",
    "initializations": "initializers",
    "losses.losses": "losses",
    "objectives": "losses",
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
    "utils.tf_utils": "utils",
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
_LAYERS = "minikeras.alias.internals.layers"


def _of_utils(names: str) -> dict[str, str]:
    return {name: f"minikeras.alias.keras2_utils:{name}" for name in names.split()}


NAMES = {
    "layers": {
        name: f"minikeras.alias.keras2_names:{name}"
        for name in ("CuDNNGRU", "CuDNNLSTM", "ThresholdedReLU")
    },
    "layers.experimental": {
        "SyncBatchNormalization": "minikeras.alias.keras2_names:SyncBatchNormalization",
    },
    "layers.convolutional": {"Conv": f"{_LAYERS}:BaseConv"},
    "layers.merge": {
        "()": "minikeras.alias.keras2_names:merge",
        "_Merge": f"{_LAYERS}:Merge",
    },
    "layers.pooling": {
        f"GlobalPooling{n}D": f"{_LAYERS}:BaseGlobalPooling" for n in (1, 2, 3)
    },
    "engine.base_layer": {"Node": f"{_LAYERS}:Node"},
    "engine.node": {"Node": f"{_LAYERS}:Node"},
    "utils.conv_utils": _of_utils(
        "conv_input_length conv_output_length convert_data_format deconv_output_length "
        "normalize_data_format normalize_padding normalize_tuple"
    ),
    "utils.generic_utils": {
        **_of_utils("has_arg object_list_uid slice_arrays unpack_singleton"),
        "to_list": "minikeras.alias.internals.utils:to_list",
        "to_snake_case": "minikeras.naming:to_snake_case",
    },
    "utils.layer_utils": {
        "count_params": "minikeras.alias.internals.utils:count_params",
        "print_summary": "minikeras.alias.internals.small:print_summary",
    },
    "utils.tf_utils": _of_utils(
        "is_symbolic_tensor is_tensor_or_variable shape_type_conversion"
    ),
    "constraints": {
        "maxnorm": "minikeras.constraints:MaxNorm",
        "nonneg": "minikeras.constraints:NonNeg",
        "unitnorm": "minikeras.constraints:UnitNorm",
    },
    "initializers": {
        "normal": "minikeras.initializers:RandomNormal",
        "uniform": "minikeras.initializers:RandomUniform",
        "one": "minikeras.initializers:Ones",
        "zero": "minikeras.initializers:Zeros",
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
