"""From embeddings to objects: proposals, scores, suppression, one label a voxel."""
