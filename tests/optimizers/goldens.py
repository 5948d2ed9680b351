"""What keras gives for the cases."""

import numpy as np

from tests.optimizers.cases import CASES, SCHEDULES, case_name, rates, trajectory


def make(keras):
    """Every fifth row and the last two of the trajectories, and the rates."""
    made = {case_name(c): kept(trajectory(keras, c)) for c in CASES}
    schedules = keras.optimizers.schedules
    return made | {case_name(c): rates(schedules, c) for c in SCHEDULES}


def kept(rows):
    """The rows of a trajectory that the goldens hold; the last one is after the end."""
    return rows[np.r_[0:3, 5:20:5, 19:21]]
