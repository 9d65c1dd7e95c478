"""What a deployment consists of, and the same processes on one machine without containers."""
