"""Model: a layer that can be trained, described and saved as a whole."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Self, Unpack, overload

from minikeras.engine.symbolic import any_symbolic, infer_call
from minikeras.export.archive import export_model
from minikeras.layers.base.building import as_tuples
from minikeras.layers.base.call_context import CallContext, call_context
from minikeras.layers.base.keywords import LayerOptions
from minikeras.layers.base.layer import Layer
from minikeras.layers.base.shapes import shapes_to_tensors
from minikeras.models import summary as summary_text
from minikeras.models.quantizing import quantize_model
from minikeras.models.state_tree import read_state_tree, write_state_tree
from minikeras.saving import (
    model_files,
    serialization,
    sharing,
    texts,
    weights_files,
)
from minikeras.training.trainer import Trainer
from minikeras.types import PartialShape

if TYPE_CHECKING:
    from minikeras.engine.symbolic import KerasTensor
    from minikeras.types import Nested


class Model(Trainer, Layer):
    """Layers grouped into something with `fit`, `evaluate`, `predict` and `save`.

    Three ways to make one:

    1. From symbolic tensors: `Model(inputs, outputs)`, with calls of layers and of
       `keras.ops` between them. Inputs and outputs may be lists or dicts.
    2. By subclassing: make layers in `__init__`, use them in `call`.
    3. `keras.Sequential`, for a plain list of layers.

    Args:
        inputs: The tensors of `keras.Input`, for the first way.
        outputs: Tensors computed from them.
        name: Name of the model.
        **kwargs: See `Layer`.

    Example:

    >>> inputs = keras.Input((4,))
    >>> hidden = keras.layers.Dense(8, activation="relu")(inputs)
    >>> model = keras.Model(inputs, keras.layers.Dense(1)(hidden))
    >>> model.predict(np.ones((5, 4)), verbose=0).shape
    (5, 1)
    """

    _more_arguments = ("inputs", "outputs")

    def __new__(cls, *args: object, **kwargs: object) -> Self:
        made: type[Any] = cls
        if cls is Model and _is_functional(args, kwargs):
            made = _functional_class()
        return Layer.__new__(made, *args, **kwargs)

    @overload
    def __init__(
        self,
        inputs: Nested[KerasTensor],
        outputs: object,
        **kwargs: Unpack[LayerOptions],
    ) -> None: ...

    @overload
    def __init__(self, **kwargs: Unpack[LayerOptions]) -> None: ...

    def __init__(self, *args: object, **kwargs: Any) -> None:
        if _is_functional(args, kwargs) and not isinstance(self, _functional_class()):
            # A subclass that calls super().__init__(inputs, outputs).
            _graft(type(self))
            _functional_class().__init__(self, *args, **kwargs)
            return
        Layer.__init__(self, *args, **kwargs)

    def _label(self) -> str:
        return f"model {self.name!r} ({type(self).__name__})"

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """What the model computes; a subclass has its own."""
        raise NotImplementedError(
            f"{self._label()} has no call() method; define `def call(self, inputs): ...`, or "
            "make it with keras.Model(inputs, outputs)."
        )

    @property
    def layers(self) -> list[Layer]:
        """The layers directly inside, in order."""
        return self._flatten_layers(include_self=False, recursive=False)

    @layers.setter
    def layers(self, value: object) -> None:
        raise AttributeError(
            f"{self._label()}: `layers` cannot be set; use another name."
        )

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """A layer, by its name or its number.

        Args:
            name: Its name.
            index: Its place in `layers`.

        Returns:
            The layer.

        Raises:
            ValueError: If neither or both are given, or there is no such layer.
        """
        if (name is None) == (index is None):
            raise ValueError("get_layer: give either a name or an index.")
        layers = self.layers
        if index is not None:
            if not -len(layers) <= index < len(layers):
                raise ValueError(
                    f"get_layer: index {index} of {self._label()}, which has "
                    f"{len(layers)} layers."
                )
            return layers[index]
        for layer in layers:
            if layer.name == name:
                return layer
        raise ValueError(
            f"get_layer: {self._label()} has no layer {name!r}; it has "
            f"{', '.join(layer.name for layer in layers)}."
        )

    def build(self, input_shape: PartialShape) -> None:
        """Make all variables, by following the shapes through `call`.

        Args:
            input_shape: Shape with the batch axis (None where unknown), or a list or
                dict of them.

        Raises:
            ValueError: If `call` does not work on float inputs of that shape.
        """
        if input_shape is None:
            return
        inputs = shapes_to_tensors(input_shape, self.compute_dtype)
        token = call_context.set(CallContext(self, None, True))
        try:
            infer_call(lambda x: type(self).call(self, x), inputs)
        finally:
            call_context.reset(token)

    def build_from_config(self, config: dict[str, Any] | None) -> None:
        """Build with the shapes of `get_build_config`, by following them through `call`."""
        shapes = (config or {}).get("input_shape")
        if self._has_build() or shapes is None:
            super().build_from_config(config)
        else:
            self.build(as_tuples(shapes))
            self.__dict__["built"] = True

    def _has_build(self) -> bool:
        return type(self).build is not Model.build  # else variables come with the call

    def summary(
        self,
        line_length: int | None = None,
        positions: list[float] | None = None,
        print_fn: Callable[[str], Any] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: list[str] | tuple[str, str] | None = None,
    ) -> None:
        """Print a table of the layers, their output shapes and numbers of parameters.

        Args:
            line_length: Width in characters.
            positions: Widths of the columns as fractions of the line, adding up to 1
                (or, as in Keras 2, where each column ends).
            print_fn: Called with the text instead of printing it.
            expand_nested: Whether models inside show their layers.
            show_trainable: Whether to say which layers are trainable.
            layer_range: Names (or regular expressions) of the first and last layer to
                show.

        Raises:
            ValueError: If no layer has such a name.
        """
        summary_text.print_summary(
            self,
            line_length,
            positions,
            print_fn,
            expand_nested,
            show_trainable,
            layer_range,
        )

    def quantize(  # type: ignore[override]  # a model names its layers
        self,
        mode: str | None = None,
        config: object = None,
        filters: object = None,
        **kwargs: object,
    ) -> None:
        """Keep the weights of dense layers and embeddings in fewer bits from now on.

        Layers without such weights stay as they are. Compile the model again before it is
        trained on.

        Args:
            mode: `"int8"`, `"int4"`, `"float8"`, `"gptq"` or `"awq"`. The last two look at
                data, which the config has.
            config: A `keras.quantizers.QuantizationConfig`: more of how.
            filters: Which layers: a regular expression that is found in their names, a
                list of such, or a function of a layer.
            **kwargs: `type_check=False` quantizes subclasses of those layers too.

        Raises:
            ValueError: If the model is not built, a layer is quantized already, or an
                argument is wrong; nothing is changed then.
            NotImplementedError: If a weight has more axes than the mode knows.

        Example:

        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
        >>> model.quantize("int8")
        >>> [v.dtype for v in model.weights]
        ['float32', 'int8', 'float32']
        """
        quantize_model(self, mode, config, filters, kwargs)

    def get_quantization_layer_structure(
        self, mode: str | None = None
    ) -> dict[str, Any] | None:
        """The blocks that methods which look at data go through; override it.

        Args:
            mode: `"gptq"` or `"awq"`.

        Returns:
            None, or a dict with `"pre_block_layers"` and `"sequential_blocks"`.
        """
        return None

    def _repr_html_(self) -> str:
        return summary_text.summary_html(self)

    def get_state_tree(self, value_format: str = "backend_tensor") -> dict[str, Any]:
        """All variables' values as nested dicts, by the parts of their paths.

        Args:
            value_format: `"backend_tensor"` for tensors, `"numpy_array"` for arrays.

        Returns:
            Dict with `trainable_variables`, `non_trainable_variables`,
            `optimizer_variables` and `metrics_variables`.

        Raises:
            ValueError: If the format is another.

        Example:

        >>> dense = keras.layers.Dense(1, name="last")
        >>> model = keras.Sequential([keras.Input((2,)), dense], name="m")
        >>> list(model.get_state_tree()["trainable_variables"]["m"]["last"])
        ['kernel', 'bias']
        """
        return read_state_tree(self, value_format)

    def set_state_tree(self, state_tree: dict[str, Any]) -> None:
        """Assign the values of such a tree; variables that it lacks stay.

        Args:
            state_tree: What `get_state_tree` returned, or a part of it.

        Raises:
            ValueError: If a group is unknown or a shape does not match; nothing is
                assigned then.
        """
        write_state_tree(self, state_tree)

    def save(
        self,
        filepath: str | os.PathLike[str],
        overwrite: bool = True,
        zipped: bool | None = None,
        **kwargs: object,
    ) -> None:
        """Write the model, its weights and its optimizer's state to a file.

        Args:
            filepath: Ends in `.keras`, or in `.h5` for the older format.
            overwrite: Whether to replace a file that is there; else it is asked.
            zipped: Whether to write one zip archive (default) or a folder.
            **kwargs: See `keras.saving.save_model`.

        Raises:
            ValueError: If the name ends in something else, or an argument is unknown.
        """
        model_files.save_model(self, filepath, overwrite, zipped, **kwargs)

    def save_weights(
        self,
        filepath: str | os.PathLike[str],
        overwrite: bool = True,
        max_shard_size: float | None = None,
    ) -> None:
        """Write the weights, and the optimizer's state, to a file.

        Args:
            filepath: Ends in `.weights.h5`; with `max_shard_size` in `.weights.json`.
            overwrite: Whether to replace a file that is there; else it is asked.
            max_shard_size: The most that one file may hold, in GB.

        Raises:
            ValueError: If the name ends in something else, or there are no weights yet.
        """
        weights_files.save_weights(self, filepath, overwrite, max_shard_size)

    def load_weights(
        self,
        filepath: str | os.PathLike[str],
        skip_mismatch: bool = False,
        **kwargs: object,
    ) -> None:
        """Read the weights, and the optimizer's state if compiled, from a file.

        Args:
            filepath: A weights file, the `.weights.json` of several, or a whole model.
            skip_mismatch: Whether layers that do not fit keep what they have.
            **kwargs: `by_name`; see `keras.saving.load_weights`.

        Raises:
            ValueError: If the arrays do not fit; the model is as before then.
        """
        weights_files.load_weights(self, filepath, skip_mismatch, **kwargs)

    def to_json(self, **kwargs: Any) -> str:
        """The model's configuration (no weights) as JSON, for `model_from_json`.

        Args:
            **kwargs: For `json.dumps`.
        """
        with sharing.shared_objects():
            config = serialization.serialize_keras_object(self)
        return json.dumps(sharing.without_single_numbers(config), **kwargs)

    def export(
        self,
        filepath: str | os.PathLike[str],
        format: str = "tf_saved_model",
        verbose: bool | None = None,
        input_signature: object = None,
        **kwargs: object,
    ) -> None:
        """Write the model for another engine to run; ONNX is what exists.

        Dropout and noise are left out, batch normalization goes into the convolutions
        before it, and sizes that are None stay free. bfloat16 is written as float32.

        Args:
            filepath: The file. One that ends with `.onnx` chooses the format too.
            format: "onnx". Keras's default and its other formats are refused.
            verbose: Whether to print inputs and outputs.
            input_signature: Tensors, KerasTensors or `InputSpec`s in the structure of the
                inputs. Default: what the model was built with.
            **kwargs: `opset_version`, ONNX's version of operators: 18 to 21, which is the
                default.

        Raises:
            ValueError: If the format is another, or a layer has no form in ONNX.
            ImportError: If onnx is not installed: `pip install 'minikeras[onnx]'`.
        """
        export_model(self, filepath, format, verbose, input_signature, **kwargs)

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Self:
        """The model that `get_config` described."""
        from_graph = {"name", "layers", "input_layers", "output_layers"} <= set(config)
        functional = _functional_class()
        if from_graph and functional._may_be_of_graph(cls):
            return functional._from_graph_config(cls, config, custom_objects)
        return super().from_config(config)

    def __getstate__(self) -> dict[str, Any]:
        compiled = (
            "train_function", "test_function", "predict_function", "_train_alone", "_test_alone"
        )  # fmt: skip
        return {k: v for k, v in super().__getstate__().items() if k not in compiled}


def _functional_class() -> Any:
    return Model._functional  # type: ignore[attr-defined]  # set by the module of the subclass


def _is_functional(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether these are `(inputs, outputs)` made of KerasTensors."""
    given = [*args[:2], *[kwargs[k] for k in ("inputs", "outputs") if k in kwargs]]
    return len(given) == 2 and any_symbolic(*given)


