"""What the kit keeps of a trial: the stored record, where it came from, and what must be taken out of it first."""
