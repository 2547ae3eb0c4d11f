"""The process cannot end after reading Parquet through a Python file object (apache/arrow#45214)."""
