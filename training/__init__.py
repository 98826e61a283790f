"""The small included trainer: fine-tune an image editor on a written dataset, sample from it, and score it."""
