"""cast and cast_column of a stream change the features and no value, after filter or map with features."""
