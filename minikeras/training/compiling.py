"""The part of the trainer that knows loss, metrics and optimizer."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from minikeras import ops, optimizers
from minikeras.engine import ranks, tree
from minikeras.engine.attributes import UntilSet
from minikeras.engine.errors import see
from minikeras.engine.warn import warn_user
from minikeras.metrics import Mean
from minikeras.ops import collective
from minikeras.saving.serialization import (
    deserialize_keras_object,
    serialize_keras_object,
)
from minikeras.training.compile_loss import CompileLoss
from minikeras.training.compile_metrics import CompileMetrics
from minikeras.training.nan_watch import NanWatch
from minikeras.types import ArrayLike, Identifier, Nested

if TYPE_CHECKING:
    from minikeras.engine.tensor import Tensor
    from minikeras.metrics.metric import Metric


class CompileState:
    """What `compile` made: containers for losses and metrics, and how to run.

    Attributes:
        loss: The `CompileLoss`, or None.
        metrics: The `CompileMetrics`, or None.
        tracker: The mean of the total loss.
        config: The arguments of `compile`.
        ready: Whether everything was built for the data's shapes.
        sparse: `(part, classes, ignored)` for the loss's parts that take class numbers.
        predictions: The structure of the model's outputs, once known.
        nan: Says once where the loss is NaN and the data held some.
    """

    def __init__(
        self, loss: CompileLoss | None, metrics: CompileMetrics | None
    ) -> None:
        self.loss = loss
        self.metrics = metrics
        self.tracker = Mean(name="loss")
        self.config: dict[str, Any] = {}
        self.ready = False
        self.sparse: list[tuple[int, int, Any]] = []
        self.predictions: Any = None
        self.nan = NanWatch()

    @property
    def has_loss(self) -> bool:
        """Whether `compile` was given a loss for any output."""
        given = [] if self.loss is None else tree.flatten(self.loss.given)
        return any(loss is not None for loss in given)

    def __getstate__(self) -> dict[str, Any]:
        # Predictions are abstract, of no use in a copy; the copy prepares itself anew.
        return {**self.__dict__, "predictions": None, "ready": False}


class Compiling:
    """`compile` and what it gives: losses, metrics, their results."""

    optimizer: Any = None
    loss: Any = None
    stop_training: bool = False
    run_eagerly: bool = False
    jit_compile: Any = "auto"
    steps_per_execution: int = 1
    _compile: CompileState | None = None

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Identifier = None,
        loss_weights: Identifier = None,
        metrics: object = None,
        weighted_metrics: Identifier = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: bool | str = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Choose how the model is trained.

        Args:
            optimizer: Name, config or Optimizer.
            loss: Name, function or Loss; for several outputs a list in their order, a
                dict by output name, or one for all. None leaves an output out.
                `"crossentropy"` becomes the binary, categorical or sparse one, judging by
                the shapes of targets and predictions.
            loss_weights: Numbers by which the losses are multiplied, arranged like `loss`.
            metrics: List of names, functions or Metrics; for several outputs a list of
                lists, or a dict by output name. `"accuracy"` and `"crossentropy"` are
                chosen by the shapes, too.
            weighted_metrics: The same, but weighted by sample_weight or class_weight.
            run_eagerly: Whether every op runs at once, in plain Python, to debug.
            steps_per_execution: How many batches run between two calls of the callbacks.
            jit_compile: Kept for Keras's signature. Steps are compiled into programs in
                any case, unless `run_eagerly` is set.
            auto_scale_loss: Whether float16 training scales its loss, where the
                optimizer offers that.

        Raises:
            ValueError: If a name is unknown, or a structure makes no sense. Nothing of
                the model has changed then.

        Example:
            >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
            >>> model.compile("adam", "mse", metrics=["mae"])
            >>> [metric.name for metric in model.metrics]
            ['loss', 'compile_metrics']
        """
        if not isinstance(steps_per_execution, int) or steps_per_execution < 1:
            raise ValueError(
                f"compile: steps_per_execution={steps_per_execution!r}; expected an integer of "
                "at least 1."
            )
        chosen = optimizers.get(optimizer)
        policy = getattr(self, "dtype_policy", None)
        if auto_scale_loss and getattr(policy, "name", "") == "mixed_float16":
            scaled = optimizers.LossScaleOptimizer
            # Gradients of float16 underflow; scaled losses keep them in range.
            if chosen is not None and not isinstance(chosen, scaled):
                chosen = scaled(chosen, name="loss_scale_optimizer")
        names = getattr(self, "output_names", None)
        losses = None if loss is None else CompileLoss(loss, loss_weights, names)
        state = CompileState(
            losses,
            CompileMetrics(metrics, weighted_metrics, names, losses)
            if metrics is not None or weighted_metrics is not None
            else None,
        )
        state.config = {
            "optimizer": optimizer,
            "loss": loss,
            "loss_weights": loss_weights,
            "metrics": metrics,
            "weighted_metrics": weighted_metrics,
            "run_eagerly": run_eagerly,
            "steps_per_execution": steps_per_execution,
            "jit_compile": jit_compile,
            "auto_scale_loss": auto_scale_loss,
        }
        self._compile = state
        self.optimizer = chosen
        self.loss = loss
        self.run_eagerly = bool(run_eagerly)
        self.jit_compile = jit_compile
        self.steps_per_execution = steps_per_execution
        self.stop_training = False
        self._forget_functions()

    def _forget_functions(self) -> None:
        raise NotImplementedError

    @property
    def compiled(self) -> bool:
        """Whether `compile` was called."""
        return self._compile is not None

    # Under the names that training steps written for Keras have for them.

    @UntilSet
    def _loss_tracker(self) -> Metric | None:
        """The mean of the loss; None before `compile`."""
        return None if self._compile is None else self._compile.tracker

    @UntilSet
    def _compile_loss(self) -> CompileLoss | None:
        """The losses given to `compile`, as one, or None."""
        return None if self._compile is None else self._compile.loss

    @UntilSet
    def _compile_metrics(self) -> CompileMetrics | None:
        """The metrics given to `compile`, as one, or None."""
        return self.compiled_metrics

    @property
    def compiled_metrics(self) -> CompileMetrics | None:
        """The metrics given to `compile`, as one."""
        return None if self._compile is None else self._compile.metrics

    def _compiled(self, method: str) -> CompileState:
        if self._compile is None:
            name = getattr(self, "name", type(self).__name__)
            raise ValueError(
                f"model {name!r} has no loss and no optimizer yet. Call `compile()` before "
                f"`{method}()`, e.g. model.compile('adam', 'mse')."
                + see("faq.md#which-loss")
            )
        return self._compile

    @property
    def metrics(self) -> list[Any]:
        """All metrics: the loss's mean, those of `compile`, those set as attributes."""
        found: list[Any] = []
        state = self._compile
        if state is not None:
            found.append(state.tracker)
            if state.metrics is not None:
                found.append(state.metrics)
            if state.loss is not None:
                found += state.loss.metrics
        found += [m for m in super().metrics if all(m is not f for f in found)]  # type: ignore[misc]  # the layer's, by way of the model
        return found

    @property
    def metrics_names(self) -> list[str]:
        """The names of `metrics`."""
        return [m.name for m in self.metrics]

    def reset_metrics(self) -> None:
        """Begin all metrics anew, as at the start of each epoch."""
        for metric in self.metrics:
            metric.reset_state()

    def compute_loss(
        self,
        x: Nested[ArrayLike] | None = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Nested[ArrayLike] | None = None,
        training: bool = True,
    ) -> Tensor:
        """The total loss of a batch; override it for a loss of your own.

        Args:
            x: Inputs.
            y: Targets.
            y_pred: What the model gave for `x`.
            sample_weight: Weights, or None.
            training: Whether this is for a training step.

        Returns:
            A scalar: the losses given to `compile`, plus those that layers and
            regularizers added. Zero if there are none.

        Raises:
            ValueError: If targets are missing or do not fit the outputs.
        """
        state = self._compiled("compute_loss")
        total = None if state.loss is None else state.loss(y, y_pred, sample_weight)
        shard = ranks.shard()
        for extra in getattr(self, "losses", ()):
            value = ops.sum(extra) if getattr(extra, "shape", ()) else extra
            # Penalties of weights are the same on all ranks: their mean over the batch
            # counts, or each rank would add them once more.
            if shard is not None:
                value = collective.common_mean(ops.convert_to_tensor(value), shard)
            total = value if total is None else ops.add(total, value)
        return ops.convert_to_tensor(0.0) if total is None else total

    def stateless_compute_loss(
        self,
        trainable_variables: Nested[ArrayLike],
        non_trainable_variables: Nested[ArrayLike],
        metrics_variables: Any,
        x: Nested[ArrayLike] | None = None,
        y: Nested[ArrayLike] | None = None,
        y_pred: Nested[ArrayLike] | None = None,
        sample_weight: Nested[ArrayLike] | None = None,
        training: bool = True,
    ) -> Any:
        """`compute_loss` with given values of the variables, which are put back after.

        Args:
            trainable_variables: Values for the model's trainable variables, in order.
            non_trainable_variables: Values for the others.
            metrics_variables: Values for the metrics' variables.
            x: Inputs.
            y: Targets.
            y_pred: Predictions.
            sample_weight: Weights, or None.
            training: Whether this is for a training step.

        Returns:
            The loss, and the new values of the three groups of variables:
            `(loss, (trainable, non_trainable, metrics))`.
        """
        given = (trainable_variables, non_trainable_variables, metrics_variables)
        metrics = [v for m in self.metrics for v in m.variables]
        model: Any = self
        groups = (model.trainable_variables, model.non_trainable_variables, metrics)
        before = [[v.value for v in group] for group in groups]
        try:
            for group, values in zip(groups, given):
                for variable, value in zip(group, values, strict=True):
                    variable.assign(value)
            loss = self.compute_loss(x, y, y_pred, sample_weight, training)
            return loss, tuple([v.value for v in group] for group in groups)
        finally:
            for group, values in zip(groups, before):
                for variable, value in zip(group, values, strict=True):
                    variable.assign(value)

    def compute_metrics(
        self,
        x: Nested[ArrayLike],
        y: Nested[ArrayLike],
        y_pred: Nested[ArrayLike],
        sample_weight: Nested[ArrayLike] | None = None,
    ) -> dict[str, Tensor]:
        """Update the metrics of `compile` and give all results; override for your own.

        Args:
            x: Inputs.
            y: Targets.
            y_pred: What the model gave for `x`.
            sample_weight: Weights, or None.

        Returns:
            A dict from name to scalar tensor.
        """
        if self._compile is not None and self._compile.metrics is not None:
            self._compile.metrics.update_state(y, y_pred, sample_weight)
        return self.get_metrics_result()

    def get_metrics_result(self) -> dict[str, Any]:
        """The results of all metrics by name."""
        results: dict[str, Any] = {}
        for metric in self.metrics:
            value = metric.result()
            if isinstance(value, dict):
                results.update(value)
            else:
                results[metric.name] = value
        return results

    def _result_order(self) -> list[str]:
        """The names of results that `evaluate` lists first, in order.

        As in Keras the metrics of several outputs follow in the order of their names.
        """
        of_compile = None if self._compile is None else self._compile.metrics
        names: list[str] = []
        for metric in self.metrics:
            if of_compile is not None and metric is of_compile:
                names += of_compile.plain_names
            else:
                names.append(metric.name)
        return list(dict.fromkeys(names))

    def get_compile_config(self) -> dict[str, Any]:
        """The arguments of `compile` in a form that can be saved.

        Returns:
            What `compile_from_config` takes; empty if the model is not compiled.
        """
        return self._compile_arguments()

    def _compile_arguments(self) -> dict[str, Any]:
        """The same, whatever a subclass has made of it."""
        if self._compile is None:
            return {}
        # The optimizer as it is: its learning rate may have changed since, and a loss scale
        # that was put around it stands in it.
        given = {**self._compile.config, "optimizer": self.optimizer}
        del given["auto_scale_loss"]
        return {key: serialize_keras_object(v) for key, v in given.items()}

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compile as another model was.

        Args:
            config: What `get_compile_config` gave.

        Raises:
            ValueError: If it holds what `compile` does not take.
        """
        # A `compile` of one's own may take other arguments, which no config of ours
        # has.
        if type(self).compile is not Compiling.compile:
            warn_user(
                "`compile()` was not called as part of model loading because the model's "
                f"`compile()` method is custom. {type(self).__name__} can define "
                "get_compile_config() and compile_from_config() too; or call compile() "
                "yourself."
            )
            return
        unknown = set(config) - set(inspect.signature(Compiling.compile).parameters)
        if unknown:
            raise ValueError(
                f"compile_from_config: {sorted(unknown)} in the config; compile() takes "
                "no such arguments."
            )
        self.compile(**{key: deserialize_keras_object(v) for key, v in config.items()})
        model: Any = self
        if self.optimizer is not None and getattr(model, "built", False):
            self.optimizer.build(model.trainable_variables)
