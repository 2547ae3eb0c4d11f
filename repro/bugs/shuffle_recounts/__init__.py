"""shuffle of a stream with several shards restarts what counted or grouped rows before it."""
