"""ExportArchive: functions of a model, each with its inputs, as files to deploy."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from minikeras.engine import tree
from minikeras.export.errors import ExportError
from minikeras.export.onnx_model import OPSET, onnx, onnx_model, write_onnx
from minikeras.export.probing import Spec
from minikeras.export.signatures import signature_of, specs_of

if TYPE_CHECKING:
    from minikeras.layers.base.layer import Layer
    from minikeras.models.model import Model

_ELSEWHERE = {
    "tf_saved_model": "a TensorFlow SavedModel",
    "litert": "a LiteRT file",
    "tflite": "a LiteRT file",
    "openvino": "an OpenVINO file",
    "stablehlo": "StableHLO",
    "torch": "a PyTorch program",
}


class _Endpoint:
    """A function, how its inputs are put together, and what they are called."""

    def __init__(
        self,
        function: Callable[..., Any],
        specs: list[Spec],
        structure: object,
        names: Sequence[str] | None,
    ) -> None:
        self.function = function
        self.specs = specs
        self.structure = structure
        self.names = names

    def flat(self, *tensors: object) -> Any:
        """The function of its inputs as a flat list."""
        args = tree.unflatten(self.structure, list(tensors))
        return self.function(*args)


class ExportArchive:
    """Collects functions ("endpoints") and writes them as ONNX.

    One endpoint makes one file; several make a folder with a file `NAME.onnx` for each.
    Dropout and other layers of training are as in prediction; variables become
    initializers under their paths.

    Example:

    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    >>> archive = keras.export.ExportArchive()
    >>> archive.track(model)
    >>> serve = archive.add_endpoint("serve", model.call, [keras.InputSpec(shape=(None, 4))])
    >>> archive.endpoints
    ['serve']
    """

    def __init__(self) -> None:
        self._endpoints: dict[str, _Endpoint] = {}
        self._tracked: list[Any] = []
        self._collections: dict[str, list[Any]] = {}

    @property
    def endpoints(self) -> list[str]:
        """Names of the endpoints, in the order in which they were added."""
        return list(self._endpoints)

    @property
    def variables(self) -> list[Any]:
        """Variables of the tracked objects."""
        return self._of_tracked("variables")

    @property
    def trainable_variables(self) -> list[Any]:
        """Those of them that training changes."""
        return self._of_tracked("trainable_variables")

    @property
    def non_trainable_variables(self) -> list[Any]:
        """The others."""
        return self._of_tracked("non_trainable_variables")

    def _of_tracked(self, what: str) -> list[Any]:
        found = {id(v): v for r in self._tracked for v in getattr(r, what)}
        return list(found.values())

    def track(self, resource: Layer) -> None:
        """Note a layer or model whose variables belong to the archive.

        Args:
            resource: A layer or model.

        Raises:
            ValueError: If it is none, or was not built.
        """
        if not hasattr(resource, "variables"):
            raise ValueError(
                f"ExportArchive.track: got {resource!r}; expected a layer or a model."
            )
        if not getattr(resource, "built", True):
            raise ValueError(
                f"ExportArchive.track: {resource.name!r} was not built yet, so it has no "
                "variables. Call it on data, or build it, first."
            )
        self._tracked.append(resource)

    def add_endpoint(
        self,
        name: str,
        fn: Callable[..., Any],
        input_signature: Sequence[Any] | None = None,
        **kwargs: Any,
    ) -> Callable[..., Any]:
        """Add a function under a name.

        Args:
            name: Name of the endpoint.
            fn: A function of tensors, such as `model.call`, or a model.
            input_signature: For each argument of `fn` a tensor, a KerasTensor, an
                `InputSpec` or a structure of them; None in a shape is a free size. May be
                left out for a model.
            **kwargs: `output_names`, a list of names in the order of the flat outputs.

        Returns:
            `fn`.

        Raises:
            ValueError: If the name is taken, or the inputs are not known.
        """
        names = kwargs.pop("output_names", None)
        if kwargs:
            raise ValueError(
                f"ExportArchive.add_endpoint: unknown arguments {sorted(kwargs)}; known is "
                "output_names. Options of jax2tf and tf.function mean nothing here."
            )
        if name in self._endpoints:
            raise ValueError(f"ExportArchive.add_endpoint: {name!r} is already there.")
        if input_signature is None:
            if not hasattr(fn, "variables"):
                raise ValueError(
                    f"ExportArchive.add_endpoint: endpoint {name!r} needs input_signature, "
                    "for example [keras.InputSpec(shape=(None, 28, 28, 1))]; only a model's "
                    "inputs are known without it."
                )
            input_signature = signature_of(fn)
        structure = tree.flatten_spec(list(input_signature))[1]
        function = fn
        if hasattr(fn, "variables"):
            names = names or getattr(fn, "output_names", None)
            model = fn

            def function(*args: object) -> Any:
                return model(*args, training=False)

        specs = specs_of(list(input_signature))
        self._endpoints[name] = _Endpoint(function, specs, structure, names)
        return fn

    def track_and_add_endpoint(
        self,
        name: str,
        resource: Layer,
        input_signature: Sequence[Any],
        **kwargs: object,
    ) -> None:
        """`track` a layer or model, and add it as an endpoint.

        Args:
            name: Name of the endpoint.
            resource: A layer or model.
            input_signature: See `add_endpoint`.
            **kwargs: See `add_endpoint`.
        """
        self.track(resource)
        self.add_endpoint(name, resource, input_signature, **kwargs)

    def add_variable_collection(self, name: str, variables: Sequence[Any]) -> None:
        """Note a list of variables under a name, as an attribute of the archive.

        Args:
            name: Name of the collection.
            variables: Variables.

        Raises:
            ValueError: If something of the list is no variable.
        """
        for variable in variables:
            if not hasattr(variable, "assign"):
                raise ValueError(
                    f"ExportArchive.add_variable_collection: {name!r} holds {variable!r}; "
                    "expected variables only."
                )
        self._collections[name] = list(variables)

    def write_out(
        self,
        filepath: str | os.PathLike[str],
        options: object = None,
        verbose: bool = True,
        opset: int = OPSET,
    ) -> None:
        """Write the endpoints as ONNX.

        Args:
            filepath: A file for one endpoint, a folder for several.
            options: Of TensorFlow's writer; ignored.
            verbose: Whether to print what was written.
            opset: ONNX's version of operators, 18 to 21.

        Raises:
            ValueError: If there is no endpoint.
            ExportError: If something has no form in ONNX.
        """
        if not self._endpoints:
            raise ValueError(
                "ExportArchive.write_out: there is no endpoint; call add_endpoint first."
            )
        apart: dict[str, dict[str, Any]] = {name: {} for name in self._endpoints}
        models = {
            name: onnx_model(e.flat, e.specs, e.names, name, opset, apart[name])
            for name, e in self._endpoints.items()
        }
        if len(models) == 1:
            paths = [os.fspath(filepath)]
        else:
            os.makedirs(filepath, exist_ok=True)
            paths = [os.path.join(filepath, f"{name}.onnx") for name in models]
        for (name, model), path in zip(models.items(), paths, strict=True):
            write_onnx(model, path, apart[name])
            if verbose:
                print(f"Saved endpoint {name!r} to {path}: {_described(model)}")


def _described(model: Any) -> str:
    ends = []
    for values in (model.graph.input, model.graph.output):
        shown = [
            f"{v.name}({', '.join(_dim(d) for d in v.type.tensor_type.shape.dim)})"
            for v in values
        ]
        ends.append(", ".join(shown))
    return " -> ".join(ends)


def _dim(dim: Any) -> str:
    return str(dim.dim_param or (dim.dim_value if dim.HasField("dim_value") else "?"))


def export_model(
    model: Model,
    filepath: str | os.PathLike[str],
    format: str = "tf_saved_model",
    verbose: bool | None = None,
    input_signature: Any = None,
    **kwargs: Any,
) -> None:
    """See `Model.export`."""
    if format == "tf_saved_model" and os.fspath(filepath).endswith(".onnx"):
        format = "onnx"  # Keras's default format cannot have been meant
    if format != "onnx":
        what = _ELSEWHERE.get(format, f"the format {format!r}")
        raise ValueError(
            f"model.export: {what} cannot be written here; format='onnx' can. "
            "ONNX files run in ONNX Runtime, and converters lead on from them."
        )
    opset = kwargs.pop("opset_version", None) or OPSET
    if kwargs:
        raise ValueError(
            f"model.export: unknown arguments {sorted(kwargs)}; format='onnx' knows "
            "opset_version."
        )
    onnx()
    archive = ExportArchive()
    if input_signature is not None:
        leaves = isinstance(input_signature, (list, tuple))
        input_signature = _as_arguments(
            model, input_signature if leaves else [input_signature]
        )
    archive.add_endpoint("serve", model, input_signature)
    archive.write_out(filepath, verbose=bool(verbose), opset=opset)


def _as_arguments(model: Model, signature: Sequence[Any]) -> list[Any]:
    """A signature as arguments: a flat list for a model of several inputs is one."""
    try:
        known = signature_of(model)
    except ExportError:
        return list(signature)
    leaves, structure = tree.flatten_spec(known)
    if len(known) == 1 and len(leaves) > 1 and len(signature) == len(leaves):
        return list(tree.unflatten(structure, list(signature)))
    return list(signature)
