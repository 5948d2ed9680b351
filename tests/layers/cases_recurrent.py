"""The rows of recurrent layers; `Sub` stands for a layer that is an argument."""

from typing import Any

from tests.layers.case import Case as C
from tests.layers.case import Sub

STEPS, LINE, PIX, CUBE = (5, 3), (3, 6, 2), (3, 5, 4, 2), (2, 4, 3, 4, 2)
ALL: dict[str, Any] = {"return_sequences": True}
BACK: dict[str, Any] = {"return_sequences": True, "go_backwards": True}


def cell(name: str, units: int = 3, **kwargs: Any) -> Sub:
    return Sub(f"{name}Cell", {"units": units, **kwargs})


def both(name: str, merge_mode: Any = "concat", **kwargs: Any) -> dict[str, Any]:
    return {"layer": Sub(name, {"units": 3, **kwargs}), "merge_mode": merge_mode}


RECURRENT_CASES = [
    *[C(name, {"units": 4, **more}, STEPS)
      for name in ("SimpleRNN", "LSTM", "GRU")
      for more in ({}, ALL, BACK, {"use_bias": False, **ALL}, {"unroll": True},
                   {"go_backwards": True, "unroll": True, **ALL})],
    C("SimpleRNN", {"units": 4, "activation": "relu", **ALL}, STEPS),
    C("SimpleRNN", {"units": 4, "activation": "gelu", **ALL}, STEPS),
    C("SimpleRNN", {"units": 1}, (1, 1)),
    C("LSTM", {"units": 4, "activation": "relu", "unit_forget_bias": False}, STEPS),
    C("LSTM", {"units": 4, "recurrent_activation": "hard_sigmoid", **ALL}, STEPS),
    C("LSTM", {"units": 4, "recurrent_activation": "hard_sigmoid", **BACK}, STEPS),
    C("GRU", {"units": 4, "reset_after": False, **ALL}, STEPS),
    C("GRU", {"units": 4, "reset_after": False, "use_bias": False}, STEPS),
    C("GRU", {"units": 4, "activation": None, "recurrent_activation": "tanh"}, STEPS),
    C("RNN", {"cell": cell("SimpleRNN", activation="selu")}, STEPS),
    C("RNN", {"cell": cell("LSTM"), **ALL}, STEPS),
    C("RNN", {"cell": cell("GRU", reset_after=False), **BACK}, STEPS),
    C("RNN", {"cell": [cell("LSTM"), cell("GRU", 2), cell("SimpleRNN", 4)], **ALL},
      STEPS),
    C("RNN", {"cell": Sub("StackedRNNCells", {"cells": [cell("GRU"), cell("GRU", 2)]}),
              "unroll": True}, STEPS),
    *[C("Bidirectional", both("LSTM", mode, **ALL), STEPS)
      for mode in ("concat", "sum", "ave", "mul")],
    C("Bidirectional", both("GRU"), STEPS),
    C("Bidirectional", {**both("GRU", "sum", **ALL),
                        "backward_layer": Sub("LSTM", {"units": 3, **BACK})}, STEPS),
    C("TimeDistributed", {"layer": Sub("Dense", {"units": 4})}, STEPS),
    C("TimeDistributed", {"layer": Sub("Conv2D", {"filters": 2, "kernel_size": 2})},
      PIX),
    C("TimeDistributed", {"layer": Sub("BatchNormalization", {"momentum": 0.5})}, STEPS),
    C("TimeDistributed", {"layer": Sub("LSTM", {"units": 2})}, LINE),
    C("ConvLSTM1D", {"filters": 2, "kernel_size": 3, "strides": 2, **ALL}, LINE),
    C("ConvLSTM1D", {"filters": 2, "kernel_size": 2, "dilation_rate": 2,
                     "use_bias": False}, LINE),
    C("ConvLSTM2D", {"filters": 2, "kernel_size": 2}, PIX),
    C("ConvLSTM2D", {"filters": 2, "kernel_size": (3, 2), "padding": "same",
                     "activation": "relu", **BACK}, PIX),
    C("ConvLSTM2D", {"filters": 2, "kernel_size": 2,
                     "data_format": "channels_first"}, (3, 2, 5, 4)),
    C("ConvLSTM3D", {"filters": 2, "kernel_size": 2}, CUBE),
]  # fmt: skip
