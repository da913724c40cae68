"""From embeddings to instances: mean-shift, component splits, scores, suppression."""
