"""Object stores and other places behind a URL: s3://, gs://, hf:// and whatever fsspec knows."""
