"""Loading Parquet files of one row holds the rows in memory (found while the Spaces report was looked into)."""
