"""Triplets to disk: codecs, Parquet shards, the card, the gallery."""
