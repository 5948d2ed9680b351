"""Kernels that users give for their own ops."""
