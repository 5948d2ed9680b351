"""One table of optimizers and their arguments, and the gradients they are given."""

import numpy as np

STEPS = 20

# Optimizer class and arguments. Rates are large, so that steps show.
CASES = [
    ("SGD", {"learning_rate": 0.1}),
    ("SGD", {"learning_rate": 0.1, "momentum": 0.9}),
    ("SGD", {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True}),
    ("RMSprop", {"learning_rate": 0.01}),
    ("RMSprop", {"learning_rate": 0.01, "momentum": 0.9, "centered": True, "rho": 0.8}),
    ("Adam", {"learning_rate": 0.05}),
    ("Adam", {"learning_rate": 0.05, "amsgrad": True, "beta_2": 0.9}),
    ("AdamW", {"learning_rate": 0.05, "weight_decay": 0.1}),
    ("Adamax", {"learning_rate": 0.05}),
    ("Nadam", {"learning_rate": 0.05}),
    ("Adadelta", {"learning_rate": 1.0}),
    ("Adagrad", {"learning_rate": 0.1}),
    ("Adafactor", {"learning_rate": 0.5}),
    ("Adafactor", {"learning_rate": 0.05, "relative_step": False, "clip_threshold": 0.5}),
    ("Ftrl", {"learning_rate": 0.1}),
    ("Ftrl", {
        "learning_rate": 0.1,
        "learning_rate_power": -0.3,
        "l1_regularization_strength": 0.05,
        "l2_regularization_strength": 0.02,
        "l2_shrinkage_regularization_strength": 0.01,
        "beta": 0.1,
    }),
    ("Lion", {"learning_rate": 0.02}),
    ("Lamb", {"learning_rate": 0.05}),
    ("Lamb", {"learning_rate": 0.05, "weight_decay": 0.1}),
    ("Muon", {"learning_rate": 0.05}),
    ("Muon", {"learning_rate": 0.05, "nesterov": False, "adam_lr_ratio": 0.5, "rms_rate": None}),
    ("Muon", {"learning_rate": 0.05, "exclude_layers": ["dense"], "weight_decay": 0.2}),
    ("ScheduleFreeAdamW", {"learning_rate": 0.05}),
    ("ScheduleFreeAdamW", {"learning_rate": 0.05, "warmup_steps": 8, "weight_decay": 0.1}),
    # What every optimizer does besides.
    ("SGD", {"learning_rate": 0.1, "clipnorm": 0.5}),
    ("SGD", {"learning_rate": 0.1, "clipvalue": 0.2}),
    ("SGD", {"learning_rate": 0.1, "global_clipnorm": 0.5}),
    ("SGD", {"learning_rate": 0.1, "weight_decay": 0.3}),
    ("SGD", {"learning_rate": 0.1, "loss_scale_factor": 4.0}),
    ("SGD", {"learning_rate": 0.1, "use_ema": True, "ema_momentum": 0.8}),
    ("Adam", {"learning_rate": 0.05, "use_ema": True, "ema_overwrite_frequency": 3}),
    ("Adam", {"learning_rate": 0.05, "gradient_accumulation_steps": 3, "weight_decay": 0.1}),
    ("Nadam", {"learning_rate": 0.05, "gradient_accumulation_steps": 2}),
    ("SGD", {
        "learning_rate": 0.1,
        "gradient_accumulation_steps": 4,
        "use_ema": True,
        "ema_overwrite_frequency": 2,
        "global_clipnorm": 0.3,
    }),
]  # fmt: skip

# Schedule class and arguments.
SCHEDULES = [
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.9}),
    ("ExponentialDecay", {
        "initial_learning_rate": 0.1,
        "decay_steps": 7,
        "decay_rate": 0.5,
        "staircase": True,
    }),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.9}),
    ("InverseTimeDecay", {
        "initial_learning_rate": 0.1,
        "decay_steps": 7,
        "decay_rate": 0.5,
        "staircase": True,
    }),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 20}),
    ("PolynomialDecay", {
        "initial_learning_rate": 0.1,
        "decay_steps": 9,
        "end_learning_rate": 0.02,
        "power": 0.5,
        "cycle": True,
    }),
    ("PiecewiseConstantDecay", {"boundaries": [5, 11], "values": [1.0, 0.5, 0.1]}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 20}),
    ("CosineDecay", {
        "initial_learning_rate": 0.0,
        "decay_steps": 15,
        "alpha": 0.1,
        "warmup_target": 0.2,
        "warmup_steps": 6,
    }),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 7}),
    ("CosineDecayRestarts", {
        "initial_learning_rate": 0.1,
        "first_decay_steps": 6,
        "t_mul": 1.0,
        "m_mul": 0.8,
        "alpha": 0.2,
    }),
]  # fmt: skip


def case_name(case):
    name, kwargs = case
    parts = [f"{k}={v}".replace(" ", "") for k, v in kwargs.items()]
    return "-".join([name, *parts])


SHAPES = {"dense/kernel": (4, 3), "dense/bias": (3,), "conv/kernel": (2, 2, 3)}


def start():
    """First values of the variables, and the gradients of each step."""
    rng = np.random.default_rng(5)
    values = [rng.normal(size=s).astype("float32") for s in SHAPES.values()]
    grads = [
        [rng.normal(size=s).astype("float32") for s in SHAPES.values()]
        for _ in range(STEPS)
    ]
    return values, grads


def variables(keras, values):
    """Variables of a model with a dense and a convolution layer."""
    made = []
    for path, value in zip(SHAPES, values, strict=True):
        layer, name = path.split("/")
        with keras.name_scope(layer):
            made.append(keras.Variable(value, name=name))
    return made


def trajectory(keras, case, apply=None):
    """All values of the variables after each step, `(steps, values)`.

    `keras` is the package: keras or minikeras.
    """
    name, kwargs = case
    values, grads = start()
    model = variables(keras, values)
    optimizer = getattr(keras.optimizers, name)(**kwargs)
    optimizer.build(model)
    step = optimizer.apply if apply is None else apply(optimizer)
    rows = []
    for gradients in grads:
        step(gradients)
        rows.append(np.concatenate([np.ravel(v.numpy()) for v in model]))
    optimizer.finalize_variable_values(model)
    rows.append(np.concatenate([np.ravel(v.numpy()) for v in model]))
    return np.array(rows)


def rates(schedules, case):
    """The rates of steps 0 to 39."""
    name, kwargs = case
    schedule = getattr(schedules, name)(**kwargs)
    return np.array([float(schedule(step)) for step in range(40)], "float32")
