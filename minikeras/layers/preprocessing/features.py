"""What FeatureSpace is made of: a description of each feature and of each crossing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minikeras import naming, ops
from minikeras.engine.tensor import Tensor
from minikeras.layers.merging import Concatenate
from minikeras.layers.preprocessing.choices import one_of
from minikeras.layers.preprocessing.data_layer import DataLayer
from minikeras.layers.preprocessing.discretization import Discretization
from minikeras.layers.preprocessing.hashing import Hashing
from minikeras.layers.preprocessing.integer_lookup import IntegerLookup
from minikeras.layers.preprocessing.normalization import Normalization
from minikeras.layers.preprocessing.rescaling import Rescaling
from minikeras.layers.preprocessing.string_lookup import StringLookup
from minikeras.saving import serialization
from minikeras.types import ArrayLike, DTypeLike, PartialShape

# The module by which Keras's files call these classes.
HOME = "keras.src.layers.preprocessing.feature_space"


class TFDIdentity(DataLayer):
    """Gives on a feature as it is; its name is that of Keras's files."""

    _home = HOME

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._build_at_init()

    def call(self, inputs: ArrayLike) -> Any:
        """The inputs."""
        return inputs

    def compute_output_shape(self, input_shape: PartialShape) -> tuple[int | None, ...]:
        """The input's shape."""
        return input_shape


class TFDConcat(Concatenate):
    """Joins encoded features; its name is that of Keras's files."""

    _home = HOME

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(axis=axis, **kwargs)


class Feature:
    """How a feature is encoded.

    Args:
        dtype: `"float32"`, `"int32"` or `"string"`, that of its values.
        preprocessor: The layer that they go through.
        output_mode: `"float"`, `"int"` or `"one_hot"`, what is made of its result.
    """

    def __init__(
        self,
        dtype: DTypeLike,
        preprocessor: Any,
        output_mode: str,
    ) -> None:
        one_of(output_mode, ("int", "one_hot", "float"), "output_mode", "Feature")
        self.dtype = dtype
        if isinstance(preprocessor, dict):
            preprocessor = serialization.deserialize_keras_object(preprocessor)
        self.preprocessor = preprocessor
        self.output_mode = output_mode

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal one."""
        return {
            "dtype": self.dtype,
            "preprocessor": serialization.serialize_keras_object(self.preprocessor),
            "output_mode": self.output_mode,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Feature:
        """The one that `get_config` described."""
        return cls(**config)

    @property
    def cardinality(self) -> int | None:
        """How many different numbers the preprocessor gives; None if it does not say."""
        layer = self.preprocessor
        if hasattr(layer, "vocabulary_size"):
            return int(layer.vocabulary_size())
        if isinstance(layer, Discretization):
            return layer._size()
        count = getattr(layer, "num_bins", None)
        return None if count is None else int(count)


class Cross:
    """A combination of features.

    Args:
        feature_names: Their names.
        crossing_dim: How many bins the combinations go into.
        output_mode: `"int"` or `"one_hot"`.
    """

    def __init__(
        self,
        feature_names: Sequence[str],
        crossing_dim: int,
        output_mode: str = "one_hot",
    ) -> None:
        one_of(output_mode, ("int", "one_hot"), "output_mode", "Cross")
        self.feature_names = tuple(feature_names)
        self.crossing_dim = crossing_dim
        self.output_mode = output_mode

    @property
    def name(self) -> str:
        """The names of the features, joined."""
        return "_X_".join(self.feature_names)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal one."""
        return {
            "feature_names": self.feature_names,
            "crossing_dim": self.crossing_dim,
            "output_mode": self.output_mode,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Cross:
        """The one that `get_config` described."""
        return cls(**config)


def written(thing: Feature | Cross) -> dict[str, Any]:
    """As Keras's files have them."""
    kind = type(thing).__name__
    config = thing.get_config()
    return {
        "module": HOME,
        "class_name": kind,
        "config": config,
        "registered_name": kind,
    }


def _named(kind: str, name: str | None) -> str:
    return f"{name or naming.auto_name(kind)}_preprocessor"


class FeatureKinds:
    """The ways to encode a feature, for the argument `features`."""

    @classmethod
    def cross(
        cls,
        feature_names: Sequence[str],
        crossing_dim: int,
        output_mode: str = "one_hot",
    ) -> Cross:
        """A combination of features, hashed into `crossing_dim` bins."""
        return Cross(feature_names, crossing_dim, output_mode)

    @classmethod
    def feature(cls, dtype: DTypeLike, preprocessor: Any, output_mode: str) -> Feature:
        """A feature that goes through a layer of one's own."""
        return Feature(dtype, preprocessor, output_mode)

    @classmethod
    def float(cls, name: str | None = None) -> Feature:
        """Numbers as they are."""
        layer = TFDIdentity(dtype="float32", name=_named("float", name))
        return Feature("float32", layer, "float")

    @classmethod
    def float_rescaled(
        cls, scale: ArrayLike = 1.0, offset: ArrayLike = 0.0, name: str | None = None
    ) -> Feature:
        """Numbers, scaled and shifted."""
        layer = Rescaling(scale, offset, name=_named("float_rescaled", name))
        return Feature("float32", layer, "float")

    @classmethod
    def float_normalized(cls, name: str | None = None) -> Feature:
        """Numbers with mean 0 and variance 1."""
        layer = Normalization(axis=-1, name=_named("float_normalized", name))
        return Feature("float32", layer, "float")

    @classmethod
    def float_discretized(
        cls,
        num_bins: int,
        bin_boundaries: ArrayLike | None = None,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """The ranges that numbers lie in."""
        layer = Discretization(
            bin_boundaries=bin_boundaries,
            num_bins=num_bins if bin_boundaries is None else None,
            name=_named("float_discretized", name),
        )
        return Feature("float32", layer, output_mode)

    @classmethod
    def integer_categorical(
        cls,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """Integers by a vocabulary."""
        layer = IntegerLookup(
            name=_named("integer_categorical", name),
            max_tokens=max_tokens,
            num_oov_indices=num_oov_indices,
        )
        return Feature("int32", layer, output_mode)

    @classmethod
    def string_categorical(
        cls,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """Strings by a vocabulary."""
        layer = StringLookup(
            name=_named("string_categorical", name),
            max_tokens=max_tokens,
            num_oov_indices=num_oov_indices,
        )
        return Feature("string", layer, output_mode)

    @classmethod
    def string_hashed(
        cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None
    ) -> Feature:
        """Strings by a hash."""
        layer = Hashing(num_bins, name=_named("string_hashed", name))
        return Feature("string", layer, output_mode)

    @classmethod
    def integer_hashed(
        cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None
    ) -> Feature:
        """Integers by a hash."""
        layer = Hashing(num_bins, name=_named("integer_hashed", name))
        return Feature("int32", layer, output_mode)


def as_float(value: ArrayLike) -> Tensor:
    """A feature's values as floats."""
    return ops.cast(value, "float32")
