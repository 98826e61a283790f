"""Rows of one or several datasets in a new one: merged, split anew, sampled, freed of duplicates."""
