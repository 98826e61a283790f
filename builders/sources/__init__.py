"""One dataset, one file: its official on-disk layout read into Samples."""
