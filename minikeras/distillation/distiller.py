"""A model that trains another one on labels and on what a third one says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from minikeras import metrics, ops, tree
from minikeras.distillation.features import OUTPUT, Features
from minikeras.distillation.losses import DistillationLoss
from minikeras.engine.tensor import Tensor
from minikeras.models import Model
from minikeras.saving import deserialize_keras_object, serialize_keras_object
from minikeras.types import ArrayLike, Identifier, Nested


class Distiller(Model):
    """Trains a student model on labels and on the outputs of a teacher model.

    The loss is `student_loss_weight` times the loss given to `compile`, plus the rest of 1
    times the weighted sum of the distillation losses. Called, and in `predict`, it is the
    student. The teacher is frozen (`trainable = False`) and runs as in prediction. Logs
    have `student_loss`, `distillation_loss` and `total_loss` beside the usual ones.

    Args:
        teacher: The model to learn from.
        student: The model that learns.
        distillation_losses: A `DistillationLoss`, or a list of them.
        distillation_loss_weights: A number for each of these losses; by default 1.
        student_loss_weight: The share of the loss of the labels, from 0 to 1.
        name: Name of the model.
        **kwargs: Passed on to `Model`.

    Raises:
        ValueError: If something given is no model or no loss, numbers do not fit, or the
            models' inputs or outputs differ in shape or dtype.

    Example:

    >>> def model(width):
    ...     layers = [keras.layers.Dense(width, "relu"), keras.layers.Dense(3)]
    ...     return keras.Sequential([keras.Input((4,)), *layers])
    >>> distiller = keras.distillation.Distiller(
    ...     model(16), model(4), keras.distillation.LogitsDistillation()
    ... )
    >>> distiller.compile(
    ...     "adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    ... )
    >>> history = distiller.fit(np.ones((8, 4)), np.zeros(8), verbose=0)
    >>> distiller.student.predict(np.ones((1, 4)), verbose=0).shape
    (1, 3)
    """

    _of_teacher: Features
    _of_student: Features

    def __init__(
        self,
        teacher: Model,
        student: Model,
        distillation_losses: DistillationLoss | Sequence[DistillationLoss],
        distillation_loss_weights: float | Sequence[float] | None = None,
        student_loss_weight: float = 0.5,
        name: str = "distiller",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        for role, model in (("Teacher", teacher), ("Student", student)):
            if not isinstance(model, Model):
                raise ValueError(
                    f"Distiller: {role} must be a keras.Model; got {type(model)}."
                )
        if not 0.0 <= student_loss_weight <= 1.0:
            raise ValueError(
                "Distiller: student_loss_weight must be between 0.0 and 1.0; got "
                f"{student_loss_weight}."
            )
        _check_alike("input", *(_signature(m, "inputs") for m in (teacher, student)))
        _check_alike("output", *(_signature(m, "outputs") for m in (teacher, student)))
        losses = _listed(distillation_losses)
        for loss in losses:
            if not hasattr(loss, "compute_loss"):
                raise ValueError(
                    f"Distiller: distillation_losses has {loss!r}; expected objects of "
                    "keras.distillation.DistillationLoss."
                )
            loss.validate_model_compatibility(teacher, student)
        given = distillation_loss_weights
        weights = [1.0] * len(losses) if given is None else _listed(given)
        if len(weights) != len(losses) or not losses:
            raise ValueError(
                f"Distiller: {len(losses)} distillation_losses and {len(weights)} "
                "distillation_loss_weights; expected at least one, and as many of each."
            )
        teacher.trainable = False
        self.teacher, self.student = teacher, student
        self.student_loss_weight = student_loss_weight
        self.distillation_losses = losses
        self.distillation_loss_weights = weights
        self.student_loss_tracker = metrics.Mean(name="student_loss")
        self.distillation_loss_tracker = metrics.Mean(name="distillation_loss")
        self.total_loss_tracker = metrics.Mean(name="total_loss")
        fields = self.__dict__  # no layers of its own: they share the models' layers
        fields["_of_teacher"] = Features(
            teacher, [getattr(loss, "teacher_layer_name", OUTPUT) for loss in losses]
        )
        fields["_of_student"] = Features(
            student, [getattr(loss, "student_layer_name", OUTPUT) for loss in losses]
        )

    def compile(  # type: ignore[override]  # as Keras has it: the rest by keyword
        self,
        optimizer: Any = "adam",
        loss: Any = None,
        metrics: Nested[Identifier] | None = None,
        **kwargs: Any,
    ) -> None:
        """As `Model.compile`; `loss` compares the student's outputs with labels.

        Raises:
            ValueError: If `loss` is None.
        """
        if loss is None:
            raise ValueError(
                "Distiller.compile: 'loss' cannot be `None`. For a student that learns from "
                "the teacher alone, pass a loss and student_loss_weight=0.0."
            )
        super().compile(optimizer=optimizer, loss=loss, metrics=metrics, **kwargs)

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compile as the saved model was, and give the optimizer its variables."""
        self.compile(**deserialize_keras_object(config))
        if getattr(self, "optimizer", None) is not None:
            self.optimizer.build(self.trainable_variables)

    def call(
        self, inputs: Nested[ArrayLike], training: bool | None = None, **kwargs: Any
    ) -> Any:
        """What the student gives."""
        return self._of_student.run(inputs, training, **kwargs)

    def compute_loss(
        self,
        x: Nested[ArrayLike] | None = None,
        y: Nested[ArrayLike] | None = None,
        y_pred: Nested[Tensor] | None = None,
        sample_weight: Nested[ArrayLike] | None = None,
        training: bool = True,
    ) -> Any:
        """The student's loss and the distillation losses, weighted.

        Args:
            x: Inputs.
            y: Labels; None leaves the student's loss out.
            y_pred: What the student gave for `x`.
            sample_weight: Weights of the samples in the student's loss.
            training: Whether this is for a training step.
        """
        features = None if y_pred is None else self._of_student.of(y_pred)
        if features is None:
            y_pred, features = self._of_student.run_with_features(x, training)
        own: Any = ops.convert_to_tensor(0.0)
        if y is not None:
            own = super().compute_loss(x, y, y_pred, sample_weight, training)
        _, taught = self._of_teacher.run_with_features(x, False)
        taught = tree.map_structure(ops.stop_gradient, taught)
        apart: Any = ops.convert_to_tensor(0.0)
        terms = zip(self.distillation_losses, self.distillation_loss_weights)
        for i, (loss, weight) in enumerate(terms):
            loss.validate_outputs(taught[i], features[i])
            apart += weight * loss.compute_loss(taught[i], features[i])
        share = self.student_loss_weight
        total = share * own + (1.0 - share) * apart
        batch = ops.shape(tree.flatten(y_pred)[0])[0]
        self.student_loss_tracker.update_state(own, sample_weight=batch)
        self.distillation_loss_tracker.update_state(apart, sample_weight=batch)
        self.total_loss_tracker.update_state(total, sample_weight=batch)
        return total

    def get_config(self) -> dict[str, Any]:
        """The arguments to make it again, both models among them."""
        return {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": serialize_keras_object(self.dtype_policy),
            "teacher": serialize_keras_object(self.teacher),
            "student": serialize_keras_object(self.student),
            "distillation_losses": [
                serialize_keras_object(loss) for loss in self.distillation_losses
            ],
            "distillation_loss_weights": self.distillation_loss_weights,
            "student_loss_weight": self.student_loss_weight,
        }

    @classmethod
    def from_config(
        cls,
        config: dict[str, Any],
        custom_objects: Mapping[str, Any] | None = None,
    ) -> Distiller:
        """Make it from what `get_config` gave."""
        known = None if custom_objects is None else dict(custom_objects)

        def made(part: object) -> Any:
            is_config = isinstance(part, dict)
            return deserialize_keras_object(part, known) if is_config else part

        config = {key: made(value) for key, value in config.items()}
        config["distillation_losses"] = [
            made(part) for part in _listed(config["distillation_losses"])
        ]
        return cls(**config)


def _listed(value: object) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _signature(model: Model, which: str) -> list[tuple[Any, str]] | None:
    """Shapes and dtypes of a model's inputs or outputs; None where it has no graph."""
    tensors = getattr(model, which, None)
    if tensors is None:
        return None
    return [(tuple(t.shape), t.dtype) for t in tree.flatten(tensors)]


def _check_alike(
    kind: str,
    teacher: list[tuple[Any, str]] | None,
    student: list[tuple[Any, str]] | None,
) -> None:
    """Compare shapes, and of outputs dtypes, where both are known."""
    if teacher is None or student is None:
        return
    if len(teacher) != len(student):
        raise ValueError(
            f"Distiller: teacher and student have {len(teacher)} and {len(student)} {kind}s; "
            "expected as many."
        )
    for (shape, dtype), (other, own) in zip(teacher, student):
        known = len(shape) == len(other) and all(
            a == b or a is None or b is None for a, b in zip(shape, other)
        )
        if not known:
            raise ValueError(
                f"Distiller: teacher and student {kind} shapes are incompatible: "
                f"{shape} and {other}; expected equal sizes."
            )
        if dtype != own:
            raise ValueError(
                f"Distiller: teacher and student {kind} dtypes must match: {dtype} and "
                f"{own}."
            )
