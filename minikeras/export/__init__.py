"""Export: models as files for other engines.

ONNX is what exists: `ExportArchive`, `Model.export(path, format="onnx")` and
`minikeras convert model.keras model.onnx`. It needs the extra `onnx`.
"""

from minikeras.export.archive import ExportArchive


def __dir__() -> list[str]:
    return __all__


__all__ = ["ExportArchive"]
