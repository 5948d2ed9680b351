"""CompileMetrics: everything that `compile(metrics=...)` accepts, as one metric."""

from __future__ import annotations

from typing import Any

from minikeras import losses, metrics
from minikeras.engine import tree
from minikeras.metrics import Metric
from minikeras.training.compile_loss import unique
from minikeras.training.outputs import align, output_names

_ACCURACY = ("accuracy", "acc")
_CROSSENTROPY = ("crossentropy", "ce")


def check_metrics(given: Any, argument: str) -> None:
    """Raise unless every leaf names a metric or is one, so that compile fails early."""
    if given is None:
        return
    if not isinstance(given, (list, tuple, dict)):
        raise ValueError(
            f"compile: {argument}={given!r} is a {type(given).__name__}; expected a list, "
            f"tuple or dict, such as {argument}=[{given!r}]."
        )
    for leaf in tree.flatten(given):
        if (
            leaf is None
            or isinstance(leaf, Metric)
            or leaf in (*_ACCURACY, *_CROSSENTROPY)
        ):
            continue
        if not callable(leaf):
            _named_metric(leaf)


def _named_metric(identifier: Any) -> Any:
    """The metric of a name or config; names of losses are fine too."""
    try:
        return metrics.get(identifier)
    except ValueError as error:
        try:
            return losses.get(identifier)
        except ValueError:
            raise error from None


def resolve_metric(identifier: Any, truth: Any, pred: Any) -> tuple[str, Metric]:
    """The name to log and the metric; `"accuracy"` is chosen by the shapes.

    Args:
        identifier: Name, function, config or Metric.
        truth: The targets of the output (anything with a shape).
        pred: The output.
    """
    if isinstance(identifier, Metric):
        return identifier.name, identifier
    if identifier in _ACCURACY or identifier in _CROSSENTROPY:
        kind = "accuracy" if identifier in _ACCURACY else "crossentropy"
        found = metrics.get(f"{_label_kind(truth, pred)}_{kind}")
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
    return name, found


def _label_kind(truth: Any, pred: Any) -> str:
    """Whether targets are 0/1, class numbers or one-hot, judging by shapes."""
    classes = pred.shape[-1] if pred.shape else 1
    if classes == 1:
        return "binary"
    shape = None if truth is None else truth.shape
    if shape is None or len(shape) < len(pred.shape) or shape[-1] == 1:
        return "sparse_categorical"
    return "categorical"


class CompileMetrics(Metric):
    """The metrics of all outputs, updated and read together.

    Args:
        metrics: List of names, functions and Metrics for one output; for several, a
            list with a list (or one of them, or None) each, or a dict by output name.
        weighted_metrics: The same, but these get the sample weights.
        output_names: The model's output names, or None.

    Raises:
        ValueError: If a metric is unknown, or `metrics` is no list, tuple or dict.
    """

    def __init__(
        self,
        metrics: Any = None,
        weighted_metrics: Any = None,
        output_names: list[str] | None = None,
    ) -> None:
        super().__init__(name="compile_metrics")
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

    def build(self, y_true: Any, y_pred: Any) -> None:
        """Choose the metrics for these targets and outputs (only shapes are looked at).

        Raises:
            ValueError: If the lists do not fit the outputs.
        """
        names = output_names(y_pred, self._own_names)
        preds = tree.flatten(y_pred)
        truths = _align_targets(y_true, y_pred, names)
        taken: set[str] = set()
        for given, argument, weighted in self._given:
            lists = _align_metrics(given, y_pred, names, argument)
            for i, identifiers in enumerate(lists):
                for identifier in identifiers:
                    name, metric = resolve_metric(identifier, truths[i], preds[i])
                    if len(names) > 1 and names[i] is not None:
                        name = f"{names[i]}_{name}"
                    if weighted and name in taken:
                        name = f"weighted_{name}"
                    self._entries.append((unique(name, taken), metric, i, weighted))
        self._output_names = names
        self.built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take a batch into account."""
        if not self.built:
            self.build(y_true, y_pred)
        if not self._entries:
            return
        preds = tree.flatten(y_pred)
        truths = _align_targets(y_true, y_pred, self._output_names)
        weights = align(
            sample_weight,
            y_pred,
            self._output_names,
            "sample_weight",
            spread=True,
            partial=True,
        )
        for name, metric, i, weighted in self._entries:
            if truths[i] is None:
                raise ValueError(
                    f"metric {name!r}: y is None for its output; expected targets. Pass y, or "
                    "batches (x, y)."
                )
            if weighted and weights[i] is not None:
                metric.update_state(truths[i], preds[i], weights[i])
            else:
                metric.update_state(truths[i], preds[i])

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


def _align_targets(y_true: Any, y_pred: Any, names: list[str | None]) -> list[Any]:
    return align(y_true, y_pred, names, "y", partial=True)


def _align_metrics(
    given: Any, y_pred: Any, names: list[str | None], argument: str
) -> list[list[Any]]:
    """One list of identifiers for each output."""
    if given is None:
        return [[] for _ in names]
    what = f"compile: {argument}"
    if len(names) == 1:
        if isinstance(given, dict):
            if len(given) != 1 or (names[0] is not None and names[0] not in given):
                raise ValueError(
                    f"{what} has keys {sorted(given)}; expected the output's name {names[0]!r}."
                )
            given = next(iter(given.values()))
        return [[m for m in tree.flatten(given) if m is not None]]
    if isinstance(given, dict):
        known = sorted(y_pred) if isinstance(y_pred, dict) else names
        unknown = sorted(str(k) for k in given if k not in known)
        if unknown:
            raise ValueError(f"{what} has keys {unknown}; expected some of {known}.")
        ordered = [given.get(name) for name in names]
    else:
        ordered = list(given)
        if len(ordered) != len(names):
            raise ValueError(
                f"{what} has {len(ordered)} entries for a model with {len(names)} outputs "
                f"({', '.join(str(n) for n in names)}); expected one (or a list) for each, or "
                "a dict by output name."
            )
    return [[m for m in tree.flatten(item) if m is not None] for item in ordered]
