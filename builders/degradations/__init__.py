"""Damage done to clean photographs on purpose."""
