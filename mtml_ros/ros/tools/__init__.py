"""Executables beside the node: a player and a recorder."""
