"""How far a student's outputs or features are from its teacher's."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from minikeras import losses, ops, tree
from minikeras.engine.tensor import Tensor
from minikeras.losses.loss import LossFunctionWrapper
from minikeras.saving import deserialize_keras_object, serialize_keras_object
from minikeras.types import ArrayLike, Identifier

if TYPE_CHECKING:
    from minikeras.models import Model
    from minikeras.types import Nested

# Losses that compare distributions over classes, and those over yes and no.
_CLASSES = (
    losses.kl_divergence,
    losses.categorical_crossentropy,
    losses.categorical_focal_crossentropy,
)
_BINARY = (losses.binary_crossentropy, losses.binary_focal_crossentropy)


class DistillationLoss:
    """The base of distillation losses; a subclass defines `compute_loss`.

    Example:

    >>> class Difference(keras.distillation.DistillationLoss):
    ...     def compute_loss(self, teacher_outputs, student_outputs, **kwargs):
    ...         return keras.ops.mean(keras.ops.abs(teacher_outputs - student_outputs))
    >>> float(Difference().compute_loss(keras.ops.ones((2, 3)), keras.ops.zeros((2, 3))))
    1.0
    """

    def compute_loss(
        self,
        teacher_outputs: Nested[Tensor],
        student_outputs: Nested[Tensor],
        **kwargs: Any,
    ) -> Any:
        """The loss, a scalar.

        Args:
            teacher_outputs: What the teacher gave: a tensor, or a structure of tensors.
            student_outputs: The same of the student.
            **kwargs: Whatever the subclass takes.
        """
        raise NotImplementedError(
            f"{type(self).__name__}: compute_loss() is not defined; give it one."
        )

    def validate_outputs(
        self, teacher_outputs: Nested[ArrayLike], student_outputs: Nested[ArrayLike]
    ) -> None:
        """Check that outputs can be compared.

        Raises:
            ValueError: If their structures differ.
        """
        tree.assert_same_structure(teacher_outputs, student_outputs)

    def validate_model_compatibility(self, teacher: Model, student: Model) -> None:
        """Check that the models have what is compared; called by `Distiller`."""

    def get_config(self) -> dict[str, Any]:
        """The arguments to make it again."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> DistillationLoss:
        """Make it from what `get_config` gave."""
        return cls(**config)


