"""Arrays of large models in a file beside the model: a protocol buffer ends at 2 GiB."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras.saving.atomic import replaced_file, sync_file

if TYPE_CHECKING:
    import onnx

Array = np.ndarray[Any, Any]
LEAST = 1024  # bytes; smaller arrays stay in the model
_PAGE = 4096  # arrays begin at pages, so that a reader can map them


def reference(package: Any, array: Array, name: str, offset: int) -> Any:
    """A tensor that says where its bytes lie; of which file is said when it is written."""
    kind = package.helper.np_dtype_to_tensor_dtype(array.dtype)
    tensor = package.TensorProto(name=name, data_type=int(kind), dims=array.shape)
    tensor.data_location = package.TensorProto.EXTERNAL
    for key, value in (("location", ""), ("offset", offset), ("length", array.nbytes)):
        tensor.external_data.add(key=key, value=str(value))
    return tensor


def after(offset: int, array: Array) -> int:
    """Where the next array begins."""
    return -(-(offset + array.nbytes) // _PAGE) * _PAGE


def write(
    package: Any, model: onnx.ModelProto, path: str, arrays: Mapping[str, Array]
) -> None:
    """Check and write a model and its arrays; the old files stay until the new are whole.

    The arrays go into `NAME.data`, or `NAME.2.data` where an old model has that one.
    """
    goal = Path(os.path.realpath(path))
    names = [f"{goal.name}.data", *(f"{goal.name}.{i}.data" for i in range(2, 9))]
    places = [goal.parent / name for name in names]
    old = [place for place in places if place.exists()]
    data = next(place for place in places if place not in old)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = data.name
    try:
        with open(data, "xb") as file:
            for tensor in model.graph.initializer:
                said = {e.key: e.value for e in tensor.external_data}
                if said:
                    file.seek(int(said["offset"]))
                    file.write(np.ascontiguousarray(arrays[tensor.name]).data.cast("B"))
        sync_file(data)
        with replaced_file(goal) as part:
            part.write_bytes(model.SerializeToString())
            package.checker.check_model(os.fspath(part), full_check=True)
    except BaseException:
        with suppress(OSError):
            data.unlink()
        raise
    for left in old:
        left.unlink()
