"""Writers of LLVM IR, and the arithmetic every kernel is made of."""
