"""Reading annotation files safely and without loading them whole."""
