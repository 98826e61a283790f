"""From a source dataset to rendered triplets: samples, sources, tasks, pixels."""
