"""Puts questions to targets: question, runner, scripts, the one pool, the cache of trials."""
