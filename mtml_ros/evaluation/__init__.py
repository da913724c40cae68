"""ScanNet's metric and file formats, baselines, tables."""
