"""Scripts that ranks run are no tests, and want arguments."""

collect_ignore = ["faulty.py", "resume.py"]
