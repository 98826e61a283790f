"""One task, one file: a Sample rendered to a target, and the target decoded back."""
