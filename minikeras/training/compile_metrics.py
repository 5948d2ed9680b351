"""CompileMetrics: everything that `compile(metrics=...)` accepts, as one metric."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minikeras import losses, metrics
from minikeras.engine import tree
from minikeras.losses import Loss
from minikeras.metrics import Metric
from minikeras.training.by_shape import kind_by_shape, label_kind
from minikeras.training.compile_loss import CompileLoss, unique
from minikeras.training.outputs import Outputs, single
from minikeras.types import ArrayLike, Nested

if TYPE_CHECKING:
    from minikeras.types import Identifier


def check_metrics(given: object, argument: str) -> None:
    """Raise unless every leaf names a metric or is one, so that compile fails early."""
    if given is None:
        return
    if not isinstance(given, (list, tuple, dict)):
        raise ValueError(
            f"compile: {argument}={given!r} is a {type(given).__name__}; expected a list, "
            f"tuple or dict, such as {argument}=[{given!r}]."
        )
    for leaf in tree.flatten(given):
        if leaf is None or isinstance(leaf, Metric) or kind_by_shape(leaf):
            continue
        if not callable(leaf):
            _named_metric(leaf)


def _named_metric(identifier: Identifier) -> Any:
    """The metric of a name or config; names of losses are fine too."""
    try:
        return metrics.get(identifier)
    # The first error names metrics, which is what was asked for.
    except ValueError as error:
        try:
            return losses.get(identifier)
        except ValueError:
            raise error from None


def resolve_metric(
    identifier: Identifier, truth: object, pred: object
) -> tuple[str, Metric]:
    """The name to log and the metric; `"accuracy"` is chosen by the shapes.

    Args:
        identifier: Name, function, config or Metric.
        truth: The targets of the output (anything with a shape).
        pred: The output.
    """
    if isinstance(identifier, Metric):
        return identifier.name, identifier
    kind = kind_by_shape(identifier)
    if kind is not None:
        found = metrics.get(f"{label_kind(truth, pred)}_{kind}")
    else:
        found = identifier if callable(identifier) else _named_metric(identifier)
    if isinstance(found, type):
        found = found()
    if isinstance(identifier, str):
        name = identifier
    else:
        name = str(getattr(found, "name", None) or getattr(found, "__name__", "metric"))
    if name == "<lambda>":
        name = "lambda"
    if not isinstance(found, Metric):
        found = metrics.MeanMetricWrapper(found, name=name)
        if isinstance(identifier, Loss):
            # A loss as a metric is better where it is smaller: callbacks with
            # mode="auto" ask.
            found._direction = "down"
    return name, found


class CompileMetrics(Metric):
    """The metrics of all outputs, updated and read together.

    Args:
        metrics: List of names, functions and Metrics for one output; for several, lists
            and dicts in the structure of the outputs, with a list (or one of them, or
            None) for each tensor. Dicts may leave outputs out.
        weighted_metrics: The same, but these get the sample weights.
        output_names: The model's output names, or None.
        loss: The loss beside them, which knows outputs that no target was given for.

    Raises:
        ValueError: If a metric is unknown, or `metrics` is no list, tuple or dict.
    """

    def __init__(
        self,
        metrics: object = None,
        weighted_metrics: object = None,
        output_names: list[str] | None = None,
        loss: CompileLoss | None = None,
    ) -> None:
        super().__init__(name="compile_metrics")
        self._loss = loss
        check_metrics(metrics, "metrics")
        check_metrics(weighted_metrics, "weighted_metrics")
        self._given = [
            (metrics, "metrics", False),
            (weighted_metrics, "weighted_metrics", True),
        ]
        self._own_names = output_names
        self.built = False
        self._entries: list[tuple[str, Metric, int, bool]] = []

    @property
    def metrics(self) -> list[Metric]:
        """The metrics, in the order in which they are reported."""
        return [entry[1] for entry in self._entries]

    @property
    def variables(self) -> list[Any]:
        """The variables of all of them."""
        return [v for metric in self.metrics for v in metric.variables]

    @property
    def names(self) -> list[str]:
        """The names under which their results are logged."""
        return [entry[0] for entry in self._entries]

    @property
    def plain_names(self) -> list[str]:
        """Those of the names that do not begin with an output's."""
        several = self.built and len(self._outputs.own_names) > 1
        named = self._outputs.own_names if several else ()
        return [name for name, _, i, _ in self._entries if not (named and named[i])]

    def build(self, y_true: Nested[ArrayLike], y_pred: Nested[ArrayLike]) -> None:
        """Choose the metrics for these targets and outputs (only shapes are looked at).

        Raises:
            ValueError: If the lists do not fit the outputs.
        """
        self._outputs = outputs = Outputs(y_pred, self._own_names)
        names = outputs.own_names
        preds = tree.flatten(y_pred)
        truths = self._truths(y_true)
        taken: set[str] = set()
        for given, argument, weighted in self._given:
            for i, identifiers in enumerate(_by_output(given, outputs, argument)):
                prefix = f"{names[i]}_" if len(names) > 1 and names[i] else ""
                for identifier in identifiers:
                    name, metric = resolve_metric(identifier, truths[i], preds[i])
                    # The same metric may be given twice, with and without weights; both
                    # are logged.
                    if weighted and prefix + name in taken:
                        name = f"weighted_{name}"
                    name = unique(prefix + name, taken)
                    self._entries.append((name, metric, i, weighted))
        self.built = True

    def update_state(
        self,
        y_true: Nested[ArrayLike],
        y_pred: Nested[ArrayLike],
        sample_weight: Nested[ArrayLike] | None = None,
    ) -> None:
        """Take a batch into account."""
        if not self.built:
            self.build(y_true, y_pred)
        if not self._entries:
            return
        preds = tree.flatten(y_pred)
        outputs = self._outputs
        truths = self._truths(y_true)
        weights = [
            outputs.pick(sample_weight, place, "sample_weight", spread=True)
            for place in outputs.leaves
        ]
        for name, metric, i, weighted in self._entries:
            if truths[i] is None:
                raise ValueError(
                    f"metric {name!r}: y is None for its output; expected targets. Pass y, or "
                    "batches (x, y)."
                )
            # Metrics of `metrics=` never see sample weights, as in Keras.
            if weighted and weights[i] is not None:
                metric.update_state(truths[i], preds[i], weights[i])
            else:
                metric.update_state(truths[i], preds[i])

    def _truths(self, y_true: Nested[ArrayLike]) -> list[Any]:
        """The target of each output tensor, or None."""
        places = self._outputs.leaves
        found = None if self._loss is None else self._loss.only_targets(y_true)
        if found is not None:
            return [single(found.get(p), "y", p.label) for p in places]
        return [self._outputs.pick(y_true, place, "y") for place in places]

    def reset_state(self) -> None:
        """Begin anew."""
        for metric in self.metrics:
            metric.reset_state()

    def result(self) -> dict[str, Any]:
        """Every metric's result by the name under which it is logged."""
        results: dict[str, Any] = {}
        for name, metric, _, _ in self._entries:
            value = metric.result()
            results.update(value if isinstance(value, dict) else {name: value})
        return results


def _by_output(given: object, outputs: Outputs, argument: str) -> list[list[Any]]:
    """One list of identifiers for each output tensor, in order."""
    what = f"compile: {argument}"
    found: dict[Any, list[Any]] = {place.path: [] for place in outputs.leaves}
    if len(found) == 1:
        if isinstance(given, dict):
            known = outputs.own_names[0]
            if len(given) != 1 or (known is not None and known not in given):
                raise ValueError(
                    f"{what} has keys {sorted(given)}; expected the output's name {known!r}."
                )
        found[outputs.leaves[0].path] = tree.flatten(given)
    else:
        for place, item in outputs.assigned(given, what):
            if not place.leaf:
                raise ValueError(
                    f"{what} has one {item!r} for several outputs under "
                    f"{place.label!r}; expected metrics for each, in their structure."
                )
            found[place.path] += tree.flatten(item)
    return [[m for m in items if m is not None] for items in found.values()]
