"""Data sets: the toy boxes, procedural rooms and their scans, ScanNet."""

from pathlib import Path

SCANS = Path(__file__).resolve().parent / "scans"
"""The real rooms that ship: .npz files with xyz and label (see the README.md beside them)."""
