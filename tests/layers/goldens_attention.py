"""What keras gives for the cases of attention; a file of its own."""

from tests.layers import goldens
from tests.layers.cases_attention import ATTENTION_CASES


def make(keras):
    """Everything, by `case/part`."""
    return goldens.make(keras, ATTENTION_CASES)
