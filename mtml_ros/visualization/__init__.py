"""Pictures of a segmentation and a page to look at it in 3D."""
