"""Arguments that make no sense: refused as Keras refuses them, by the layer's name."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pytest

from minikeras import KerasTensor, layers
from tests.goldens.oracle import keras


class Bad(NamedTuple):
    """A layer and arguments that it must refuse."""

    layer: str
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = MappingProxyType({})

    @property
    def id(self) -> str:
        shown = [*map(repr, self.args), *(f"{k}={v!r}" for k, v in self.kwargs.items())]
        return f"{self.layer}({', '.join(shown)})".replace(" ", "")


B = Bad
REFUSED = [
    *[B("Dense", (units,)) for units in (0, -1, 1.5, "3")],
    B("Dense", (3,), {"unit": 3}),
    *[B("Conv2D", args) for args in ((0, 3), (2, 0), (2, (1, 2, 3)), (2, "a"))],
    *[B("Conv2D", (3, 3), more)
      for more in ({"padding": "foo"}, {"padding": "causal"}, {"strides": 0},
                   {"dilation_rate": 0}, {"groups": 2}, {"groups": 0},
                   {"data_format": "foo"}, {"strides": 2, "dilation_rate": 2})],
    B("DepthwiseConv2D", (3,), {"depth_multiplier": 0}),
    B("DepthwiseConv1D", (3,), {"padding": "causal"}),
    B("Conv1DTranspose", (2, 3), {"padding": "causal"}),
    B("Conv2DTranspose", (2, 3), {"strides": 2, "output_padding": 2}),
    B("Conv2DTranspose", (2, 3), {"output_padding": 2, "strides": 2}),
    B("Conv2DTranspose", (2, 3), {"strides": 2, "dilation_rate": 2}),
    B("MaxPooling2D", (0,)),
    B("MaxPooling2D", ((1, 2, 3),)),
    B("GlobalMaxPooling1D", (), {"data_format": "foo"}),
    B("AdaptiveMaxPooling2D", ((1, 2, 3),)),
    *[B("Dropout", (rate,)) for rate in (1.5, -0.1, "a")],
    B("Dropout", (0.5,), {"noise_shape": 3}),
    B("GaussianDropout", (1.5,)),
    B("GaussianNoise", (-1,)),
    B("AlphaDropout", (2,)),
    B("SpatialDropout2D", (0.2,), {"data_format": "foo"}),
    *[B("Embedding", sizes) for sizes in ((0, 3), (3, -1), ("a", 2))],
    B("Reshape", ((-1, -1),)),
    *[B("Permute", (dims,)) for dims in ((1, 1), (0, 1), (2, 3))],
    *[B("RepeatVector", (n,)) for n in ("a", 0, 2.0)],
    *[B("ZeroPadding2D", (padding,)) for padding in ("a", (1, 2, 3))],
    *[B("Cropping2D", (cropping,)) for cropping in (-1, (1, 2, 3))],
    B("UpSampling1D", ("a",)),
    B("UpSampling2D", ((1, 2, 3),)),
    B("BatchNormalization", (), {"axis": "a"}),
    B("BatchNormalization", (), {"axis": [1, 2]}),
    *[B("LayerNormalization", (axis,)) for axis in ("a", 1.5)],
    B("GroupNormalization", (0,)),
    B("UnitNormalization", ("a",)),
    *[B(name, (units,)) for name in ("LSTM", "GRU", "SimpleRNN") for units in (0, "a")],
    B("ConvLSTM2D", (1, 2), {"strides": 2, "dilation_rate": 2}),
    *[B(name, (3,)) for name in ("RNN", "TimeDistributed", "Bidirectional", "Lambda")],
    B("MultiHeadAttention", (0, 2)),
    B("MultiHeadAttention", (2, 0)),
    B("GroupQueryAttention", (2, 3, 2)),
    B("Attention", (), {"score_mode": "a"}),
    *[B("ReLU", (), {key: -1.0}) for key in ("max_value", "negative_slope", "threshold")],
    B("LeakyReLU", (None,)),
    *[B("Dot", (axes,)) for axes in ((1, 2, 3), 1.5, "a")],
    B("InputLayer"),
    B("InputLayer", ((3,),), {"batch_shape": (1, 3)}),
]  # fmt: skip


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("bad", REFUSED, ids=lambda bad: bad.id)
def test_arguments_are_refused_as_keras_refuses_them(bad):
    with pytest.raises(Exception) as theirs:
        getattr(keras().layers, bad.layer)(*bad.args, **bad.kwargs)
    named = "Group(ed)?QueryAttention" if "GroupQuery" in bad.layer else bad.layer
    with pytest.raises(theirs.type, match=re.compile(named)):
        getattr(layers, bad.layer)(*bad.args, **bad.kwargs)


@pytest.mark.parametrize(
    ("size", "said"),
    [(-1, "positive"), (0, "positive"), (1.5, "elements to be integers")],
)
def test_noise_shapes_hold_positive_integers(size, said):
    with pytest.raises(ValueError, match=f"noise_shape`.*{said}.* or None"):
        layers.Dropout(0.5, noise_shape=(size, 2))


@pytest.mark.parametrize("make", [layers.ZeroPadding1D, layers.Cropping1D])
def test_a_border_of_one_number_in_a_tuple_is_refused(make):
    with pytest.raises(ValueError, match="expected an integer, or for each"):
        make((1,))


@pytest.mark.parametrize("trainable", [1, None, "no"])
def test_trainable_is_a_bool(trainable):
    with pytest.raises(ValueError, match="expected a bool"):
        layers.Dense(2, trainable=trainable)


def test_attention_on_one_tensor_says_what_it_takes():
    for layer in (layers.Attention(), layers.AdditiveAttention()):
        with pytest.raises(ValueError, match=r"takes a list \[query, value\]"):
            layer(np.ones((2, 3, 5), "float32"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"batch_size": 2, "batch_shape": (2, 2)}, "expected one of them"),
        ({"input_tensor": 3}, "expected a KerasTensor"),
        ({"input_tensor": KerasTensor((3, 2)), "dtype": "int32"}, "which differ"),
        ({"input_tensor": KerasTensor((3, 2)), "batch_size": 4}, "which differ"),
        ({"input_tensor": KerasTensor((3, 2)), "batch_shape": (3, 4)}, "which differ"),
    ],
)
def test_inputs_whose_arguments_disagree(arguments, words):
    with pytest.raises(ValueError, match=words):
        layers.InputLayer(**arguments)


@pytest.mark.parametrize("name", ["GroupNormalization", "BatchNormalization"])
@pytest.mark.parametrize("shape", [(2, 3, 8), (2, 4)])
def test_a_normalization_takes_what_it_was_built_for(name, shape):
    layer = getattr(layers, name)(**({"groups": 2} if name[0] == "G" else {}))
    layer(np.ones((2, 3, 4)))
    with pytest.raises(ValueError, match=rf"{name}.*shape \(2, "):
        layer(np.ones(shape))


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda n: layers.Dense(n), "units"),
        (lambda n: layers.Conv2D(4, 3, groups=n), "groups"),
        (lambda n: layers.LSTM(n), "units"),
        (lambda n: layers.GroupNormalization(n), "groups"),
        (lambda n: layers.Permute([n, 1]), "dims"),
        (lambda n: layers.Resizing(n, 3), "height"),
        (lambda n: layers.MaxNumBoundingBoxes(n), "max_number"),
        (lambda n: layers.Input((n,)), "shape"),
    ],
)
@pytest.mark.parametrize("value", [np.ones((2, 2)), np.array([3]), True, "3"], ids=str)
def test_an_array_where_one_integer_is_wanted_is_named(make, named, value):
    with pytest.raises(ValueError, match=f"{named}=.*expected") as error:
        make(value)
    assert len(str(error.value)) < 200
    make(np.array(2))  # one number in an array is one
