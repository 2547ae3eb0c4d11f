"""What ``make repro`` does: runs notebooks, writes issue texts and the page, publishes."""
