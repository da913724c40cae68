"""Clouds over time: the voxel map, its store, free space, its file."""
