"""Metrics: numbers about predictions that are gathered batch by batch."""
