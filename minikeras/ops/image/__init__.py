"""Functions on images: `keras.ops.image`.

Images are `(batch, height, width, channels)`, or with `data_format="channels_first"`
`(batch, channels, height, width)`; most functions take one image without the batch
axis too.
"""

from minikeras.ops.image.borders import *
from minikeras.ops.image.color import *
from minikeras.ops.image.filters import *
from minikeras.ops.image.patches import *
from minikeras.ops.image.resize import *
from minikeras.ops.image.sampling import *
from minikeras.ops.image.transforms import *

# Not by its name: type checkers and the documentation follow the stars.
globals()["__all__"] = [n for n, f in globals().items() if callable(f) and n[0] != "_"]


def __dir__() -> list[str]:
    return list(globals()["__all__"])
