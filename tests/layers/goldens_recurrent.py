"""What keras gives for the cases of recurrent layers; a file of its own."""

from tests.layers import goldens
from tests.layers.cases_recurrent import RECURRENT_CASES


def make(keras):
    """Everything, by `case/part`."""
    return goldens.make(keras, RECURRENT_CASES)
