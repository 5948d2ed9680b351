"""Helpers for tests, ours and those of backend and layer authors."""

from minikeras.testing.gradients import check_grads

__all__ = ["check_grads"]
