"""Names of Keras that minikeras does not have, in modules where others ask for them.

Packages list such names at their top (a table of augmentations, say) and use few of them.
So the name is there, and its use says what is missing. A name that minikeras has comes
first, wherever it is listed here.
"""

from __future__ import annotations

from minikeras.engine.errors import see

# First part of the module's path -> its names.
NAMES = {
    "callbacks": "OrbaxCheckpoint",
    "layers": "FlaxLayer JaxLayer TFSMLayer TorchModuleWrapper",
    "saving": "KerasFileEditor",
    "tensorflow": "IndexedSlices RaggedTensor SparseTensor",
}

# Path of a module below `keras` -> names of Keras 2 -> what does their work now.
INSTEAD = {
    "backend": {
        "get_graph": "there is no graph to hold or enter here: leave the call out.",
    },
    "layers": {
        "DenseFeatures": "keras.utils.FeatureSpace turns columns into features.",
        "RandomHeight": "keras.layers.RandomZoom(height_factor=..., width_factor=0.0) "
        "stretches the height inside pictures of one size.",
        "RandomWidth": "keras.layers.RandomZoom(height_factor=0.0, width_factor=...) "
        "stretches the width inside pictures of one size.",
        "SequenceFeatures": "keras.layers.StringLookup and keras.layers.Embedding turn "
        "sequences of tokens into features.",
    },
}


def instead(path: str, name: str) -> str:
    """What to use for a name of Keras 2, as the end of an error's text; or nothing.

    >>> instead("backend", "get_graph")
    ' Instead: there is no graph to hold or enter here: leave the call out.'
    """
    found = INSTEAD.get(path, {}).get(name)
    return f" Instead: {found}" if found else ""


def stand_in(path: str, name: str) -> type | None:
    """A class whose making says what is missing; None for a name nobody has.

    Args:
        path: Of the module, below `keras` or `keras.src`; or `tensorflow`.
        name: Of the class.

    >>> stand_in("layers", "TFSMLayer")()
    Traceback (most recent call last):
        ...
    NotImplementedError: keras.layers.TFSMLayer is not in minikeras; ...
    """
    top = path.partition(".")[0]
    if name not in NAMES.get(top, "").split():
        return None

    owner = top if top == "tensorflow" else f"keras.{top}"

    def refuse(self: object, *args: object, **kwargs: object) -> None:
        raise NotImplementedError(
            f"{owner}.{name} is not in minikeras; `minikeras run --real` runs the script "
            "with the installed Keras." + see("guides/drop-in.md#what-answers")
        )

    return type(name, (), {"__init__": refuse, "__module__": owner})
