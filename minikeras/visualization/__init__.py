"""Pictures of data, of training and of models, as SVG; no package beyond NumPy is needed.

Functions give a drawing: a notebook shows it, `save(path)` writes it.
"""

from minikeras.drawing.charts import (
    bar_chart,
    confusion_matrix,
    image_grid,
    line_chart,
)
from minikeras.visualization.drawn import draw_bounding_boxes, draw_segmentation_masks
from minikeras.visualization.explorer import Explorer, explore
from minikeras.visualization.galleries import (
    plot_bounding_box_gallery,
    plot_image_gallery,
    plot_segmentation_mask_gallery,
)
from minikeras.visualization.inspecting import (
    plot_confusion,
    plot_feature_maps,
    plot_filters,
    plot_history,
)
from minikeras.visualization.report import write_report


def __dir__() -> list[str]:
    return __all__


__all__ = [
    "Explorer",
    "bar_chart",
    "confusion_matrix",
    "draw_bounding_boxes",
    "draw_segmentation_masks",
    "explore",
    "image_grid",
    "line_chart",
    "plot_bounding_box_gallery",
    "plot_confusion",
    "plot_feature_maps",
    "plot_filters",
    "plot_history",
    "plot_image_gallery",
    "plot_segmentation_mask_gallery",
    "write_report",
]
