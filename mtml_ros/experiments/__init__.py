"""The tables: the paper's, ablations, real rooms."""
