"""Meshes of devices, layouts on them, and which variable has which layout."""

from __future__ import annotations

import re
from collections.abc import Iterator, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras.distribution.devices import list_devices

if TYPE_CHECKING:
    from minikeras.engine.aval import Shape


class DeviceMesh:
    """Devices in a grid whose axes have names.

    A device is a process here: `"cpu:1"` is the process of rank 1.

    Args:
        shape: Sizes of the grid, `(8,)` for data parallelism.
        axis_names: A name for each axis.
        devices: The devices, as many as the grid has places. Default: all of them.

    Raises:
        ValueError: If sizes, names and devices do not fit.

    Example:
        >>> keras.distribution.DeviceMesh((1,), ["batch"])
        <DeviceMesh shape=(1,), axis_names=['batch']>
    """

    def __init__(
        self,
        shape: Shape,
        axis_names: Sequence[str],
        devices: Sequence[str] | None = None,
    ) -> None:
        if not shape or not axis_names:
            raise ValueError(
                f"DeviceMesh: shape={shape!r}, axis_names={axis_names!r}; expected at least "
                "one axis with its size and name, as in DeviceMesh((2,), ['batch'])."
            )
        if len(shape) != len(axis_names):
            raise ValueError(
                f"DeviceMesh: shape={shape!r} has {len(shape)} axes and axis_names="
                f"{axis_names!r} names {len(axis_names)}; expected a name for each."
            )
        listed = np.array(list_devices() if devices is None else devices)
        if int(np.prod(shape)) != listed.size:
            raise ValueError(
                f"DeviceMesh: shape={tuple(shape)} has {int(np.prod(shape))} places and there "
                f"are {listed.size} devices; expected as many. A device is a process: start "
                "more of them, as in `mpiexec -n 4 python train.py`."
            )
        self._shape = tuple(shape)
        self._axis_names = list(axis_names)
        self._devices = listed.reshape(self._shape)

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the grid."""
        return self._shape

    @property
    def axis_names(self) -> list[str]:
        """Names of its axes."""
        return self._axis_names

    @property
    def devices(self) -> np.ndarray[Any, Any]:
        """The devices in their places."""
        return self._devices

    @property
    def backend_mesh(self) -> DeviceMesh:
        """The mesh itself: no other library has one of its own here."""
        return self

    def __repr__(self) -> str:
        return f"<DeviceMesh shape={self.shape}, axis_names={self.axis_names}>"


class TensorLayout:
    """Along which axes of a mesh the axes of a tensor are split.

    Args:
        axes: For each axis of the tensor the name of the mesh's axis, or None.
        device_mesh: The mesh; may be set later, once.

    Raises:
        ValueError: If a name is none of the mesh's.

    Example:
        >>> keras.distribution.TensorLayout(("batch", None)).axes
        ('batch', None)
    """

    def __init__(
        self, axes: Sequence[str | None], device_mesh: DeviceMesh | None = None
    ) -> None:
        self._axes: tuple[str | None, ...] = tuple(axes)
        self._device_mesh = device_mesh
        self._check(device_mesh)

    def _check(self, mesh: DeviceMesh | None) -> None:
        unknown = [a for a in self._axes if a is not None]
        unknown = [a for a in unknown if mesh is not None and a not in mesh.axis_names]
        if unknown and mesh is not None:
            raise ValueError(
                f"TensorLayout: axes={self._axes} names {unknown}; expected names of the "
                f"mesh's axes, {mesh.axis_names}, or None."
            )

    @property
    def axes(self) -> tuple[str | None, ...]:
        """The name, or None, for each axis of the tensor."""
        return self._axes

    @property
    def device_mesh(self) -> DeviceMesh | None:
        """The mesh that the names are of."""
        return self._device_mesh

    @device_mesh.setter
    def device_mesh(self, device_mesh: DeviceMesh) -> None:
        if self._device_mesh is not None:
            raise ValueError(
                f"TensorLayout: device_mesh is {self._device_mesh!r} already; make a new "
                "layout for another mesh."
            )
        self._check(device_mesh)
        self._device_mesh = device_mesh

    @property
    def backend_layout(self) -> TensorLayout:
        """The layout itself: no other library has one of its own here."""
        return self

    def splits(self) -> bool:
        """Whether a tensor is cut by it: along an axis of more than one device."""
        mesh = self._device_mesh
        sizes = dict(zip(mesh.axis_names, mesh.shape)) if mesh is not None else {}
        return any(a is not None and sizes.get(a, 2) > 1 for a in self._axes)

    def __repr__(self) -> str:
        return f"<TensorLayout axes={self.axes}, device_mesh={self.device_mesh}>"


class LayoutMap(MutableMapping[str, Any]):
    """Layouts by regular expressions that the whole paths of variables match.

    Args:
        device_mesh: The mesh of layouts that come without one.

    Example:
        >>> mesh = keras.distribution.DeviceMesh((1, 1), ["batch", "model"])
        >>> layouts = keras.distribution.LayoutMap(mesh)
        >>> layouts["dense.*kernel"] = (None, "model")
        >>> layouts["dense_1/kernel"].axes, layouts["conv2d/kernel"]
        ((None, 'model'), None)
    """

    def __init__(self, device_mesh: DeviceMesh | None) -> None:
        self._layouts: dict[str, TensorLayout] = {}
        self._device_mesh = device_mesh

    def __getitem__(self, key: str) -> TensorLayout | None:
        """The layout for a path, by its very name or the expression that is all of it.

        Returns:
            A `TensorLayout`, or None where nothing matches.

        Raises:
            ValueError: If several expressions match.
        """
        if key in self._layouts:
            return self._layouts[key]
        found = [pattern for pattern in self._layouts if re.fullmatch(pattern, key)]
        if len(found) > 1:
            raise ValueError(
                f"LayoutMap: {key!r} matches {found}; expected one of them. Make the "
                "expressions exclude one another."
            )
        return self._layouts[found[0]] if found else None

    def __setitem__(self, key: str, layout: object) -> None:
        """Add a layout, or the names of its axes, for what an expression matches.

        Raises:
            ValueError: If the key is there already, or the layout is none.
        """
        if key in self._layouts:
            raise ValueError(
                f"LayoutMap: {key!r} is there already, with {self._layouts[key]!r}; delete "
                "it first."
            )
        if isinstance(layout, tuple):
            layout = TensorLayout(layout)
        if not isinstance(layout, TensorLayout):
            raise ValueError(
                f"LayoutMap: {layout!r} for {key!r}; expected a TensorLayout, or a tuple of "
                "names of axes and None."
            )
        if layout.device_mesh is None and self._device_mesh is not None:
            layout.device_mesh = self._device_mesh
        self._layouts[key] = layout

    def __delitem__(self, key: str) -> None:
        del self._layouts[key]

    def __len__(self) -> int:
        return len(self._layouts)

    def __iter__(self) -> Iterator[str]:
        return iter(self._layouts)

    @property
    def device_mesh(self) -> DeviceMesh | None:
        """The mesh of layouts that come without one."""
        return self._device_mesh
