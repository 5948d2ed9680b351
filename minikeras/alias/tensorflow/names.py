"""Which modules below `tensorflow` there are, and what answers in each."""

from minikeras.alias.faces import Entry
from minikeras.engine.errors import see

LACKING = (
    "minikeras stands in for TensorFlow here, with its keras and the few names that Keras "
    "scripts use beside it; this one is not there. Use the function of keras.ops that does "
    "it, or run the script with the installed TensorFlow: minikeras run --real."
    + see("guides/drop-in.md#what-answers")
)
_HERE = "minikeras.alias.tensorflow"


def _entry(*modules: str, children: str = "", **names: str) -> Entry:
    return Entry(
        tuple(f"{_HERE}.{module}" for module in modules),
        names,
        frozenset(children.split()),
        lacking=LACKING,
    )


_CHILDREN = """
    audio autograph bitwise compat config data debugging distribute dtypes experimental image
    initializers io keras linalg losses math metrics nn optimizers python random signal
    strings summary test train version"""

MODULES = {
    "tensorflow": _entry(
        "dtypes",
        "core",
        "shapes",
        "maths",
        "creation",
        "blocks",
        "values",
        children=_CHILDREN,
        __version__=f"{_HERE}.core:__version__",
        Assert=f"{_HERE}.debugging:Assert",
        ConfigProto=f"{_HERE}.compat:ConfigProto",
        GPUOptions=f"{_HERE}.compat:GPUOptions",
        Session=f"{_HERE}.compat:Session",
        global_variables_initializer=f"{_HERE}.compat:global_variables_initializer",
        set_random_seed=f"{_HERE}.compat:set_random_seed",
        as_string=f"{_HERE}.strings:as_string",
    ),
    "tensorflow.audio": _entry("signal"),
    "tensorflow.autograph": _entry("compat", children="experimental"),
    "tensorflow.autograph.experimental": _entry("compat"),
    "tensorflow.bitwise": Entry(("minikeras.ops",), lacking=LACKING),
    "tensorflow.compat": _entry("compat", children="v1 v2"),
    "tensorflow.compat.v1": _entry(
        "compat",
        "core",
        "shapes",
        "maths",
        "creation",
        "blocks",
        children="keras logging",
        image="tensorflow.image",
        nn="tensorflow.nn",
        train="tensorflow.train",
    ),
    "tensorflow.compat.v1.logging": _entry("compat"),
    "tensorflow.config": _entry("config", children="experimental"),
    "tensorflow.config.experimental": _entry("config"),
    "tensorflow.data": _entry("data", children="experimental"),
    "tensorflow.data.experimental": _entry("csv_data", "data"),
    "tensorflow.debugging": _entry("debugging"),
    "tensorflow.distribute": _entry("distribute"),
    "tensorflow.dtypes": _entry("dtypes"),
    "tensorflow.experimental": _entry(children="numpy"),
    "tensorflow.experimental.numpy": Entry(("minikeras.ops.numpy",), lacking=LACKING),
    "tensorflow.image": _entry("image", "image_changes", "io"),
    "tensorflow.initializers": Entry(("minikeras.initializers",), lacking=LACKING),
    "tensorflow.io": _entry("io", children="gfile"),
    "tensorflow.io.gfile": _entry("io"),
    "tensorflow.linalg": _entry("linalg"),
    "tensorflow.losses": Entry(("minikeras.losses",), lacking=LACKING),
    "tensorflow.math": _entry("maths"),
    "tensorflow.metrics": Entry(("minikeras.metrics",), lacking=LACKING),
    "tensorflow.nn": _entry("nn"),
    "tensorflow.optimizers": Entry(("minikeras.optimizers",), lacking=LACKING),
    "tensorflow.python": _entry(children="keras"),
    "tensorflow.random": _entry("random"),
    "tensorflow.signal": _entry("signal"),
    "tensorflow.strings": _entry("strings"),
    "tensorflow.summary": _entry("summary"),
    "tensorflow.test": _entry("config"),
    "tensorflow.train": _entry("train"),
    "tensorflow.version": _entry(VERSION=f"{_HERE}.core:__version__"),
}
