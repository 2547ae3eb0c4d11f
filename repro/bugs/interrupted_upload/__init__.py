"""Uploading is interrupted: killed, refused, reset, or left without an answer."""
