"""Optimizers against keras: trajectories, variables, configs; then their own rules."""

import inspect
import logging

import numpy as np
import pytest

import minikeras
from minikeras import constraints, optimizers
from minikeras.engine.compile import jit
from minikeras.optimizers import legacy, schedules
from tests.goldens.make import load
from tests.goldens.oracle import keras
from tests.optimizers.cases import (
    CASES,
    SCHEDULES,
    case_name,
    rates,
    start,
    trajectory,
    variables,
)
from tests.optimizers.goldens import kept

GOLDENS = load("optimizers")
oracle = pytest.mark.oracle
each_case = pytest.mark.parametrize("case", CASES, ids=case_name)
each_schedule = pytest.mark.parametrize("case", SCHEDULES, ids=case_name)


@each_case
def test_trajectory(case):
    found = kept(trajectory(minikeras, case))
    np.testing.assert_allclose(found, GOLDENS[case_name(case)], 2e-5, 1e-5)


@each_case
def test_compiled_trajectory(case):
    found = kept(trajectory(minikeras, case, apply=lambda o: jit(o.apply)))
    np.testing.assert_allclose(found, GOLDENS[case_name(case)], 2e-5, 1e-5)
