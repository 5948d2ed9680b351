"""What keras gives for the cases."""

from tests.metrics.cases import CASES, case_name, streamed


def make(keras):
    """The streamed results of every case, by name."""
    return {case_name(case): streamed(keras.metrics, case) for case in CASES}
