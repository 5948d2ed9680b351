"""Step times of minikeras beside its peers: `python -m benchmarks --help`."""
