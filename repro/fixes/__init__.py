"""What is tried against a bug: recipes (one pasteable function a file, no import of the kit) and patches."""
