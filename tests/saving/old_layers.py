"""What Keras 2 wrote of its layers: class, config, shape of an input."""

from __future__ import annotations

from typing import Any

UNIFORM = {"class_name": "GlorotUniform", "config": {"seed": None}}
ZEROS = {"class_name": "Zeros", "config": {}}
ONES = {"class_name": "Ones", "config": {}}


def of(*weights: str) -> dict[str, Any]:
    """The options of weights."""
    found: dict[str, Any] = {}
    for name in weights:
        found[f"{name}_initializer"] = ZEROS if name == "bias" else UNIFORM
        found[f"{name}_regularizer"] = found[f"{name}_constraint"] = None
    return found


def nested(class_name: str, **config: Any) -> dict[str, Any]:
    """A layer inside another one."""
    return {"class_name": class_name, "config": {"name": "inner", **config}}


def window(rank: int) -> dict[str, Any]:
    return {
        "filters": 4, "kernel_size": [2] * rank, "strides": [1] * rank,
        "padding": "same", "data_format": "channels_last", "dilation_rate": [1] * rank,
        "groups": 1, "activation": "linear", "use_bias": True,
        "activity_regularizer": None, **of("kernel", "bias"),
    }  # fmt: skip


def depthwise(rank: int) -> dict[str, Any]:
    config = {**window(rank), "depth_multiplier": 2, **of("depthwise")}
    del config["filters"]
    return config


def pool(rank: int) -> dict[str, Any]:
    return {"pool_size": [2] * rank, "padding": "valid", "strides": [2] * rank,
            "data_format": "channels_last"}  # fmt: skip


def norm(axis: Any) -> dict[str, Any]:
    return {
        "axis": axis, "epsilon": 0.001, "center": True, "scale": True,
        "beta_initializer": ZEROS, "gamma_initializer": ONES, "beta_regularizer": None,
        "gamma_regularizer": None, "beta_constraint": None, "gamma_constraint": None,
    }  # fmt: skip


WALK = {
    "return_sequences": True, "return_state": False, "go_backwards": False,
    "stateful": False, "unroll": False, "time_major": False,
}  # fmt: skip
SIMPLE_CELL = {"units": 3, "activation": "tanh", "use_bias": True, "dropout": 0.0,
               "recurrent_dropout": 0.0, **of("kernel", "recurrent", "bias")}  # fmt: skip
CELL = {**SIMPLE_CELL, "recurrent_activation": "sigmoid", "implementation": 2}
LSTM_CELL = {**CELL, "unit_forget_bias": True}
LSTM = {**LSTM_CELL, **WALK, "activity_regularizer": None}
GRU = {**CELL, **WALK, "reset_after": True, "activity_regularizer": None}
CONV_LSTM = {**LSTM, **window(2)}
for _key in ("units", "implementation", "groups"):
    del CONV_LSTM[_key]

STEPS, LINE, IMG, VOL = (2, 4, 3), (2, 6, 3), (2, 6, 6, 3), (1, 4, 4, 4, 3)
HEADS = {
    "num_heads": 2, "key_dim": 2, "value_dim": 2, "dropout": 0.0, "use_bias": True,
    "output_shape": None, "attention_axes": [1], "activity_regularizer": None,
    "query_shape": [None, 4, 3], "key_shape": [None, 4, 3], "value_shape": [None, 4, 3],
    **of("kernel", "bias"),
}  # fmt: skip

