"""Regions of pixels: run lengths, divisions of a picture, free colours, legends."""
