"""remove_columns of a stream takes a name for a list of its letters, and forgets columns whose name is part of it."""
