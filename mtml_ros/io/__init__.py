"""Files: point clouds, scans as arrays, the ScanNet benchmark's formats."""
