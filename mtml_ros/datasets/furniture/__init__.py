"""Furniture of Sweet Home 3D's catalogues, as shapes that rooms are furnished with."""

from mtml_ros.datasets.furniture.library import credit_lines, read_furniture

__all__ = ["credit_lines", "read_furniture"]
