"""The pooling primitives and their gradients."""
