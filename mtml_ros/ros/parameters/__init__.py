"""The parameters: one table, their declaration, the documents made from it."""
