"""The instance networks: a sparse default, the paper's dense reference, and checkpoints."""
