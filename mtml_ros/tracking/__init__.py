"""Ids that last."""
