"""FeatureSpace: a table's columns, each encoded in its way, as one vector or as a dict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras import ops
from minikeras.engine import tree
from minikeras.engine.symbolic import KerasTensor
from minikeras.engine.tensor import Tensor
from minikeras.layers.base.layer import Layer
from minikeras.layers.core import Input
from minikeras.layers.preprocessing.batches import each, host
from minikeras.layers.preprocessing.category_encoding import CategoryEncoding
from minikeras.layers.preprocessing.choices import one_of
from minikeras.layers.preprocessing.discretization import Discretization
from minikeras.layers.preprocessing.features import (
    Cross,
    Feature,
    FeatureKinds,
    TFDConcat,
    TFDIdentity,
    as_float,
    written,
)
from minikeras.layers.preprocessing.hashed_crossing import HashedCrossing
from minikeras.layers.preprocessing.host import on_host
from minikeras.layers.preprocessing.lookup import IndexLookup
from minikeras.layers.preprocessing.normalization import Normalization
from minikeras.layers.preprocessing.text_vectorization import TextVectorization
from minikeras.saving import model_files
from minikeras.types import ArrayLike, PartialShape

if TYPE_CHECKING:
    from minikeras.types import Nested


__all__ = ["FeatureSpace", "TFDConcat", "TFDIdentity"]

_WITHOUT_ARGUMENTS = ("float", "float_rescaled", "float_normalized",
                      "integer_categorical", "string_categorical")  # fmt: skip
_HASHED = ("integer_hashed", "string_hashed")


class FeatureSpace(FeatureKinds, Layer):
    """Encodes the columns of a table, each in its way.

    Args:
        features: From the name of each column to how it is encoded: what the methods
            `float`, `float_rescaled`, `float_normalized`, `float_discretized`,
            `integer_categorical`, `string_categorical`, `integer_hashed`,
            `string_hashed` and `feature` give, or one of these names.
        output_mode: `"concat"` for one vector, with the columns in alphabetical order and
            the crossings behind them; `"dict"` for each by its name.
        crosses: Combinations to encode too: tuples of names, or what `cross` gives.
        crossing_dim: How many bins combinations given as tuples go into.
        hashing_dim: How many bins columns given as `"..._hashed"` go into.
        num_discretization_bins: How many ranges `"float_discretized"` makes.
        name: Name of the layer.

    Raises:
        ValueError: If an argument is wrong, a column is missing, or it was not adapted.

    Example:

    >>> data = {"age": [20.0, 40.0], "town": ["Bern", "Rome"]}
    >>> space = keras.utils.FeatureSpace(
    ...     {"age": "float_normalized", "town": "string_categorical"})
    >>> space.adapt(data)
    >>> space(data).tolist()
    [[-1.0, 0.0, 0.0, 1.0], [1.0, 0.0, 1.0, 0.0]]
    """

    _on_host = True
    _converts_arguments = False
    _takes_plain_arguments = True
    _home = "keras.utils"
    _not_saved = ("features", "inputs", "encoded_features")

    def __init__(
        self,
        features: dict[str, Any],
        output_mode: str = "concat",
        crosses: Any = None,
        crossing_dim: int = 32,
        hashing_dim: int = 32,
        num_discretization_bins: int = 32,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        label = self._label()
        if not features or not isinstance(features, dict):
            raise ValueError(
                f"{label}: features={features!r}; expected a dict from the name of each "
                "column to how it is encoded."
            )
        self.output_mode = one_of(output_mode, ("concat", "dict"), "output_mode", label)
        self.crossing_dim = crossing_dim
        self.hashing_dim = hashing_dim
        self.num_discretization_bins = num_discretization_bins
        fields = self.__dict__
        fields["features"] = {
            name: self._feature(name, spec) for name, spec in features.items()
        }
        self.crosses = [self._cross(c) for c in crosses or ()]
        self.crosses_by_name = {cross.name: cross for cross in self.crosses}
        fields["inputs"] = {
            name: Input((1,), dtype=f.dtype, name=name)
            for name, f in self.features.items()
        }
        self.preprocessors = {n: f.preprocessor for n, f in self.features.items()}
        self.crossers = {
            cross.name: HashedCrossing(cross.crossing_dim, name=cross.name)
            for cross in self.crosses
        }
        fields["one_hot_encoders"] = {}  # made when their sizes are known
        self.concat = TFDConcat(axis=-1) if output_mode == "concat" else None
        fields["encoded_features"] = None
        fields["_is_adapted"] = not self._adaptable()

    features: dict[str, Feature]
    inputs: dict[str, KerasTensor]
    encoded_features: Any
    _is_adapted: bool
    one_hot_encoders: dict[str, Any]

    def _feature(self, name: str, spec: object) -> Feature:
        if isinstance(spec, Feature):
            return spec
        if isinstance(spec, dict):
            return Feature.from_config(spec.get("config", spec))
        if spec in _WITHOUT_ARGUMENTS:
            made: Feature = getattr(self, spec)(name=name)
            return made
        if spec == "float_discretized":
            return self.float_discretized(self.num_discretization_bins, name=name)
        if spec in _HASHED:
            hashed: Feature = getattr(self, spec)(self.hashing_dim, name=name)
            return hashed
        known = ", ".join(
            map(repr, (*_WITHOUT_ARGUMENTS, "float_discretized", *_HASHED))
        )
        raise ValueError(
            f"{self._label()}: feature {name!r} is of type {spec!r}; expected one of {known}, "
            "or what methods of FeatureSpace of these names give."
        )

    def _cross(self, spec: Any) -> Cross:
        if isinstance(spec, dict):
            spec = Cross.from_config(spec.get("config", spec))
        if isinstance(spec, str):
            spec = (spec,)
        cross = (
            spec if isinstance(spec, Cross) else Cross(tuple(spec), self.crossing_dim)
        )
        unknown = [n for n in cross.feature_names if n not in self.features]
        if unknown or len(cross.feature_names) < 2:
            raise ValueError(
                f"{self._label()}: crosses has {cross.feature_names}; expected names of two "
                f"features or more, among {', '.join(self.features)}."
            )
        return cross

    # --- adapting

    def _adaptable(self) -> list[str]:
        """The names of the features whose layers learn something."""
        return [n for n, f in self.features.items() if _learns(f.preprocessor)]

    def adapt(self, dataset: object) -> None:
        """Learn what the layers of the features need.

        Args:
            dataset: A dict of arrays or lists, a frame's columns in a dict, or what gives
                such dicts: a Dataset (of single rows or batches), a PyDataset, a generator.
                Of a batch `(x, y)` the first part counts.

        Raises:
            ValueError: If it gives something else, or a column is missing.
        """
        once = isinstance(dataset, Iterator)
        label = self._label()
        source = list(each(_rows(dataset, label), label)) if once else dataset
        for name in self._adaptable():
            values = (
                _column(self._values_of(row, name))
                for row in _rows(source, self._label())
            )
            self.features[name].preprocessor.adapt(values)
        self.__dict__["_is_adapted"] = True
        self.one_hot_encoders.clear()
        self.__dict__["encoded_features"] = None
        self.get_encoded_features()

    def _values_of(self, row: dict[str, Any], name: str) -> Any:
        if name not in row:
            raise ValueError(
                f"{self._label()}: the data have no {name!r}; they have "
                f"{', '.join(map(str, row))}."
            )
        return row[name]

    def _check_adapted(self) -> None:
        if not self._is_adapted:
            raise ValueError(
                f"{self._label()} has to learn from data first: call adapt(dataset)."
            )

    # --- running

    def get_inputs(self) -> dict[str, KerasTensor]:
        """The symbolic columns, for a functional model."""
        return dict(self.inputs)

    def get_encoded_features(self) -> Nested[KerasTensor]:
        """What becomes of `get_inputs()`: a KerasTensor, or a dict of them."""
        self._check_adapted()
        if self.encoded_features is None:
            self.__dict__["encoded_features"] = self._encoded(dict(self.inputs))
        return self.encoded_features

    def call(self, data: ArrayLike | Iterable[Any]) -> Any:
        """The encoded columns.

        Args:
            data: A dict of arrays or lists `(batch,)` or `(batch, 1)`, or of single values.
        """
        self._check_adapted()
        if not isinstance(data, dict):
            raise ValueError(
                f"{self._label()}: got a {type(data).__name__}; expected a dict from names of "
                "columns to values."
            )
        found = {
            n: _ready(self._values_of(data, n), self._label()) for n in self.features
        }
        single = all(alone for _, alone in found.values())
        encoded = self._encoded({name: value for name, (value, _) in found.items()})
        if not single:
            return encoded
        return tree.map_structure(lambda v: ops.squeeze(v, 0), encoded)

    def _encoded(self, columns: dict[str, Any]) -> Any:
        results: dict[str, Any] = {}
        numbers = {
            name: feature.preprocessor(columns[name])
            for name, feature in sorted(self.features.items())
        }
        for name, value in numbers.items():
            feature = self.features[name]
            results[name] = self._as(
                feature.output_mode, name, value, feature.cardinality
            )
        for cross in self.crosses:
            value = self.crossers[cross.name]([numbers[n] for n in cross.feature_names])
            results[cross.name] = self._as(
                cross.output_mode, cross.name, value, cross.crossing_dim
            )
        if self.concat is None:
            return results
        parts = list(results.values())
        return self.concat(parts) if len(parts) > 1 else parts[0]

    def _as(self, mode: str, name: str, value: ArrayLike, size: int | None) -> Any:
        if mode == "float":
            return as_float(value)
        if mode == "int":
            if self.concat is None:
                return value
            raise ValueError(
                f"{self._label()}: {name!r} has output_mode='int', and output_mode='concat' "
                "joins vectors; expected 'one_hot' or 'float', or FeatureSpace(..., "
                "output_mode='dict')."
            )
        if size is None:
            raise ValueError(
                f"{self._label()}: {name!r} has output_mode='one_hot', and its layer does not "
                "say how many categories there are; expected output_mode='float' or 'int'."
            )
        if name not in self.one_hot_encoders:
            self.one_hot_encoders[name] = CategoryEncoding(
                size, output_mode="multi_hot", name=f"{name}_encoder"
            )
        return self.one_hot_encoders[name](value)

    def _infer(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self._traced(args, kwargs)

    def build(self, input_shape: PartialShape | None = None) -> None:
        """Nothing: the layers of the features are built by `adapt`."""
        self.__dict__["built"] = True

    # --- configs and files

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal one; what was learnt is not in it."""
        return {
            "features": {name: written(f) for name, f in self.features.items()},
            "output_mode": self.output_mode,
            "crosses": [written(cross) for cross in self.crosses],
            "crossing_dim": self.crossing_dim,
            "hashing_dim": self.hashing_dim,
            "num_discretization_bins": self.num_discretization_bins,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> FeatureSpace:
        """The one that `get_config` described."""
        return cls(**config)

    def get_build_config(self) -> dict[str, Any] | None:
        """What each layer was built with; None if it learnt nothing yet."""
        if not self._is_adapted:
            return None
        return {
            name: f.preprocessor.get_build_config() or {}
            for name, f in self.features.items()
        }

    def build_from_config(self, config: dict[str, Any] | None) -> None:
        """Build the layers as they were; what they learnt is read behind that."""
        for name, part in (config or {}).items():
            layer = self.features[name].preprocessor
            if part and not layer.built:
                layer.build_from_config(part)
        self.__dict__["_is_adapted"] = True
        self.__dict__["built"] = True

    def save(self, filepath: str | PathLike[str]) -> None:
        """Write it to a `.keras` file; `keras.models.load_model` reads it."""
        model_files.save_model(self, filepath)


def _learns(layer: Layer) -> bool:
    if isinstance(layer, Normalization):
        return layer.input_mean is None
    if isinstance(layer, TextVectorization):
        layer = layer._lookup_layer
    if isinstance(layer, IndexLookup):
        return layer.__dict__["input_vocabulary"] is None
    if isinstance(layer, Discretization):
        return layer.__dict__["input_bin_boundaries"] is None
    return hasattr(layer, "adapt")


def _rows(data: object, owner: str) -> Iterator[dict[str, Any]]:
    """The dicts of columns of whatever was passed."""
    if isinstance(data, dict):
        items: Any = (data,)
    elif hasattr(data, "as_numpy_iterator"):
        items = data.as_numpy_iterator()
    elif hasattr(data, "num_batches") and hasattr(data, "__getitem__"):
        items = map(data.__getitem__, range(data.num_batches))
    else:
        items = data if hasattr(data, "__iter__") else (data,)
    for item in items:
        found = item[0] if isinstance(item, (tuple, list)) and item else item
        if not isinstance(found, dict):
            raise ValueError(
                f"{owner}: adapt() got a {type(found).__name__}; expected a dict of columns, "
                "or a Dataset of such dicts."
            )
        yield found


def _column(values: ArrayLike) -> np.ndarray[Any, Any]:
    """Values of a column as `(rows, 1)`."""
    array = host(values)
    return array.reshape(-1, 1) if array.ndim < 2 else array


def _ready(value: ArrayLike, owner: str) -> tuple[Any, bool]:
    """A column as `(rows, ...)`, and whether it was a single value."""
    if isinstance(value, Tensor) and value.staged:
        return (ops.expand_dims(value, -1) if value.ndim == 1 else value), False
    array = on_host(value, owner)
    if array.ndim == 0:
        return array.reshape(1, 1), True
    return (array[:, None] if array.ndim == 1 else array), False
