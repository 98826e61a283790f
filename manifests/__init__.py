"""The shared words: the record, the recipe, the run manifest, the errors."""
