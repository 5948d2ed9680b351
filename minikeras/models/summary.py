"""`Model.summary`: the table of layers, drawn with rich (imported when it is used)."""

from __future__ import annotations

import inspect
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast

from minikeras import console
from minikeras.drawing.cards import card, folded, table
from minikeras.drawing.diagram import draw_diagram
from minikeras.engine import dtypes
from minikeras.layers.base.layer import Layer
from minikeras.layers.base.node import OpCall
from minikeras.models.diagram import Wanted, model_diagram

if TYPE_CHECKING:
    from minikeras.layers.base.node import Operation
    from minikeras.models.model import Model

_COLUMNS = {
    "plain": (("Layer (type)", 0.45), ("Output Shape", 0.34), ("Param #", 0.21)),
    "graph": (
        ("Layer (type)", 0.29),
        ("Output Shape", 0.26),
        ("Param #", 0.17),
        ("Connected to", 0.28),
    ),
}
_MOST_DRAWN = 120  # layers; more make a diagram that nobody reads
_TRAINABLE = ("Trai…", 0.1)
# Drawing characters that an encoding may lack, and what stands for them there.
_PLAIN = str.maketrans({"└": "+", "…": "."})


def print_summary(
    model: Model,
    line_length: int | None,
    positions: list[float] | None,
    print_fn: Callable[[str], Any] | None,
    expand_nested: bool,
    show_trainable: bool,
    layer_range: object,
) -> None:
    """See `Model.summary`."""
    branched = _is_branched(model)
    columns = list(_COLUMNS["graph" if branched else "plain"])
    if show_trainable:
        columns.append(_TRAINABLE)
    rows: list[list[str]] = []
    for operation in _in_range(_listed(model), layer_range):
        _add_rows(rows, operation, model, branched, expand_nested, show_trainable, 0)
    plain = not console.encodable("└…┃━┳╇│", sys.stdout)
    text = _render(
        f'Model: "{model.name}"',
        columns,
        rows,
        _totals(model),
        line_length or min(shutil.get_terminal_size((80, 20)).columns, 120),
        _fractions(positions, len(columns)),
        plain,
    )
    display = console.notebook() if print_fn is None else None
    if display is not None:
        markup = _markup(model, columns, rows)
        display({"text/plain": text, "text/html": markup}, raw=True)
    else:
        (console.say if print_fn is None else print_fn)(text)


def summary_html(model: Model) -> str:
    """The table as HTML, with the model's diagram behind a line that opens it."""
    branched = _is_branched(model)
    rows: list[list[str]] = []
    for operation in _listed(model):
        _add_rows(rows, operation, model, branched, True, False, 0)
    columns = _COLUMNS["graph" if branched else "plain"]
    diagram = ""
    if model.built and 0 < len(rows) <= _MOST_DRAWN:
        wanted = Wanted(shapes=True, nested=True)
        diagram = folded("Diagram", draw_diagram(model_diagram(model, wanted)).svg)
    return _markup(model, columns, rows, diagram)


def _markup(
    model: Model,
    columns: Sequence[tuple[str, float]],
    rows: list[list[str]],
    *below: str,
) -> str:
    totals = [line.strip().partition(": ")[::2] for line in _totals(model)]
    names = [name for name, _ in columns]
    content = table(names, rows, ("Param #",))
    return card(model.name, type(model).__name__, totals, content, *below)


def _listed(model: Model) -> list[Any]:
    """The layers (and ops, in a graph) that get a row."""
    return list(getattr(model, "operations", None) or model.layers)


def _is_branched(model: Any) -> bool:
    """Whether the graph is more than a chain, so that connections are worth a column."""
    operations = getattr(model, "operations", None)
    if operations is None:
        return False
    inside = set(model._nodes)
    for operation in operations:
        nodes = [n for n in operation._inbound_nodes if n in inside]
        if len(nodes) > 1 or any(len(n.input_tensors) > 1 for n in nodes):
            return True
    return len(model.inputs) > 1 or len(model.outputs) > 1


def _in_range(operations: list[Any], layer_range: object) -> list[Any]:
    if layer_range is None:
        return operations
    if not isinstance(layer_range, (list, tuple)) or len(layer_range) != 2:
        raise ValueError(
            f"summary: layer_range={layer_range!r}; expected two names, of the first and the "
            "last layer to show."
        )
    ends = []
    for pattern in layer_range:
        hits = [i for i, o in enumerate(operations) if re.match(pattern, o.name)]
        if not hits:
            raise ValueError(
                f"summary: layer_range: no layer is named like {pattern!r}."
            )
        ends.append(hits)
    first, last = min(ends[0]), max(ends[1])
    return operations[min(first, last) : max(first, last) + 1]


def _add_rows(
    rows: list[list[str]],
    operation: Any,
    model: Model,
    branched: bool,
    expand: bool,
    trainable: bool,
    depth: int,
) -> None:
    kind = (
        _camel(operation) if isinstance(operation, OpCall) else type(operation).__name__
    )
    mark = "└ " * bool(depth)
    row = [
        f"{'  ' * max(depth - 1, 0)}{mark}{operation.name} ({kind})",
        _output_shape(operation),
        _parameters(operation),
    ]
    if branched:
        row.append(_connections(operation, model) if not depth else "-")
    if trainable:
        shown = isinstance(operation, Layer) and operation.weights
        row.append(("Y" if operation.trainable else "N") if shown else "-")
    rows.append(row)
    if expand and isinstance(getattr(operation, "layers", None), list):
        for inner in _listed(operation):
            _add_rows(rows, inner, operation, branched, expand, trainable, depth + 1)


