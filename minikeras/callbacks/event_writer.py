"""Event files for TensorBoard, as its own package writes them; no TensorFlow.

A value of TensorBoard is a tensor with the name of the plugin that shows it.
"""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras.drawing.png import png
from minikeras.drawing.weights import weight_picture
from minikeras.layers import Embedding

if TYPE_CHECKING:
    from minikeras.models.model import Model
    from minikeras.types import ArrayLike


class EventWriter:
    """Writes one run's events.

    Args:
        folder: Where to.

    Raises:
        ImportError: If the package `tensorboard` is not installed.
    """

    def __init__(self, folder: str) -> None:
        try:
            from tensorboard.compat.proto import event_pb2, summary_pb2
            from tensorboard.plugins.histogram import summary_v2 as histograms
            from tensorboard.plugins.image import metadata as images
            from tensorboard.plugins.scalar import summary_v2 as scalars
            from tensorboard.plugins.text import summary_v2 as texts
            from tensorboard.summary.writer.event_file_writer import EventFileWriter
            from tensorboard.util import tensor_util
        except ImportError as error:
            raise ImportError(
                "TensorBoard: the package tensorboard is not installed; "
                "`pip install 'minikeras[tensorboard]'`."
            ) from error
        self._event, self._summary = event_pb2.Event, summary_pb2
        self._scalar, self._histogram = scalars.scalar_pb, histograms.histogram_pb
        self._text, self._images = texts.text_pb, images
        self._tensor = tensor_util.make_tensor_proto
        self._folder = folder
        self._file = EventFileWriter(folder, filename_suffix=".v2")

    def _add(self, summary: object, step: int) -> None:
        event = self._event(summary=summary, step=step, wall_time=time.time())
        self._file.add_event(event)

    def scalar(self, tag: str, value: float, step: int) -> None:
        """One number."""
        self._add(self._scalar(tag, value), step)

    def histogram(self, tag: str, values: ArrayLike, step: int) -> None:
        """How values are spread, in 30 buckets; those that are not finite are left out."""
        values = np.asarray(values, np.float64)
        self._add(self._histogram(tag, values[np.isfinite(values)]), step)

    def image(self, tag: str, values: Any, step: int) -> None:
        """A weight as a picture, where there is something to see."""
        picture = weight_picture(values)
        if picture is not None:
            self._picture(tag, picture, step)

    def picture(self, tag: str, values: Any, step: int) -> None:
        """A picture `(height, width, 1, 3 or 4)` of bytes, or of floats from 0 to 1."""
        values = np.asarray(values)
        if values.dtype != np.uint8:
            values = np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
        grey = values.shape[-1] == 1
        self._picture(tag, np.repeat(values, 3, -1) if grey else values, step)

    def text(self, tag: str, text: str, step: int) -> None:
        """A text, in Markdown."""
        self._add(self._text(tag, text), step)

    def _picture(self, tag: str, picture: np.ndarray[Any, Any], step: int) -> None:
        height, width = picture.shape[:2]
        parts = [str(width).encode(), str(height).encode(), png(picture)]
        summary = self._summary.Summary()
        summary.value.add(
            tag=tag,
            metadata=self._images.create_summary_metadata(
                display_name=None, description="", converted_to_tensor=True
            ),
            tensor=self._tensor(np.array(parts, object)),
        )
        self._add(summary, step)

    def model(self, model: Model) -> None:
        """The model: its JSON for the tab of graphs, its layers as a text."""
        try:
            text = model.to_json()
        except (NotImplementedError, TypeError):  # a model of one's own, with no config
            text = None
        if text is not None:
            plugin = self._summary.SummaryMetadata.PluginData(
                plugin_name="graph_keras_model", content=b"1"
            )
            summary = self._summary.Summary()
            summary.value.add(
                tag="keras",
                metadata=self._summary.SummaryMetadata(plugin_data=plugin),
                tensor=self._tensor(text.encode()),
            )
            self._add(summary, 0)
        lines: list[str] = []
        model.summary(print_fn=lines.append, line_length=100)
        table = "\n".join("    " + line for line in "\n".join(lines).splitlines())
        self._add(self._text("model", table), 0)

    def projector(self, model: Model, metadata: str | dict[str, str] | None) -> None:
        """Tell the projector which files hold embeddings, and their labels."""
        layers = _embeddings(model)
        named = (
            dict.fromkeys(layers, metadata) if isinstance(metadata, str) else metadata
        )
        unknown = sorted(set(named or {}) - set(layers))
        if unknown:
            raise ValueError(
                f"TensorBoard: embeddings_metadata names {unknown}; the Embedding layers "
                f"are {sorted(layers)}."
            )
        parts = []
        for name in layers:
            lines = [f"  tensor_name: {json.dumps(name)}"]
            lines.append(f"  tensor_path: {json.dumps(_table(name))}")
            if named and named.get(name):
                lines.append(f"  metadata_path: {json.dumps(os.fspath(named[name]))}")
            parts.append("embeddings {\n" + "\n".join(lines) + "\n}\n")
        path = os.path.join(self._folder, "projector_config.pbtxt")
        with open(path, "w", encoding="utf-8") as file:
            file.write("".join(parts))

    def embeddings(self, model: Model, step: int) -> None:
        """Each embedding as a table of numbers, the last one written."""
        for name, layer in _embeddings(model).items():
            values = np.asarray(layer.embeddings.numpy(), np.float32)
            np.savetxt(os.path.join(self._folder, _table(name)), values, "%.7g", "\t")

    def flush(self) -> None:
        """Let readers see what there is."""
        self._file.flush()

    def close(self) -> None:
        """Write everything and close the file."""
        self._file.close()


def _embeddings(model: Model) -> dict[str, Any]:
    return {
        layer.name: layer
        for layer in model._flatten_layers()
        if isinstance(layer, Embedding) and layer.built
    }


def _table(name: str) -> str:
    return f"embedding_{name}.tsv"
