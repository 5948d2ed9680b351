"""Register tiles, the panels and windows they read, and the tables of their jobs."""
