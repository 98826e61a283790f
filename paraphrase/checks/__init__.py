"""Checks of candidate instructions: each says in one sentence why a sentence must not enter a bank."""
