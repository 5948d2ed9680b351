"""Names, meshes, layouts and distributions: those of Keras, in one process."""

import inspect
import subprocess
import sys

import numpy as np
import pytest

import minikeras as keras
from minikeras.distribution import strategy, world
from minikeras.engine import ranks
from tests.distribution.started import environment
from tests.goldens.oracle import keras as real_keras

dist = keras.distribution


@pytest.fixture(autouse=True)
def _nothing_set():
    yield
    dist.set_distribution(None)


@pytest.mark.oracle
def test_names_and_signatures_are_those_of_keras():
    theirs = real_keras().distribution
    names = [n for n in dir(theirs) if not n.startswith("_")]
    assert sorted(names) == sorted(dist.__all__)
    for name in names:
        own, other = getattr(dist, name), getattr(theirs, name)
        assert list(inspect.signature(own).parameters) == list(
            inspect.signature(other).parameters
        )
        if isinstance(other, type):
            public = {n for n in dir(other) if not n.startswith("_")}
            assert public <= set(dir(own)), name


def test_meshes():
    mesh = dist.DeviceMesh((1, 1), ["batch", "model"])
    assert (mesh.shape, mesh.axis_names) == ((1, 1), ["batch", "model"])
    assert mesh.devices.tolist() == [["cpu:0"]] and mesh.backend_mesh is mesh
    assert repr(mesh) == "<DeviceMesh shape=(1, 1), axis_names=['batch', 'model']>"
    for shape, names, match in [
        ((2,), ["a"], "2 places and there are 1 devices"),
        ((1,), ["a", "b"], "expected a name for each"),
        (None, ["a"], "at least one axis"),
        ((), [], "at least one axis"),
    ]:
        with pytest.raises(ValueError, match=match):
            dist.DeviceMesh(shape, names)


def test_layouts():
    mesh = dist.DeviceMesh((1, 1), ["batch", "model"])
    layout = dist.TensorLayout(["batch", None], mesh)
    assert layout.axes == ("batch", None) and layout.backend_layout is layout
    with pytest.raises(ValueError, match=r"names \['x'\]"):
        dist.TensorLayout(["x"], mesh)
    with pytest.raises(ValueError, match="already"):
        layout.device_mesh = mesh
    late = dist.TensorLayout(("other",))
    with pytest.raises(ValueError, match="other"):
        late.device_mesh = mesh
    assert late.device_mesh is None

    layouts = dist.LayoutMap(mesh)
    layouts[".*kernel"] = (None, "model")
    assert layouts["dense/kernel"].axes == (None, "model")
    assert layouts["dense/kernel"].device_mesh is mesh
    assert layouts["kernel_of"] is None and len(layouts) == 1
    layouts["dense.*"] = (None,)
    with pytest.raises(ValueError, match="matches"):
        layouts["dense/kernel"]
    layouts["dense/kernel"] = ("batch",)  # its very name comes first
    assert layouts["dense/kernel"].axes == ("batch",)
    with pytest.raises(ValueError, match="there already"):
        layouts[".*kernel"] = (None,)
    with pytest.raises(ValueError, match="expected a TensorLayout"):
        layouts["a"] = 5
    del layouts["dense.*"]
    with pytest.raises(KeyError):
        del layouts["dense.*"]
    assert list(layouts) == [".*kernel", "dense/kernel"]


def test_data_parallel_of_one_process():
    made = dist.DataParallel()
    assert repr(made) == f"<DataParallel device_mesh={made.device_mesh!r}>"
    assert made.batch_dim_name == "batch" and made.auto_shard_dataset
    assert (made.num_processes, made.data_shard_id, made.num_model_replicas) == (
        1,
        0,
        1,
    )
    assert made.get_data_layout((None, 3)).axes == ("batch", None)
    assert made.get_variable_layout(keras.Variable([1.0])).axes == (None,)
    assert made.get_tensor_layout("x") is None
    data = [1]
    assert made.distribute_dataset(data) is data
    assert dist.DataParallel(devices=["cpu:0"]).device_mesh.shape == (1,)
    with made.scope():
        assert dist.distribution() is made
    assert dist.distribution() is None
    with pytest.raises(ValueError, match="expected a DeviceMesh"):
        dist.DataParallel(device_mesh=3)
    with pytest.raises(ValueError, match="2 devices and 1 processes"):
        dist.DataParallel(devices=["cpu:0", "cpu:1"])
    with pytest.warns(UserWarning, match="the first"):
        dist.DataParallel(dist.DeviceMesh((1, 1), ["a", "b"]))
    with pytest.raises(TypeError, match="expected a DataParallel"):
        dist.set_distribution("all")


