"""Charts and reports as SVG and HTML, with no package beyond NumPy."""

from minikeras.drawing.charts import (
    bar_chart,
    confusion_matrix,
    image_grid,
    line_chart,
)
from minikeras.visualization.report import write_report


def __dir__() -> list[str]:
    return __all__


__all__ = ["bar_chart", "confusion_matrix", "image_grid", "line_chart", "write_report"]
