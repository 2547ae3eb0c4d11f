"""The commands that have a room of their own; each module defines one click ``command`` and imports late."""
