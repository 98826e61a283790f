"""Export formats: one trainer, one file. The module is the registration."""
