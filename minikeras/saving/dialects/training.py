"""Losses, metrics and optimizers as Keras 1 and 2 wrote them."""

from __future__ import annotations

from typing import Any

from minikeras.saving import builtin
from minikeras.saving.dialects.notes import note
from minikeras.saving.dialects.version import Version

Config = dict[str, Any]

_OPTIMIZERS = {"SGD", "RMSprop", "Adagrad", "Adadelta", "Adam", "Adamax", "Nadam", "Ftrl",
               "AdamW", "Adafactor", "Lion", "LossScaleOptimizer"}  # fmt: skip
_BY_LOWER = {name.lower(): name for name in _OPTIMIZERS}
_REDUCTIONS = {"auto": "sum_over_batch_size", "AUTO": "sum_over_batch_size",
               "SUM_OVER_BATCH_SIZE": "sum_over_batch_size", "SUM": "sum", "NONE": None,
               "none": None}  # fmt: skip
# Arguments of optimizers of 2.x that say nothing today.
_DEAD = ("is_legacy_optimizer", "jit_compile", "schedule_decay", "ema_decay")
# What `compile` of 2.x took and no longer takes; None is no loss.
_DEAD_OF_COMPILE = ("sample_weight_mode", "target_tensors", "distribute")


def modern_optimizer(config: object) -> Any:
    """An optimizer's config in today's words.

    `lr` is `learning_rate` since 2.3; `decay` became a schedule in 2.11 and is made one;
    epsilon may be None until 2.15.
    """
    if not isinstance(config, dict) or not isinstance(config.get("config"), dict):
        return config
    name = str(config.get("class_name", "")).removeprefix("Custom>")
    name = _BY_LOWER.get(name.lower(), name)
    inner = dict(config["config"])
    if "inner_optimizer" in inner:
        inner["inner_optimizer"] = modern_optimizer(inner["inner_optimizer"])
    if "lr" in inner:
        inner.setdefault("learning_rate", inner.pop("lr"))
    dead = [key for key in _DEAD if key in inner]
    told = [key for key in dead if key == "schedule_decay"]
    for key in dead:
        del inner[key]
    note(name, told)
    if "epsilon" in inner and inner["epsilon"] is None:
        del inner["epsilon"]
    decay = inner.pop("decay", None)
    rate = inner.get("learning_rate")
    if decay and isinstance(rate, (int, float)):
        inner["learning_rate"] = {
            "module": "keras.optimizers.schedules",
            "class_name": "InverseTimeDecay",
            "config": {"initial_learning_rate": float(rate), "decay_steps": 1,
                       "decay_rate": float(decay)},
            "registered_name": None,
        }  # fmt: skip
    return {**config, "module": "keras.optimizers", "class_name": name, "config": inner,
            "registered_name": None}  # fmt: skip


def modern_loss(config: object) -> Any:
    """A loss, or a structure of them: reductions have other names since 3.0."""
    if isinstance(config, list):
        return [modern_loss(v) for v in config]
    if not isinstance(config, dict):
        return config
    if "class_name" not in config or not isinstance(config.get("config"), dict):
        return {key: modern_loss(v) for key, v in config.items()}
    inner = dict(config["config"])
    if inner.get("reduction") in _REDUCTIONS:
        inner["reduction"] = _REDUCTIONS[inner["reduction"]]
    if "fn" in inner and config["class_name"] == "LossFunctionWrapper":
        return inner["fn"]
    if _is_own(config):  # 2.15 writes the function that its class is made of
        inner.pop("fn", None)
    return _of("keras.losses", config, inner)


def _is_own(config: Config) -> bool:
    module = config.get("module") or "keras"
    return builtin.find_class(module, config["class_name"]) is not None


def modern_metric(config: object) -> Any:
    """A metric, or a structure of them; wrapped functions by their names."""
    if isinstance(config, list):
        return [modern_metric(v) for v in config]
    if not isinstance(config, dict):
        return config
    if "class_name" not in config or not isinstance(config.get("config"), dict):
        return {key: modern_metric(v) for key, v in config.items()}
    inner = {k: v for k, v in config["config"].items() if k != "dtype" or v is not None}
    if isinstance(inner.get("fn"), str) and config["class_name"] == "MeanMetricWrapper":
        known = inner.get("name")
        short = ("accuracy", "acc", "crossentropy", "ce")
        return known if known in short else inner["fn"]
    if config["class_name"] != "MeanMetricWrapper" and _is_own(config):
        inner.pop("fn", None)
    return _of("keras.metrics", config, inner)


def _of(module: str, config: Config, inner: Config) -> Config:
    given = config.get("module")
    return {**config, "module": given or module, "config": inner}


def modern_compile_config(config: Config, version: Version, outputs: int = 1) -> Config:
    """The arguments of `compile`, of today's names and values, from a `compile_config`.

    Also takes the `training_config` of HDF5 files, where the optimizer stands under
    `optimizer_config`.

    Args:
        config: The arguments as written.
        version: The Keras that wrote them.
        outputs: How many outputs the model has.
    """
    found = {k: v for k, v in config.items() if k not in _DEAD_OF_COMPILE}
    note("compile", [k for k in _DEAD_OF_COMPILE if config.get(k)])
    if "optimizer_config" in found:
        found["optimizer"] = found.pop("optimizer_config")
    if version >= (3, 0):
        return found
    found["optimizer"] = modern_optimizer(found.get("optimizer"))
    found["loss"] = modern_loss(found.get("loss"))
    for key in ("metrics", "weighted_metrics"):
        value = modern_metric(found.get(key))
        if isinstance(value, list) and len(value) == 1 and isinstance(value[0], list):
            value = value[0]  # 2.2 to 2.15: a list for each output, also of one
        elif outputs > 1 and isinstance(value, list):
            if not any(v is None or isinstance(v, list) for v in value):
                value = [list(value) for _ in range(outputs)]  # it was for each output
        found[key] = value
    found.pop("jit_compile", None)
    for key in ("run_eagerly", "steps_per_execution", "loss_weights"):
        if found.get(key) is None:
            found.pop(key, None)
    return found
