"""The bug ``shard-accumulation``: what push_to_hub keeps of each shard, on the disk and in memory."""
