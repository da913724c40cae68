"""From an update to messages, and the diagnostics."""
