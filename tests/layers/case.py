"""What a row of the table of layers is made of."""

from typing import Any, NamedTuple


class Sub(NamedTuple):
    """A layer among another layer's arguments, for either library to make."""

    layer: str
    kwargs: dict[str, Any]

    def __repr__(self) -> str:
        shown = ",".join(f"{k}={v}" for k, v in self.kwargs.items())
        return f"{self.layer}({shown})"


class Case(NamedTuple):
    """A layer, how to make it, and the shapes of its inputs (without the batch axis).

    `inputs` is one shape, or a list of shapes. `kind` says what the values are.
    """

    layer: str
    kwargs: dict[str, Any]
    inputs: Any
    kind: str = "float"

    @property
    def id(self) -> str:
        shown = ",".join(f"{k}={v}" for k, v in self.kwargs.items())
        return f"{self.layer}({shown})on{self.inputs}".replace(" ", "")

    @property
    def wraps(self) -> bool:
        """Whether a layer is among the arguments."""
        return "Sub" in {type(v).__name__ for v in _flat(list(self.kwargs.values()))}


def _flat(values: Any) -> list[Any]:
    if isinstance(values, list):
        return [leaf for v in values for leaf in _flat(v)]
    return [values]


def resolved(library: Any, value: Any) -> Any:
    """`value` with the layers made that it stands for."""
    if isinstance(value, Sub):
        kwargs = {k: resolved(library, v) for k, v in value.kwargs.items()}
        return getattr(library.layers, value.layer)(**kwargs)
    if isinstance(value, list):
        return [resolved(library, v) for v in value]
    return value


def made(library: Any, case: Case, **more: Any) -> Any:
    """The layer of a case, not built."""
    kwargs = {k: resolved(library, v) for k, v in case.kwargs.items()}
    return getattr(library.layers, case.layer)(**kwargs, **more)