def _graft(cls: type) -> None:
    """Make Functional stand where Model stood among the bases of a subclass."""
    bases = tuple(_functional_class() if b is Model else b for b in cls.__bases__)
    if bases != cls.__bases__:
        cls.__bases__ = bases
        return
    for base in cls.__bases__:
        if issubclass(base, Model):
            _graft(base)


def model_from_json(
    json_string: str, custom_objects: dict[str, Any] | None = None
) -> Model:
    """The model that `Model.to_json` described, with fresh weights.

    Args:
        json_string: What `to_json` gave.
        custom_objects: Names of classes and functions that are not part of the package.

    Raises:
        ValueError: If the text describes no model, or unknown objects, or one whose
            variables take more than 2 GiB: a text from a stranger could ask for anything.
            For a larger one that you trust, call
            `keras.config.enable_unsafe_deserialization()` before.

    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    >>> keras.models.model_from_json(model.to_json()).count_params()
    9
    """
    owner = "model_from_json: the text"
    config = texts.config_of(json_string, owner)
    if config is None:
        raise ValueError(
            "model_from_json: the text describes no model; expected what to_json() gave."
        )
    made: Model = texts.model_of(config, owner, custom_objects)
    if not isinstance(made, Model):
        raise ValueError(
            f"model_from_json: the text describes {type(made).__name__}, which is no model."
        )
    return made
