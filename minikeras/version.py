"""The version, in the one place the build reads it from."""

__version__ = "0.1.0"
# The Keras whose files and configs ours are like.
KERAS_VERSION = "3.15.0"


def version() -> str:
    """The installed version of minikeras.

    Example:
        >>> version().count(".")
        2
    """
    return __version__
