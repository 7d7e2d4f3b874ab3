"""What the helper runs beside the workers. Nothing yet."""
