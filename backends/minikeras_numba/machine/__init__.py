"""The machine under the kernels: compiled code, its cache on disk, and threads."""
