"""One supervised run of a probe: process, caps, meters, stacks, and what the operating system says of its end."""
