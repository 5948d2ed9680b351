"""Distributions: how data and variables are spread over the processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras.distribution import world
from minikeras.distribution.datasets import divided
from minikeras.distribution.mesh import DeviceMesh, LayoutMap, TensorLayout
from minikeras.engine import ranks
from minikeras.engine.warn import warn_user
from minikeras.training.alike import share_random_state

if TYPE_CHECKING:
    from minikeras.types import ArrayLike


_current: Distribution | None = None


def distribution() -> Distribution | None:
    """The distribution that is set, or None.

    Example:

    >>> keras.distribution.distribution() is None
    True
    """
    return _current


def set_distribution(value: Distribution | None) -> None:
    """Train, evaluate and predict by a distribution from now on.

    Call it first, before the model is made: random generators of all processes then go
    on from the same state, so that they make the same model.

    Args:
        value: A `DataParallel` or `ModelParallel`; None: each process is alone.

    Raises:
        TypeError: If it is no distribution.

    Example:
        >>> keras.distribution.set_distribution(keras.distribution.DataParallel())
        >>> keras.distribution.distribution().num_processes
        1
        >>> keras.distribution.set_distribution(None)
    """
    global _current
    if value is not None and not isinstance(value, Distribution):
        raise TypeError(
            f"set_distribution: got {value!r}; expected a DataParallel, a ModelParallel, or "
            "None."
        )
    _current = value
    if value is None:
        ranks.use(None)
    else:
        value._take_effect()


class Distribution:
    """Base class of distributions.

    Args:
        device_mesh: The devices.
        batch_dim_name: The axis of the mesh along which batches are divided, or None.
        auto_shard_dataset: Whether every process has all data.
    """

    def __init__(
        self,
        device_mesh: DeviceMesh,
        batch_dim_name: str | None = None,
        auto_shard_dataset: bool = True,
    ) -> None:
        self._device_mesh = device_mesh
        self._batch_dim_name = batch_dim_name
        self._auto_shard_dataset = bool(auto_shard_dataset)

    def _take_effect(self) -> None:
        """Let the ranks talk, beginning with the same random numbers."""
        ranks.use(world.join(), self._auto_shard_dataset)
        if ranks.several():
            share_random_state()

    @property
    def device_mesh(self) -> DeviceMesh:
        """The devices."""
        return self._device_mesh

    @property
    def batch_dim_name(self) -> str | None:
        """The axis of the mesh along which batches are divided."""
        return self._batch_dim_name

    @property
    def auto_shard_dataset(self) -> bool:
        """Whether every process has all data, of which it takes its part."""
        return self._auto_shard_dataset

    @auto_shard_dataset.setter
    def auto_shard_dataset(self, auto_shard_dataset: bool) -> None:
        self._auto_shard_dataset = bool(auto_shard_dataset)
        if distribution() is self:
            ranks.use(ranks.communicator(), self._auto_shard_dataset)

    @property
    def num_processes(self) -> int:
        """How many processes there are."""
        return world.join().size

    @property
    def num_model_replicas(self) -> int:
        """How many copies of the model there are: one in each process."""
        return self.num_processes

    @property
    def data_shard_id(self) -> int:
        """Which part of the data this process takes: its rank."""
        return world.join().rank

    def get_data_layout(self, data_shape: Sequence[int | None]) -> TensorLayout:
        """The layout of data: divided along the first axis.

        Args:
            data_shape: Shape of the data.
        """
        axes = (self._batch_dim_name, *[None] * (len(data_shape) - 1))
        return TensorLayout(axes[: len(data_shape)], self._device_mesh)

    def get_variable_layout(self, variable: Any) -> TensorLayout:
        """The layout of a variable: every process has all of it.

        Args:
            variable: The variable.
        """
        return TensorLayout([None] * len(variable.shape), self._device_mesh)

    def get_tensor_layout(self, path: str) -> TensorLayout | None:
        """The layout of a result inside the model: None, it stays as it is.

        Args:
            path: Its path.
        """
        return None

    def distribute_dataset(self, dataset: object) -> Any:
        """This process's part of a source of batches; `fit` divides by itself.

        Args:
            dataset: A PyDataset or an iterable of batches that every process has.

        Returns:
            The same, each batch with the rows of this process only; with
            `auto_shard_dataset=False`, or one process, the source itself.

        Raises:
            ValueError: If it gives no batches.
        """
        if not self._auto_shard_dataset or self.num_processes == 1:
            return dataset
        return divided(dataset, self.data_shard_id, self.num_processes)

    def distribute_tf_dataset(self, dataset: object) -> Any:
        """As `distribute_dataset`, under its older name.

        Args:
            dataset: The source of batches.
        """
        return self.distribute_dataset(dataset)

    @contextmanager
    def scope(self) -> Iterator[None]:
        """A block in which this distribution is set."""
        before = distribution()
        set_distribution(self)
        try:
            yield
        finally:
            set_distribution(before)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} device_mesh={self.device_mesh}>"


class DataParallel(Distribution):
    """Every process has the whole model and takes its rows of each batch.

    Under `mpiexec`, `srun` or `minikeras launch` a script trains on all processes with one
    line more. Without, it is one process, and the numbers are the same.

    Args:
        device_mesh: A mesh; its first axis is that of the batch.
        devices: Devices, instead of a mesh. Default: all of them.
        auto_shard_dataset: True: every process is given all data, and takes its part. False:
            what a process is given is its own part; a batch is then those of all
            processes together.

    Raises:
        ValueError: If the mesh is none.

    Example:
        >>> keras.distribution.set_distribution(keras.distribution.DataParallel())
        >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        >>> keras.distribution.set_distribution(None)
    """

    def __init__(
        self,
        device_mesh: DeviceMesh | None = None,
        devices: Sequence[str] | None = None,
        auto_shard_dataset: bool = True,
    ) -> None:
        world.join()
        if device_mesh is None:
            listed = None if devices is None else np.array(devices).flatten()
            count = world.size() if listed is None else len(listed)
            mesh = DeviceMesh(
                (count,), ["batch"], None if listed is None else list(listed)
            )
        elif isinstance(device_mesh, DeviceMesh):
            mesh = device_mesh
        else:
            raise ValueError(
                f"DataParallel: device_mesh={device_mesh!r}; expected a DeviceMesh."
            )
        if len(mesh.shape) > 1:
            warn_user(
                f"DataParallel: the mesh has axes {mesh.axis_names}; batches are divided "
                f"along {mesh.axis_names[0]!r}, the first, and nothing along the others."
            )
        _check_all(mesh, "DataParallel")
        super().__init__(mesh, mesh.axis_names[0], auto_shard_dataset)


class ModelParallel(Distribution):
    """As `DataParallel`, with layouts of variables; those that split one are refused.

    Splitting weights among processes is not there. A layout whose axes name no axis of the
    mesh, or one of a single device, leaves every process the whole variable, and works.

    Args:
        layout_map: A `LayoutMap` with a mesh.
        batch_dim_name: The axis of the mesh along which batches are divided. Default: the
            first.
        auto_shard_dataset: As for `DataParallel`.
        **kwargs: `device_mesh`, which is that of the layouts.

    Raises:
        ValueError: If there is no layout map, or a mesh or name does not fit.
        NotImplementedError: If a layout splits variables.

    Example:

    >>> mesh = keras.distribution.DeviceMesh((1, 1), ["batch", "model"], ["cpu:0"])
    >>> layout = keras.distribution.LayoutMap(mesh)
    >>> layout["dense.*kernel"] = (None, "model")
    >>> keras.distribution.ModelParallel(layout_map=layout, batch_dim_name="batch").batch_dim_name
    'batch'
    """

    def __init__(
        self,
        *,
        layout_map: LayoutMap | None = None,
        batch_dim_name: str | None = None,
        auto_shard_dataset: bool = True,
        **kwargs: object,
    ) -> None:
        kwargs.pop("device_mesh", None)
        if kwargs:
            raise ValueError(f"ModelParallel: unknown arguments {sorted(kwargs)}.")
        if layout_map is None:
            raise ValueError(
                "ModelParallel: layout_map is missing; expected a LayoutMap, e.g. "
                "ModelParallel(layout_map=LayoutMap(mesh))."
            )
        if not isinstance(layout_map, LayoutMap):
            raise ValueError(
                f"ModelParallel: layout_map={layout_map!r}; expected a LayoutMap."
            )
        mesh = layout_map.device_mesh
        if mesh is None:
            raise ValueError("ModelParallel: the layout map has no device mesh.")
        name = batch_dim_name or mesh.axis_names[0]
        if name not in mesh.axis_names:
            raise ValueError(
                f"ModelParallel: batch_dim_name={name!r}; expected one of {mesh.axis_names}."
            )
        for pattern, layout in layout_map.items():
            _refuse_split(layout, f"the variables {pattern!r}")
        sizes = dict(zip(mesh.axis_names, mesh.shape))
        if sizes.pop(name) != world.join().size or set(sizes.values()) - {1}:
            raise NotImplementedError(
                f"ModelParallel: the mesh is {mesh!r} and there are {world.size()} processes; "
                f"expected all of them along {name!r}, where batches are divided. Splitting "
                "a model among processes is not there; use DataParallel, and if the model "
                "does not fit, gradient accumulation, mixed precision or keras.remat."
            )
        super().__init__(mesh, name, auto_shard_dataset)
        self._layout_map = layout_map

    def get_variable_layout(self, variable: Any) -> TensorLayout:
        """The layout of a variable by its path; else every process has all of it.

        Args:
            variable: The variable.
        """
        found = self._layout_map[variable.path]
        return super().get_variable_layout(variable) if found is None else found

    def get_tensor_layout(self, path: str) -> TensorLayout | None:
        """The layout of a result inside the model by its path, or None.

        Args:
            path: Its path.
        """
        return self._layout_map[path]


def _check_all(mesh: DeviceMesh, owner: str) -> None:
    """Refuse a mesh that leaves processes out: they would wait."""
    if mesh.devices.size != world.size():
        raise ValueError(
            f"{owner}: the mesh has {mesh.devices.size} devices and {world.size()} processes "
            "run; expected a device for each. Start as many processes as should train."
        )


def _refuse_split(layout: TensorLayout, what: str) -> None:
    if layout.splits():
        raise NotImplementedError(
            f"{what} are to be split by {layout!r}: splitting a tensor among processes is "
            "not there, each has all of it. Leave the axes None, or give that axis of the "
            "mesh one device."
        )


def distribute_tensor(tensor: ArrayLike, layout: object) -> Any:
    """A tensor laid out anew. Layouts that split nothing give the tensor itself.

    Args:
        tensor: The tensor.
        layout: A `TensorLayout`.

    Returns:
        The tensor.

    Raises:
        NotImplementedError: If the layout splits it.

    Example:
        >>> layout = keras.distribution.TensorLayout((None,))
        >>> keras.distribution.distribute_tensor(keras.ops.ones(2), layout).tolist()
        [1.0, 1.0]
    """
    if isinstance(layout, TensorLayout):
        _refuse_split(layout, "distribute_tensor: values")
    return tensor


def initialize(
    job_addresses: str | None = None,
    num_processes: int | None = None,
    process_id: int | None = None,
) -> None:
    """Meet the other processes. `DataParallel()` does it too.

    Processes are started by `mpiexec`, `srun`, `minikeras launch` or what runs MPI jobs on
    Kubernetes, which tell each its rank; nothing need be given. What is given, here or in
    the environment as `KERAS_DISTRIBUTION_NUM_PROCESSES` and
    `KERAS_DISTRIBUTION_PROCESS_ID`, is checked against it.

    Args:
        job_addresses: Kept for Keras's signature: MPI knows where its processes are.
        num_processes: How many processes there must be.
        process_id: Which of them this must be, from 0.

    Raises:
        ValueError: If the processes are others.
        ImportError: If there are several and mpi4py is not installed.

    Example:
        >>> keras.distribution.initialize(num_processes=1, process_id=0)
    """
    world.join(
        world.setting("NUM_PROCESSES", num_processes),
        world.setting("PROCESS_ID", process_id),
    )
