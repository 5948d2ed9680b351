"""The state of a model as nested dicts: `Model.get_state_tree` and `set_state_tree`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from minikeras.ops.op import to_tensor
from minikeras.variable import Variable

if TYPE_CHECKING:
    from minikeras.models.model import Model

FORMATS = ("backend_tensor", "numpy_array")


def _groups(model: Model) -> dict[str, list[Variable]]:
    optimizer = getattr(model, "optimizer", None)
    return {
        "trainable_variables": model.trainable_variables,
        "non_trainable_variables": model.non_trainable_variables,
        "optimizer_variables": [] if optimizer is None else optimizer.variables,
        "metrics_variables": model.metrics_variables,
    }


def read_state_tree(model: Model, value_format: str) -> dict[str, Any]:
    """See `Model.get_state_tree`."""
    if value_format not in FORMATS:
        raise ValueError(
            f"{model._label()}: get_state_tree(value_format={value_format!r}); expected one "
            f"of {FORMATS}."
        )
    whole: dict[str, Any] = {}
    for group, variables in _groups(model).items():
        whole[group] = {}
        for variable in variables:
            *scopes, name = variable.path.split("/")
            place = whole[group]
            for scope in scopes:
                place = place.setdefault(scope, {})
            if name in place:
                raise ValueError(
                    f"{model._label()}: get_state_tree: two of the {group} have the path "
                    f"{variable.path!r}; expected different ones. Give their layers names."
                )
            plain = value_format == "numpy_array"
            place[name] = variable.numpy() if plain else variable.value
    return whole


def _paths(tree: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _paths(value, f"{above}{name}/")
        else:
            yield above + name, value


def write_state_tree(model: Model, state_tree: object) -> None:
    """See `Model.set_state_tree`; all is checked before anything is assigned."""
    if not isinstance(state_tree, dict):
        raise ValueError(
            f"{model._label()}: set_state_tree got {type(state_tree).__name__}; expected the "
            "dict of get_state_tree()."
        )
    groups = _groups(model)
    found = []
    for group, tree in state_tree.items():
        if group not in groups:
            raise ValueError(
                f"{model._label()}: set_state_tree got a group {group!r}; expected some of "
                f"{', '.join(groups)}."
            )
        values = dict(_paths(tree))
        for variable in groups[group]:
            if variable.path in values:
                value = to_tensor(values[variable.path], variable.state.aval.dtype)
                if value.shape != variable.shape:
                    raise ValueError(
                        f"{model._label()}: set_state_tree has a value of shape "
                        f"{value.shape} for {variable.path!r}; expected {variable.shape}."
                    )
                found.append((variable, value))
    for variable, value in found:
        variable.assign(value)
