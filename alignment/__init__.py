"""People choose the best of several edits: runs, the page they choose on, what their choices say."""
