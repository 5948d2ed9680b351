"""CompileLoss: everything that `compile(loss=...)` accepts, as one function."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from minikeras import losses, ops
from minikeras.engine import ranks, tree
from minikeras.engine.errors import see
from minikeras.engine.tensor import Tensor
from minikeras.losses import Loss
from minikeras.losses.reduction import reduce_values
from minikeras.metrics import Mean
from minikeras.training.by_shape import CrossentropyByShape, kind_by_shape
from minikeras.training.outputs import Outputs, Place
from minikeras.training.placing import line_up
from minikeras.types import ArrayLike, Nested
from minikeras.variable import Variable

if TYPE_CHECKING:
    from minikeras.types import Identifier


def resolve_loss(identifier: Identifier) -> Loss | None:
    """A Loss from a name, function, config or Loss; None stays.

    Raises:
        ValueError: If it is none of these.
    """
    if identifier is None or isinstance(identifier, Loss):
        return identifier
    if kind_by_shape(identifier) == "crossentropy":
        return CrossentropyByShape()
    found = losses.get(identifier)
    if isinstance(found, Loss) or found is None:
        return found
    name = getattr(found, "__name__", type(found).__name__)
    if isinstance(identifier, str):
        name = identifier
    return losses.LossFunctionWrapper(
        found, name="lambda" if name == "<lambda>" else name
    )


class PlacedLoss(NamedTuple):
    """A loss, the part of the outputs it is of, its weight, and its mean for the logs."""

    place: Place
    loss: Loss
    weight: Any
    tracker: Mean | None


class CompileLoss:
    """The losses of all outputs, weighted and added up.

    Args:
        loss: Name, function or Loss; or lists, tuples and dicts of them in the structure
            of the outputs, where None or a missing key leaves an output out. What stands
            for a part that holds several outputs gets that part as a whole. A list that
            does not fit its part has several losses of that part, which are added.
        loss_weights: Numbers in the same arrangement, or one for all.
        output_names: The model's output names, or None.

    Raises:
        ValueError: If a loss is unknown or a weight is no number.
    """

    def __init__(
        self,
        loss: object,
        loss_weights: object = None,
        output_names: list[str] | None = None,
    ) -> None:
        self.given = tree.map_structure(resolve_loss, loss)
        for weight in tree.flatten(loss_weights):
            if weight is not None and not _is_number(weight):
                raise ValueError(
                    f"compile: loss_weights holds {weight!r}; expected numbers, one for each "
                    "output."
                )
        self._weights = loss_weights
        self._own_names = output_names
        self.built = False
        self.metrics: list[Any] = []

    def build(self, y_pred: Nested[ArrayLike]) -> None:
        """Line the losses up with the outputs; where there are several, places get trackers.

        Raises:
            ValueError: If they do not fit the outputs.
        """
        self.outputs = outputs = Outputs(y_pred, self._own_names)
        found = line_up(outputs, self.given, self._weights)
        trackers: dict[Place, Mean] = {}
        taken: set[str] = set()
        self.parts: list[PlacedLoss] = []
        for place, loss, weight in found:
            # One loss is the total, which is tracked already.
            if len(found) > 1 and place not in trackers:
                name = _log_name(place, loss, outputs)
                trackers[place] = Mean(name=unique(name, taken))
            if weight is None:
                weight = 1.0
            elif not isinstance(weight, (Variable, Tensor)):
                weight = float(weight)
            self.parts.append(PlacedLoss(place, loss, weight, trackers.get(place)))
        if isinstance(self.given, dict) and isinstance(y_pred, dict):
            # As in Keras the means are listed in the order in which losses were given.
            order = list(self.given)
            trackers = dict(
                sorted(trackers.items(), key=lambda t: order.index(t[0].path[0]))
            )
        self.metrics = list(trackers.values())
        self.built = True

    @property
    def leaves_out(self) -> bool:
        """Whether some outputs have no loss, so that some weights may get no gradient."""
        places = {part.place.path for part in self.parts}
        return not all(
            any(leaf.path[: len(path)] == path for path in places)
            for leaf in self.outputs.leaves
        )

    def targets(self, y_true: Nested[ArrayLike]) -> list[Any]:
        """The target of each part that has a loss, None where `y_true` has none.

        A list may leave out the targets of outputs without a loss; where one output has
        a loss, one array is its target.
        """
        found = self.only_targets(y_true)
        if found is None:
            places = dict.fromkeys(part.place for part in self.parts)
            found = {place: self.outputs.pick(y_true, place, "y") for place in places}
        return [found[part.place] for part in self.parts]

    def only_targets(self, y_true: Nested[ArrayLike]) -> dict[Place, Any] | None:
        """The targets by place, if `y_true` has some for the outputs with a loss alone."""
        if not self.built:
            return None
        places = list(dict.fromkeys(part.place for part in self.parts))
        # Every output has a loss, so targets come in the structure of the outputs
        # anyway.
        if len(places) >= len(self.outputs.leaves):
            return None
        if isinstance(y_true, (list, tuple)):
            same = len(y_true) == len(places)
            flat = all(len(place.path) == 1 for place in places)
            return dict(zip(places, y_true)) if same and flat else None
        alone = len(places) == 1 and places[0].leaf
        if alone and y_true is not None and not isinstance(y_true, dict):
            return {places[0]: y_true}
        return None

    def __call__(
        self,
        y_true: Nested[ArrayLike],
        y_pred: Nested[ArrayLike],
        sample_weight: Nested[ArrayLike] | None = None,
    ) -> Any:
        """The weighted sum of the losses, a scalar; None where no output has one.

        Raises:
            ValueError: If a target is missing, or structures do not fit.
        """
        if not self.built or not self.outputs.are_like(y_pred):
            self.build(
                y_pred
            )  # a compute_loss() of one's own gives other parts than outputs
        total = None
        logged: dict[Place, Any] = {}
        for (place, loss, factor, tracker), truth in zip(
            self.parts, self.targets(y_true)
        ):
            if truth is None:
                raise ValueError(
                    f"y is None for output {place.label or 0}, which has the loss "
                    f"{loss.name!r}; expected targets. Pass y, or batches (x, y)."
                    + see("faq.md#which-loss")
                )
            pred = place.of(y_pred)
            weight = self.outputs.pick(
                sample_weight, place, "sample_weight", spread=True
            )
            if isinstance(weight, (list, tuple, dict)):
                raise ValueError(
                    f"sample_weight has several entries for {place.label}, which has the "
                    f"one loss {loss.name!r}; expected one for the whole part."
                )
            value = loss(truth, pred, weight)
            if value.shape != ():
                # a loss with reduction="none"
                alone = ranks.shard() is None
                value = ops.mean(value) if alone else reduce_values(value)
            if tracker is not None:
                there = logged.get(place)
                logged[place] = value if there is None else ops.add(there, value)
            # The usual weight leaves no node in the graph, and no rounding.
            if not isinstance(factor, float) or factor != 1.0:
                value = ops.multiply(value, factor)
            total = value if total is None else ops.add(total, value)
        for place, tracker in {p.place: p.tracker for p in self.parts}.items():
            if tracker is not None:
                # Means over epochs count each batch by its samples: the last one may be
                # short.
                size = tree.flatten(place.of(y_pred))[0].shape[0]
                tracker.update_state(logged[place], sample_weight=size)
        return total

    def sparse_outputs(
        self, y_true: Nested[ArrayLike] | None, y_pred: Nested[ArrayLike]
    ) -> list[tuple[int, int, Any]]:
        """`(part, classes, ignored class)` of the parts that take class numbers."""
        found = []
        for i, (place, loss, _, _) in enumerate(self.parts):
            if isinstance(loss, CrossentropyByShape) and y_true is not None:
                truth = self.targets(y_true)[i]
                loss = loss.chosen(truth, place.of(y_pred))
            name = getattr(getattr(loss, "fn", None), "__name__", "")
            shape = place.of(y_pred).shape if place.leaf else ()
            if name != "sparse_categorical_crossentropy" or not shape:
                continue
            kwargs = getattr(loss, "_fn_kwargs", {})
            axis = kwargs.get("axis", -1)
            found.append((i, shape[axis], kwargs.get("ignore_class")))
        return found


def _log_name(place: Place, loss: Loss, outputs: Outputs) -> str:
    """`b/c_loss`; where no name is known, that of the loss stands for it."""
    if not place.path and not place.leaf:  # of all outputs at once
        return "_".join([*outputs.top_names(), "loss"]) or f"{loss.name}_loss"
    if place.label is not None and (place.leaf_is_named or not place.leaf):
        return f"{place.label}_loss"
    return "/".join([*([place.label] if place.label else []), f"{loss.name}_loss"])


def _is_number(weight: object) -> bool:
    """Whether it is a number, or a variable or tensor that holds one."""
    if isinstance(weight, (Variable, Tensor)):
        return weight.shape == ()
    return isinstance(weight, (Real, np.generic)) and not isinstance(weight, np.str_)


def unique(name: str, taken: set[str]) -> str:
    """`name`, or `name_1`, `name_2`, ... where it is taken; takes it."""
    found, count = name, 0
    while found in taken:
        count += 1
        found = f"{name}_{count}"
    taken.add(found)
    return found
