"""The functions that most networks are made by: one list of arguments, written once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any, Protocol

from minikeras.applications.build import Network
from minikeras.applications.options import Options
from minikeras.engine.symbolic import KerasTensor
from minikeras.models.functional import Functional
from minikeras.types import Identifier

_ARGS = """\
    include_top: Whether the classifier is part of the model.
    weights: `"imagenet"` for trained weights, which are fetched once; the path of a file
        of weights; or None for weights drawn at random.
    input_tensor: KerasTensor to build on. Default: a new input.
    input_shape: Height, width and channels of a picture (channels first where that is
        the configured data format). Only without the classifier, or with weights that
        are not ImageNet's, may it be another than {size} x {size} x 3; at least
        {least} x {least} pixels.
    pooling: Without the classifier: None for feature maps `(batch, rows, columns,
        channels)`; `"avg"` or `"max"` for their mean or largest value, `(batch, channels)`.
    classes: Number of classes; 1000 with ImageNet's classifier.
    classifier_activation: Activation of the classifier; None for logits.
{extra}    name: Name of the model.
"""
_DOC = """{name}: {about}.

Args:
{args}
Returns:
    A functional model.

Raises:
    ValueError: If arguments do not fit one another or the network.
    DownloadError: If the weights cannot be fetched; says where to put the file.

Example:

>>> model = keras.applications.{name}(weights=None, include_top=False, pooling="avg")
>>> model.input_shape
{shape}

Reference:
    {reference}
"""


class Application(Protocol):
    """The function of a network, with the arguments that most have."""

    __name__: str

    def __call__(
        self,
        include_top: bool = True,
        weights: str | PathLike[str] | None = "imagenet",
        input_tensor: KerasTensor | None = None,
        input_shape: Sequence[int | None] | None = None,
        pooling: str | None = None,
        classes: int = 1000,
        classifier_activation: Identifier = "softmax",
        name: str | None = ...,
    ) -> Functional:
        """The model."""


def application(
    function: str, module: str, network: Network, about: str, reference: str
) -> Application:
    """The function that makes models of a network.

    Args:
        function: Its name.
        module: The module that it is in.
        network: The table of the network.
        about: What it is, half a sentence.
        reference: Where it was published.
    """

    def made(
        include_top: bool = True,
        weights: str | PathLike[str] | None = "imagenet",
        input_tensor: KerasTensor | None = None,
        input_shape: Sequence[int | None] | None = None,
        pooling: str | None = None,
        classes: int = 1000,
        classifier_activation: Identifier = "softmax",
        name: str | None = network.name,
    ) -> Functional:
        return network.model(
            Options(
                function, include_top, weights, input_tensor, input_shape, pooling,
                classes, classifier_activation, name,
            )
        )  # fmt: skip

    introduce(made, function, module, network, about, reference)
    return made


def introduce(
    made: Callable[..., Any],
    function: str,
    module: str,
    network: Network,
    about: str,
    reference: str,
    extra: str = "",
) -> None:
    """Give a function of a network its name, module and documentation.

    Args:
        made: The function.
        function: Its name.
        module: The module that it is in.
        network: The table of the network.
        about: What it is, half a sentence.
        reference: Where it was published.
        extra: Lines about arguments that others do not have.
    """
    side = network.size if network.fixed else None
    args = _ARGS.format(size=network.size, least=network.least, extra=extra)
    made.__name__ = made.__qualname__ = function
    made.__module__ = module
    made.__doc__ = _DOC.format(
        name=function,
        about=about,
        args=args,
        shape=(None, side, side, 3),
        reference=reference,
    )
