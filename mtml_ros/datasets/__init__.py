"""Data sets: the toy boxes, procedural rooms and their scans, ScanNet."""
