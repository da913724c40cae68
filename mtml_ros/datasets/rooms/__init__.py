"""Procedural indoor rooms and a simulated depth sensor that scans them."""
