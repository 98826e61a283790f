"""The field's metrics of decoded pictures, task by task."""
