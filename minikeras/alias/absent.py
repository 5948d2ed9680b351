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
