"""ConvNeXtTiny to ConvNeXtXLarge: `keras.applications.convnext`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from os import PathLike
from typing import Any, Protocol

from minikeras import initializers, layers
from minikeras.applications.build import Network, pooled
from minikeras.applications.common import introduce
from minikeras.applications.imagenet_utils import decode_predictions, preprocessing
from minikeras.applications.options import Options
from minikeras.applications.pretrained import by_pattern
from minikeras.engine.symbolic import KerasTensor
from minikeras.models.functional import Functional
from minikeras.models.sequential import Sequential
from minikeras.types import ArrayLike, Identifier

_MEANS = (0.485, 0.456, 0.406)
_DEVIATIONS = (0.229, 0.224, 0.225)
_EPSILON = 1e-6  # of all layer normalizations
_REFERENCE = """\
Liu, Mao, Wu, Feichtenhofer, Darrell, Xie: A ConvNet for the 2020s; 2022.
    https://arxiv.org/abs/2201.03545"""
_EXTRA = """\
    include_preprocessing: Whether the model brings pictures of 0 to 255 into its range.
"""


class LayerScale(layers.Layer):
    """A trained factor for each channel, small at first.

    Args:
        init_values: The factors before training.
        projection_dim: Number of channels.
        **kwargs: See `Layer`.

    Input shape:
        `(batch, ..., projection_dim)`.

    Output shape:
        The same.

    Reference:
        Touvron, Cord, Sablayrolles, Synnaeve, Jégou: Going Deeper with Image
        Transformers; 2021, equation 4.
    """

    gamma: Any

    def __init__(self, init_values: float, projection_dim: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.init_values = init_values
        self.projection_dim = projection_dim

    def build(self, _: Any) -> None:
        """Make the factors.

        Args:
            _: Shape of the inputs; the number of channels is known.
        """
        self.gamma = self.add_weight(
            shape=(self.projection_dim,),
            initializer=initializers.Constant(self.init_values),
            trainable=True,
        )

    def call(self, x: ArrayLike) -> Any:
        """The product.

        Args:
            x: Tensor whose last axis has the channels.
        """
        return x * self.gamma

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {
            **super().get_config(),
            "init_values": self.init_values,
            "projection_dim": self.projection_dim,
        }


def _normalization(name: str) -> layers.Layer:
    return layers.LayerNormalization(epsilon=_EPSILON, name=name)


def _body(
    x: KerasTensor,
    depths: tuple[int, ...],
    channels: tuple[int, ...],
    name: str,
    preprocessed: bool,
) -> KerasTensor:
    if preprocessed:
        x = layers.Normalization(
            mean=[mean * 255 for mean in _MEANS],
            variance=[(deviation * 255) ** 2 for deviation in _DEVIATIONS],
            name=f"{name}_prestem_normalization",
        )(x)
    stem = Sequential(
        [
            layers.Conv2D(channels[0], 4, 4, name=f"{name}_stem_conv"),
            _normalization(f"{name}_stem_layernorm"),
        ],
        name=f"{name}_stem",
    )
    x = stem(x)
    for stage, (depth, width) in enumerate(zip(depths, channels)):
        if stage:
            x = _halved(x, width, stage - 1, name)
        for i in range(depth):
            x = _block(x, width, f"{name}_stage_{stage}_block_{i}")
    return x


def _halved(x: KerasTensor, width: int, number: int, name: str) -> KerasTensor:
    """Half the size, `width` channels."""
    parts = [
        _normalization(f"{name}_downsampling_layernorm_{number}"),
        layers.Conv2D(width, 2, 2, name=f"{name}_downsampling_conv_{number}"),
    ]
    return Sequential(parts, name=f"{name}_downsampling_block_{number}")(x)


def _block(x: KerasTensor, width: int, name: str) -> KerasTensor:
    """Filtered channel by channel, then two dense layers over the channels."""
    y = layers.Conv2D(
        width, 7, padding="same", groups=width, name=f"{name}_depthwise_conv"
    )(x)
    y = _normalization(f"{name}_layernorm")(y)
    y = layers.Dense(4 * width, name=f"{name}_pointwise_conv_1")(y)
    y = layers.Activation("gelu", name=f"{name}_gelu")(y)
    y = layers.Dense(width, name=f"{name}_pointwise_conv_2")(y)
    y = LayerScale(1e-6, width, name=f"{name}_layer_scale")(y)
    y = layers.Activation("linear", name=f"{name}_identity")(y)
    return x + y


def _top(x: KerasTensor, options: Options, name: str) -> KerasTensor:
    x = layers.GlobalAveragePooling2D(name=f"{name}_head_gap")(x)
    x = _normalization(f"{name}_head_layernorm")(x)
    return layers.Dense(
        options.classes,
        activation=options.classifier_activation,
        name=f"{name}_head_dense",
    )(x)


class _ConvNeXt(Network):
    """Without a classifier it ends with a normalization behind the pooling."""

    def end(self, x: KerasTensor, options: Options) -> KerasTensor:
        if options.include_top:
            return self.top(x, options)
        x = pooled(x, options, self.pools)
        return layers.LayerNormalization(epsilon=_EPSILON)(x)


class _Application(Protocol):
    """The function of one of these networks."""

    __name__: str

    def __call__(
        self,
        include_top: bool = True,
        include_preprocessing: bool = True,
        weights: str | PathLike[str] | None = "imagenet",
        input_tensor: KerasTensor | None = None,
        input_shape: Sequence[int | None] | None = None,
        pooling: str | None = None,
        classes: int = 1000,
        classifier_activation: Identifier = "softmax",
        name: str | None = ...,
    ) -> Functional:
        """The model."""


def _made(
    kind: str, depth: int, channels: tuple[int, ...], about: str, *hashes: str
) -> _Application:
    function, own_name = f"ConvNeXt{kind}", f"convnext_{kind.lower()}"

    def network(name: str, preprocessed: bool) -> Network:
        body = partial(
            _body, depths=(3, 3, depth, 3), channels=channels, name=name,
            preprocessed=preprocessed,
        )  # fmt: skip
        files = by_pattern("convnext", f"{own_name}{{}}.h5", (hashes[0], hashes[1]))
        top = partial(_top, name=name)
        return _ConvNeXt(own_name, 224, body, files, top=top, pools=(None, None))

    def made(
        include_top: bool = True,
        include_preprocessing: bool = True,
        weights: str | PathLike[str] | None = "imagenet",
        input_tensor: KerasTensor | None = None,
        input_shape: Sequence[int | None] | None = None,
        pooling: str | None = None,
        classes: int = 1000,
        classifier_activation: Identifier = "softmax",
        name: str | None = own_name,
    ) -> Functional:
        options = Options(
            function, include_top, weights, input_tensor, input_shape, pooling, classes,
            classifier_activation, name,
        )  # fmt: skip
        # The names of the layers begin with that of the model.
        return network(name or own_name, include_preprocessing).model(options)

    own = network(own_name, True)
    introduce(made, function, __name__, own, about, _REFERENCE, _EXTRA)
    return made


ConvNeXtTiny = _made(
    "Tiny", 9, (96, 192, 384, 768), "18 blocks, 29 million weights",
    "8ae6e78ce2933352b1ef4008e6dd2f17bc40771563877d156bc6426c7cf503ff",
    "d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1",
)  # fmt: skip
ConvNeXtSmall = _made(
    "Small", 27, (96, 192, 384, 768), "36 blocks, 50 million weights",
    "ce1277d8f1ee5a0ef0e171469089c18f5233860ceaf9b168049cb9263fd7483c",
    "6fc8009faa2f00c1c1dfce59feea9b0745eb260a7dd11bee65c8e20843da6eab",
)  # fmt: skip
ConvNeXtBase = _made(
    "Base", 27, (128, 256, 512, 1024), "36 blocks, 89 million weights",
    "52cbb006d3dadd03f6e095a8ca1aca47aecdd75acb4bc74bce1f5c695d0086e6",
    "40a20c5548a5e9202f69735ecc06c990e6b7c9d2de39f0361e27baeb24cb7c45",
)  # fmt: skip
ConvNeXtLarge = _made(
    "Large", 27, (192, 384, 768, 1536), "36 blocks, 198 million weights",
    "070c5ed9ed289581e477741d3b34beffa920db8cf590899d6d2c67fba2a198a6",
    "96f02b6f0753d4f543261bc9d09bed650f24dd6bc02ddde3066135b63d23a1cd",
)  # fmt: skip
ConvNeXtXLarge = _made(
    "XLarge", 27, (256, 512, 1024, 2048), "36 blocks, 350 million weights",
    "c1f5ccab661354fc3a79a10fa99af82f0fbf10ec65cb894a3ae0815f17a889ee",
    "de3f8a54174130e0cecdc71583354753d557fcf1f4487331558e2a16ba0cfe05",
)  # fmt: skip
preprocess_input = preprocessing(__name__, None)

__all__ = [
    "ConvNeXtBase",
    "ConvNeXtLarge",
    "ConvNeXtSmall",
    "ConvNeXtTiny",
    "ConvNeXtXLarge",
    "decode_predictions",
    "preprocess_input",
]