def test_model_parallel_works_where_nothing_is_split():
    layouts = dist.LayoutMap(dist.DeviceMesh((1, 1), ["batch", "model"]))
    layouts[".*kernel"] = (None, "model")
    made = dist.ModelParallel(layout_map=layouts, batch_dim_name="batch")
    dist.set_distribution(made)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    assert made.get_variable_layout(model.layers[0].kernel).axes == (None, "model")
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
    wide = dist.DeviceMesh((1, 2), ["batch", "model"], ["cpu:0", "cpu:1"])
    split = dist.LayoutMap(wide)
    split[".*kernel"] = (None, "model")
    with pytest.raises(NotImplementedError, match="splitting a tensor"):
        dist.ModelParallel(layout_map=split)
    with pytest.raises(NotImplementedError, match="expected all of them along"):
        dist.ModelParallel(layout_map=dist.LayoutMap(wide))
    with pytest.raises(ValueError, match="batch_dim_name"):
        dist.ModelParallel(layout_map=layouts, batch_dim_name="rows")
    for wrong in ({}, {"layout_map": 4}, {"layout_map": dist.LayoutMap(None)}):
        with pytest.raises(ValueError, match="layout"):
            dist.ModelParallel(**wrong)
    layout = dist.TensorLayout((None, "model"), wide)
    with pytest.raises(NotImplementedError, match="distribute_tensor"):
        dist.distribute_tensor(keras.ops.ones((2, 2)), layout)


def test_devices():
    assert dist.list_devices() == dist.list_devices("CPU") == ["cpu:0"]
    assert dist.list_devices("gpu") == [] and dist.get_device_count("tpu") == 0
    with pytest.raises(ValueError, match="expected one of"):
        dist.list_devices("abacus")


# --- who is there


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({}, None),
        ({"OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_RANK": "3",
          "OMPI_COMM_WORLD_LOCAL_RANK": "1"}, ("Open MPI", 4, 3, 1)),
        ({"PMI_SIZE": "2", "PMI_RANK": "1", "MPI_LOCALRANKID": "0"}, ("MPICH", 2, 1, 0)),
        ({"SLURM_STEP_NUM_TASKS": "8", "SLURM_PROCID": "5", "SLURM_LOCALID": "1",
          "PMI_SIZE": "8", "PMI_RANK": "5"}, ("Slurm", 8, 5, 1)),
        ({"SLURM_NTASKS": "8", "SLURM_PROCID": "0"}, None),  # a batch script, no step
    ],
)  # fmt: skip
def test_ranks_are_found_in_what_launchers_write(variables, wanted):
    assert world.place_in(variables) == wanted


def test_processes_that_load_data_for_a_rank_are_none(monkeypatch):
    import multiprocessing

    monkeypatch.setattr(world, "_world", None)
    monkeypatch.setenv("PMI_SIZE", "2")
    monkeypatch.setenv("PMI_RANK", "1")
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: "a rank")
    assert world.join().size == 1


def test_initialize_checks_what_it_is_told(monkeypatch):
    dist.initialize()
    dist.initialize("10.0.0.1:1234", num_processes=1, process_id=0)
    with pytest.raises(ValueError, match=r"num_processes=2; .* as rank 0 of 1"):
        dist.initialize(num_processes=2)
    monkeypatch.setenv("KERAS_DISTRIBUTION_PROCESS_ID", "3")
    with pytest.raises(ValueError, match="process_id=3"):
        dist.initialize()
    monkeypatch.setenv("KERAS_DISTRIBUTION_PROCESS_ID", "third")
    with pytest.raises(ValueError, match="expected an integer"):
        dist.initialize()


def test_one_process_neither_imports_mpi_nor_changes():
    code = (
        "import sys, minikeras as keras; d = keras.distribution;"
        "d.set_distribution(d.DataParallel());"
        "print('mpi4py' in sys.modules, d.distribution().num_processes)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert done.stdout.split() == ["False", "1"]
    dist.set_distribution(dist.DataParallel())
    assert ranks.shard() is None and not ranks.several()
    assert strategy.distribution() is dist.distribution()


def test_parts_of_a_dataset(monkeypatch):
    class Source(keras.utils.PyDataset):
        def __len__(self):
            return 2

        def __getitem__(self, number):
            rows = np.arange(5) + 10 * number
            return {"x": rows, "scale": np.ones(2)}, rows

    made = dist.DataParallel()
    monkeypatch.setattr(strategy.Distribution, "num_processes", 2)
    monkeypatch.setattr(strategy.Distribution, "data_shard_id", 1)
    part = made.distribute_dataset(Source())
    assert len(part) == part.num_batches == 2
    x, y = part[1]
    assert x["x"].tolist() == y.tolist() == [12, 13, 14]
    assert x["scale"].tolist() == [1, 1]  # no rows: every rank has all
    plain = made.distribute_tf_dataset([(np.arange(3),), (np.arange(4),)])
    assert len(plain) == 2
    assert [b[0].tolist() for b in plain] == [[1, 2], [2, 3]]
    (only,) = made.distribute_dataset(iter([np.arange(2)]))
    assert only.tolist() == [1]
    with pytest.raises(ValueError, match="fit divides arrays by itself"):
        made.distribute_dataset(np.ones(3))
    made.auto_shard_dataset = False
    source = Source()
    assert made.distribute_dataset(source) is source
