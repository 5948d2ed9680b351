"""From a table to a model: what the functions of all networks have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from minikeras import layers
from minikeras.applications.options import Options, Shape
from minikeras.applications.pretrained import Files
from minikeras.engine.symbolic import KerasTensor
from minikeras.initializers.base import undrawn
from minikeras.models.functional import Functional

Body = Callable[[KerasTensor], KerasTensor]


def dense_top(
    x: KerasTensor,
    options: Options,
    pool: str | None = "avg_pool",
    dropout: float = 0.0,
    dropout_name: str | None = None,
) -> KerasTensor:
    """The mean over all pixels, and a dense layer over it: what most networks end with."""
    x = layers.GlobalAveragePooling2D(name=pool)(x)
    if dropout > 0:
        x = layers.Dropout(dropout, name=dropout_name)(x)
    return layers.Dense(
        options.classes, activation=options.classifier_activation, name="predictions"
    )(x)


@dataclass(frozen=True)
class Network:
    """A network as a table says it.

    Attributes:
        name: What its models are called.
        size: Height and width of its pictures.
        body: All layers before the classifier or the pooling.
        files: Its trained weights.
        least: The smallest height and width.
        top: The classifier.
        pools: Names of the poolings that `pooling` asks for.
        fixed: Whether the size must be known. Default: with a classifier.
        ranged: Brings pictures into the network's range; where the options matter for it.
    """

    name: str
    size: int
    body: Body
    files: Files
    least: int = 32
    top: Callable[[KerasTensor, Options], KerasTensor] = dense_top
    pools: tuple[str | None, str | None] = ("avg_pool", "max_pool")
    fixed: bool | None = None
    ranged: Callable[[KerasTensor, Options], KerasTensor] | None = None

    def model(self, options: Options, shape: Shape | None = None) -> Functional:
        """The model that a caller asks for.

        Args:
            options: What is asked for.
            shape: Of a picture, if it was looked at already.

        Raises:
            ValueError: If the options do not fit.
            DownloadError: If the weights cannot be fetched.
        """
        known = shape or options.shape(self.size, self.least, self.fixed)
        if options.weights is None:
            return self._built(options, known)
        path = self.files.path(options)  # first: without the file the work is lost
        return undrawn(lambda: self._loaded(options, known, path))

    def _loaded(self, options: Options, shape: Shape, path: str) -> Functional:
        model = self._built(options, shape)
        model.load_weights(path)
        return model

    def _built(self, options: Options, shape: Shape) -> Functional:
        image = options.image(shape)
        x = image if self.ranged is None else self.ranged(image, options)
        x = self.body(x)
        x = self.end(x, options)
        name = self.name if options.name is None else options.name
        return Functional(options.sources(image), x, name=name)

    def end(self, x: KerasTensor, options: Options) -> KerasTensor:
        """The classifier, or the pooling in its place."""
        if options.include_top:
            return self.top(x, options)
        return pooled(x, options, self.pools)


def pooled(
    x: KerasTensor, options: Options, names: tuple[str | None, str | None]
) -> KerasTensor:
    """What `pooling` asks for in place of a classifier."""
    if options.pooling == "avg":
        return layers.GlobalAveragePooling2D(name=names[0])(x)
    if options.pooling == "max":
        return layers.GlobalMaxPooling2D(name=names[1])(x)
    return x
