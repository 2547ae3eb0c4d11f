"""concatenate_datasets(axis=1) after a shuffle of a stream puts values of different rows side by side."""