class _Structured(DistillationLoss):
    """One that has a loss for each output."""

    def __init__(self, loss: Nested[Identifier]) -> None:
        self.loss = _mapped(lambda leaf: leaf and losses.get(leaf), loss)
        if not any(leaf is not None for leaf in tree.flatten(self.loss)):
            raise ValueError(
                f"{type(self).__name__}: loss={loss!r}; at least one loss must not be None."
            )

    def validate_outputs(
        self, teacher_outputs: Nested[ArrayLike], student_outputs: Nested[ArrayLike]
    ) -> None:
        super().validate_outputs(teacher_outputs, student_outputs)
        try:
            tree.assert_same_structure(self.loss, teacher_outputs)
        except ValueError as error:
            raise ValueError(
                f"{type(self).__name__}: the losses {self.loss} do not have the structure of "
                "the outputs; give one for each, None where an output has none."
            ) from error

    def _total(self, teacher: Nested[ArrayLike], student: Nested[ArrayLike]) -> Tensor:
        self.validate_outputs(teacher, student)
        triples = zip(*map(tree.flatten, (self.loss, teacher, student)), strict=True)
        parts = [
            ops.mean(self._one(*triple)) for triple in triples if triple[0] is not None
        ]
        return sum(parts[1:], start=parts[0])

    def _one(self, loss: Callable[..., Any], teacher: Model, student: Model) -> Any:
        return loss(teacher, student)

    def get_config(self) -> dict[str, Any]:
        return {"loss": _mapped(serialize_keras_object, self.loss)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> DistillationLoss:
        loss = _mapped(
            lambda leaf: leaf and deserialize_keras_object(leaf), config["loss"]
        )
        return cls(**{**config, "loss": loss})


def _mapped(function: Callable[[Any], Any], loss: Nested[Any]) -> Any:
    """`function` of each loss in a structure; a config of a loss is no structure."""
    if isinstance(loss, dict) and "class_name" not in loss:
        return {key: _mapped(function, part) for key, part in loss.items()}
    if isinstance(loss, (list, tuple)):
        return type(loss)([_mapped(function, part) for part in loss])
    return function(loss)


def _of_what(loss: Nested[Identifier]) -> tuple[Any, bool]:
    """The function of a loss, and whether it takes logits as its predictions."""
    if isinstance(loss, LossFunctionWrapper):
        return loss.fn, bool(loss._fn_kwargs.get("from_logits", False))
    return loss, False


class LogitsDistillation(_Structured):
    """Compares the outputs of both models, softened by a temperature.

    Outputs are logits; they are divided by the temperature. A loss that compares
    distributions (`"kl_divergence"`, the crossentropies) gets the softmax of the
    teacher's, and of the student's unless it was made with `from_logits=True`; the binary
    crossentropies get sigmoids. Other losses, such as `"mse"`, get the divided logits. See
    Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network" (2015); the
    factor `temperature ** 2` of that paper is left to `distillation_loss_weights`.

    Args:
        temperature: Above 0; 1 leaves the logits as they are.
        loss: Name or object of a loss, or a structure of them like the models' outputs, in
            which None leaves an output out.

    Raises:
        ValueError: If the temperature is no number above 0, or all losses are None.

    Example:

    >>> loss = keras.distillation.LogitsDistillation(temperature=2.0)
    >>> logits = np.float32([[2.0, 0.0, -2.0]])
    >>> round(loss.compute_loss(logits, 0 * logits).item(), 4)
    0.2662
    """

    def __init__(
        self, temperature: float = 3.0, loss: Nested[Identifier] = "kl_divergence"
    ) -> None:
        if isinstance(temperature, bool) or not isinstance(temperature, (int, float)):
            raise ValueError(
                "LogitsDistillation: temperature must be a number; got "
                f"{type(temperature)}."
            )
        if not temperature > 0:
            raise ValueError(
                f"LogitsDistillation: temperature must be positive; got {temperature}."
            )
        self.temperature = temperature
        super().__init__(loss)

    def compute_loss(
        self,
        teacher_outputs: Nested[Tensor],
        student_outputs: Nested[Tensor],
        **kwargs: Any,
    ) -> Tensor:
        """The sum of the losses of all outputs, each a mean over the batch.

        Args:
            teacher_outputs: The teacher's logits `(batch, ..., classes)`, or a structure.
            student_outputs: The student's.
            **kwargs: Ignored.
        """
        return self._total(teacher_outputs, student_outputs)

    def _one(self, loss: Callable[..., Any], teacher: Any, student: Any) -> Any:
        teacher, student = (
            ops.divide(ops.convert_to_tensor(x), self.temperature)
            for x in (teacher, student)
        )
        function, from_logits = _of_what(loss)
        for known, share in ((_CLASSES, ops.softmax), (_BINARY, ops.sigmoid)):
            if function in known:
                student = student if from_logits else share(student)
                return loss(share(teacher), student)
        return loss(teacher, student)

    def get_config(self) -> dict[str, Any]:
        return {"temperature": self.temperature, **super().get_config()}


class FeatureDistillation(_Structured):
    """Compares what a layer of the teacher gives with what one of the student gives.

    Args:
        loss: Name or object of a loss, or a structure of them like the layers' outputs, in
            which None leaves an output out.
        teacher_layer_name: Name of the teacher's layer; None is the model's output.
        student_layer_name: The same of the student.

    Raises:
        ValueError: If all losses are None.

    Example:

    >>> loss = keras.distillation.FeatureDistillation()
    >>> loss.compute_loss(np.ones((2, 3)), np.zeros((2, 3))).item()
    1.0
    """

    def __init__(
        self,
        loss: Nested[Identifier] = "mse",
        teacher_layer_name: str | None = None,
        student_layer_name: str | None = None,
    ) -> None:
        self.teacher_layer_name = teacher_layer_name
        self.student_layer_name = student_layer_name
        super().__init__(loss)

    def validate_model_compatibility(self, teacher: Model, student: Model) -> None:
        """Check that both models have the layers.

        Raises:
            ValueError: If one has not, or has no graph to find the layer's output in.
        """
        names = self.teacher_layer_name, self.student_layer_name
        for role, model, name in zip(("teacher", "student"), (teacher, student), names):
            if name is None:
                continue
            try:
                model.get_layer(name)
            except ValueError as error:
                raise ValueError(
                    f"FeatureDistillation: in {role} model: {error}"
                ) from error
            if getattr(model, "inputs", None) is None:
                raise ValueError(
                    f"FeatureDistillation: the {role} model {model.name!r} has no symbolic "
                    f"inputs and outputs, so what its layer {name!r} gives cannot be found. "
                    "Use a functional model, or a Sequential that is built."
                )

    def compute_loss(
        self,
        teacher_outputs: Nested[Tensor],
        student_outputs: Nested[Tensor],
        **kwargs: Any,
    ) -> Tensor:
        """The sum of the losses of all features, each a mean over the batch.

        Args:
            teacher_outputs: What the teacher's layer gave.
            student_outputs: What the student's layer gave.
            **kwargs: Ignored.
        """
        return self._total(teacher_outputs, student_outputs)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "teacher_layer_name": self.teacher_layer_name,
            "student_layer_name": self.student_layer_name,
        }
