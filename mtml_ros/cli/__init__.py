"""The `mtml` command: one file a subcommand."""
