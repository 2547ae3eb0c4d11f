"""Lists and structs of files with decode=False, uploaded without any of their bytes."""
