"""CompileLoss: everything that `compile(loss=...)` accepts, as one function."""

from __future__ import annotations

from typing import Any

from minikeras import losses, ops
from minikeras.engine import tree
from minikeras.losses import Loss
from minikeras.metrics import Mean
from minikeras.training.outputs import align, output_names


def resolve_loss(identifier: Any) -> Loss | None:
    """A Loss from a name, function, config or Loss; None stays.

    Raises:
        ValueError: If it is none of these.
    """
    if identifier is None or isinstance(identifier, Loss):
        return identifier
    found = losses.get(identifier)
    if isinstance(found, Loss) or found is None:
        return found
    name = getattr(found, "__name__", type(found).__name__)
    if isinstance(identifier, str):
        name = identifier
    return losses.LossFunctionWrapper(
        found, name="lambda" if name == "<lambda>" else name
    )


class CompileLoss:
    """The losses of all outputs, weighted and added up.

    Args:
        loss: Name, function or Loss; or lists, tuples and dicts of them, one for each
            output, where None leaves an output out.
        loss_weights: Numbers in the same arrangement, or one for all.
        output_names: The model's output names, or None.

    Raises:
        ValueError: If a loss is unknown or a weight is no number.
    """

    def __init__(
        self, loss: Any, loss_weights: Any = None, output_names: list[str] | None = None
    ) -> None:
        self._given = tree.map_structure(resolve_loss, loss)
        for weight in tree.flatten(loss_weights):
            if weight is not None and not isinstance(weight, (int, float)):
                raise ValueError(
                    f"compile: loss_weights holds {weight!r}; expected numbers, one for each "
                    "output."
                )
        self._weights = loss_weights
        self._own_names = output_names
        self.built = False
        self.metrics: list[Any] = []

    def build(self, y_pred: Any) -> None:
        """Line the losses up with the outputs; several of them get a tracker each.

        Raises:
            ValueError: If they do not fit the outputs.
        """
        names = output_names(y_pred, self._own_names)
        entries = align(self._given, y_pred, names, "compile: loss", spread=True)
        weights = align(
            self._weights,
            y_pred,
            names,
            "compile: loss_weights",
            spread=True,
            partial=True,
        )
        self.names = names
        self.losses: list[Loss | None] = entries
        self.weights = [1.0 if w is None else float(w) for w in weights]
        self._trackers: list[Any] = [None] * len(names)
        active = [i for i, loss in enumerate(entries) if loss is not None]
        if len(active) > 1:
            taken: set[str] = set()
            for i in active:
                base = f"{names[i] or entries[i].name}_loss"
                self._trackers[i] = Mean(name=unique(base, taken))
        self.metrics = [t for t in self._trackers if t is not None]
        self.built = True

    def targets(self, y_true: Any, y_pred: Any) -> list[Any]:
        """One target for each output."""
        return align(y_true, y_pred, self.names, "y", partial=True)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The weighted sum of the losses, a scalar; None where no output has one.

        Raises:
            ValueError: If a target is missing, or structures do not fit.
        """
        if not self.built:
            self.build(y_pred)
        truths = self.targets(y_true, y_pred)
        weights = align(
            sample_weight,
            y_pred,
            self.names,
            "sample_weight",
            spread=True,
            partial=True,
        )
        total = None
        for i, pred in enumerate(tree.flatten(y_pred)):
            loss = self.losses[i]
            if loss is None:
                continue
            if truths[i] is None:
                raise ValueError(
                    f"y is None for output {self.names[i] or i}, which has the loss "
                    f"{loss.name!r}; expected targets. Pass y, or batches (x, y)."
                )
            value = loss(truths[i], pred, weights[i])
            if value.shape != ():
                value = ops.mean(value)  # a loss with reduction="none"
            if self._trackers[i] is not None:
                self._trackers[i].update_state(value, sample_weight=pred.shape[0])
            if self.weights[i] != 1.0:
                value = ops.multiply(value, self.weights[i])
            total = value if total is None else ops.add(total, value)
        return total

    def sparse_outputs(self, shapes: Any) -> list[tuple[int, int, Any]]:
        """`(output, classes, ignored class)` of the outputs that take class numbers."""
        found = []
        for i, shape in enumerate(shapes):
            loss = self.losses[i]
            name = getattr(getattr(loss, "fn", None), "__name__", "")
            if name != "sparse_categorical_crossentropy" or not shape:
                continue
            kwargs = getattr(loss, "_fn_kwargs", {})
            axis = kwargs.get("axis", -1)
            found.append((i, shape[axis], kwargs.get("ignore_class")))
        return found


def unique(name: str, taken: set[str]) -> str:
    """`name`, or `name_1`, `name_2`, ... where it is taken; takes it."""
    found, count = name, 0
    while found in taken:
        count += 1
        found = f"{name}_{count}"
    taken.add(found)
    return found
