"""Ranged reads through HfFileSystem hand on whatever the server sent."""
