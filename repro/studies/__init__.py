"""Studies arrange trials: the cores in here decide what to try next and what it all says."""