OLD_LAYERS: list[tuple[str, dict[str, Any], Any]] = [
    ("Conv1D", window(1), LINE),
    ("Conv2D", {**window(2), "batch_input_shape": [None, 6, 6, 3]}, IMG),
    ("Convolution2D", {"filters": 2, "kernel_size": 3}, IMG),
    ("Conv3D", window(3), VOL),
    ("Conv1DTranspose", {**window(1), "output_padding": None}, LINE),
    ("Conv2DTranspose", {**window(2), "output_padding": None}, IMG),
    ("Conv3DTranspose", {**window(3), "output_padding": None}, VOL),
    ("SeparableConv1D", {**window(1), "depth_multiplier": 1,
                         **of("depthwise", "pointwise")}, LINE),
    ("SeparableConv2D", {**window(2), "depth_multiplier": 1,
                         **of("depthwise", "pointwise")}, IMG),
    ("DepthwiseConv1D", depthwise(1), LINE),
    ("DepthwiseConv2D", depthwise(2), IMG),
    ("MaxPooling1D", pool(1), LINE),
    ("AveragePooling3D", pool(3), VOL),
    ("GlobalMaxPooling2D", {"data_format": "channels_last", "keepdims": False}, IMG),
    ("BatchNormalization", {**norm([3]), "momentum": 0.99, "moving_mean_initializer": ZEROS,
                            "moving_variance_initializer": ONES, "renorm": False,
                            "virtual_batch_size": None, "fused": True}, IMG),
    ("LayerNormalization", norm([2]), LINE),
    ("GroupNormalization", {**norm(-1), "groups": 1}, LINE),
    ("SpectralNormalization", {"power_iterations": 1,
                               "layer": nested("Dense", units=2)}, (2, 3)),
    ("LSTM", LSTM, STEPS),
    ("GRU", GRU, STEPS),
    ("SimpleRNN", {**SIMPLE_CELL, **WALK, "activity_regularizer": None}, STEPS),
    ("RNN", {**WALK, "cell": nested("LSTMCell", **LSTM_CELL)}, STEPS),
    ("RNN", {**WALK, "cell": nested("StackedRNNCells",
                                    cells=[nested("LSTMCell", **LSTM_CELL)] * 2)}, STEPS),
    ("Bidirectional", {"layer": nested("LSTM", **LSTM), "merge_mode": "concat"}, STEPS),
    ("Bidirectional", {"layer": nested("GRU", **GRU), "merge_mode": "sum",
                       "backward_layer": nested("GRU", **{**GRU, "go_backwards": True})},
     STEPS),
    ("TimeDistributed", {"layer": nested("Dense", units=3, activation="relu")}, STEPS),
    ("ConvLSTM2D", CONV_LSTM, (2, 3, 4, 4, 2)),
    ("Dropout", {"rate": 0.5, "noise_shape": None, "seed": None}, (2, 3)),
    ("SpatialDropout1D", {"rate": 0.5, "noise_shape": None, "seed": None}, STEPS),
    ("LeakyReLU", {"alpha": 0.1}, (2, 3)),
    ("ReLU", {"max_value": 6.0, "negative_slope": 0.0, "threshold": 0.0}, (2, 3)),
    ("PReLU", {"alpha_initializer": ZEROS, "alpha_regularizer": None,
               "alpha_constraint": None, "shared_axes": [1, 2]}, IMG),
    ("Reshape", {"target_shape": [12]}, STEPS),
    ("Permute", {"dims": [2, 1]}, STEPS),
    ("ZeroPadding2D", {"padding": [[1, 1], [1, 1]], "data_format": "channels_last"}, IMG),
    ("UpSampling2D", {"size": [2, 2], "data_format": "channels_last",
                      "interpolation": "nearest"}, IMG),
    ("Masking", {"mask_value": 0.0, "batch_input_shape": [None, 4, 3]}, STEPS),
    ("Concatenate", {"axis": -1}, [(2, 3), (2, 3)]),
    ("Dot", {"axes": 1, "normalize": False}, [(2, 3), (2, 3)]),
    ("Attention", {"use_scale": False, "score_mode": "dot", "dropout": 0.0},
     [STEPS, STEPS]),
    ("MultiHeadAttention", HEADS, STEPS),
    ("EinsumDense", {"output_shape": [None, 4], "equation": "abc,cd->abd",
                     "activation": "linear", "bias_axes": "d",
                     "activity_regularizer": None, **of("kernel", "bias")}, STEPS),
]  # fmt: skip
