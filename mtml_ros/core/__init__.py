"""What everything speaks: voxels, sorted keys, taxonomy, instances, errors."""
