"""The configuration language: text in, a Plan and diagnostics out. Opens no socket and knows nothing of processes."""
