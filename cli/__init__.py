"""The command line: options become typed calls, nothing else."""
