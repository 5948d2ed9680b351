"""Winograd convolutions and their gradients."""
