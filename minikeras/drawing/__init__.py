"""Drawings as SVG, with no package beyond NumPy; they know numbers and names only."""
