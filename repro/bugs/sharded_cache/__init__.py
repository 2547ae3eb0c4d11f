"""The promises of a sharded Arrow cache, each tried on the design that makes them, and on two others."""
