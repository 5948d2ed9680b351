"""What keras gives for the cases."""

import numpy as np

from tests.optimizers.cases import CASES, SCHEDULES, case_name, rates, trajectory


def make(keras):
    """Every fifth row and the last two of the trajectories, and the rates."""
    made = {case_name(c): kept(trajectory(keras, c, fast_apply(c))) for c in CASES}
    schedules = keras.optimizers.schedules
    return made | {case_name(c): rates(schedules, c) for c in SCHEDULES}


def kept(rows):
    """The rows of a trajectory that the goldens hold; the last one is after the end."""
    return rows[np.r_[0:3, 5:20:5, 19:21]]


def fast_apply(case):
    """Where keras would compile a branch anew each step: compile the whole step once."""
    if "gradient_accumulation_steps" not in case[1]:
        return None
    import jax

    def wrap(optimizer):
        step = jax.jit(optimizer.stateless_apply)

        def apply(grads):
            model, own = optimizer._trainable_variables, optimizer.variables
            values = step([v.value for v in own], grads, [v.value for v in model])
            for variable, value in zip(
                [*model, *own], [*values[0], *values[1]], strict=True
            ):
                variable.assign(value)

        return apply

    return wrap