def _camel(operation: OpCall) -> str:
    return "".join(part.capitalize() for part in operation.function.__name__.split("_"))


def _output_shape(operation: Any) -> str:
    nodes = operation._inbound_nodes
    if nodes:
        shapes = [str(tuple(t.shape)) for t in nodes[0].output_tensors]
        return shapes[0] if len(shapes) == 1 else f"[{', '.join(shapes)}]"
    graph = getattr(operation, "_graph", None)
    shape = operation.output_shape if graph is not None else None
    shape = shape or operation.__dict__.get("_output_shapes")
    return str(shape or _told_by(operation) or "?")


def _told_by(operation: Any) -> Any:
    """The shape that a layer says itself, where it was built and never called."""
    shapes = operation.__dict__.get("_build_shapes")
    own = type(operation).compute_output_shape is not Layer.compute_output_shape
    if not shapes or not own:
        return None
    told = operation.compute_output_shape
    try:
        inspect.signature(told).bind(*shapes.values())
    except (TypeError, ValueError):  # it wants more than shapes
        return None
    try:
        return told(*shapes.values())
    except NotImplementedError:
        return None


def _parameters(operation: Layer) -> str:
    if not isinstance(operation, Layer):
        return "0"
    if not operation.built:
        return "0 (unbuilt)"
    return f"{operation.count_params():,}"


def _connections(operation: Operation, model: Any) -> str:
    inside = set(model._nodes)
    found = []
    for node in operation._inbound_nodes:
        if node in inside:
            for tensor in node.input_tensors:
                source, index, place = tensor._keras_history
                found.append(f"{source.name}[{index}][{place}]")
    return ", ".join(found) or "-"


def _totals(model: Model) -> list[str]:
    """The lines below the table."""
    trainable, frozen = (
        _size(model.trainable_weights),
        _size(model.non_trainable_weights),
    )
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None and not optimizer.built:
        optimizer = None  # it has no state for these weights yet
    extra = _size(optimizer.variables) if optimizer is not None else (0, 0)
    total = tuple(a + b + c for a, b, c in zip(trainable, frozen, extra))
    lines = [("Total params", total), ("Trainable params", trainable),
             ("Non-trainable params", frozen)]  # fmt: skip
    if optimizer is not None:
        lines.append(("Optimizer params", extra))
    return [f" {name}: {count:,} ({_bytes(size)})" for name, (count, size) in lines]


def _size(variables: Iterable[Any]) -> tuple[int, int]:
    """The number of values, and of bytes."""
    found = list({id(v): v for v in variables}.values())
    count = sum(v.size for v in found)
    return count, sum(v.size * dtypes.itemsize(v.state.aval.dtype) for v in found)


def _bytes(size: float) -> str:
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1024:
            return f"{size:.2f} {unit}"
        size /= 1024
    return f"{size:.2f} TB"


def _fractions(positions: list[float] | None, count: int) -> list[float] | None:
    """Column widths: Keras 2 gave the places where columns end."""
    if positions is None:
        return None
    if len(positions) != count:
        raise ValueError(f"summary: positions={positions!r}; expected {count} numbers.")
    if positions[-1] == 1 and sum(positions) > 1.001:
        return [b - a for a, b in zip([0, *positions], positions)]
    return positions


def _render(
    title: str,
    columns: list[tuple[str, float]],
    rows: list[list[str]],
    totals: list[str],
    width: int,
    fractions: list[float] | None,
    plain: bool,
) -> str:
    # Not needed before somebody prints a summary, and slow to import.
    import rich.box
    import rich.console
    import rich.table
    import rich.text

    shares = fractions or [share for _, share in columns]
    inner = width - 3 * len(columns) - 1
    sizes = [max(5, round(inner * share / sum(shares))) for share in shares]
    table = rich.table.Table(
        box=rich.box.ASCII_DOUBLE_HEAD if plain else rich.box.HEAVY_HEAD,
        show_lines=True,
        width=sum(sizes) + 3 * len(columns) + 1,
    )
    for (name, _), size in zip(columns, sizes):
        numbers = name == "Param #"
        table.add_column(name, justify="right" if numbers else "left", width=size)
    for row in rows:
        table.add_row(*[rich.text.Text(cell, overflow="fold") for cell in row])
    drawer = rich.console.Console(
        width=max(width, table.width or 0), force_terminal=False, color_system=None,
        record=False, file=cast(Any, _Sink()),
    )  # fmt: skip
    with drawer.capture() as captured:
        drawer.print(rich.text.Text(title))
        drawer.print(table)
        for line in totals:
            drawer.print(rich.text.Text(line))
    drawn = captured.get()
    if plain:
        drawn = drawn.translate(_PLAIN)
    return "\n".join(line.rstrip() for line in drawn.splitlines())


class _Sink:
    """A file that keeps nothing; rich wants one even when it captures."""

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""
