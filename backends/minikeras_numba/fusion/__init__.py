"""Fused elementwise groups with their reductions, as one kernel each."""
