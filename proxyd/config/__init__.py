"""The configuration language: text in, a Plan and diagnostics out. Knows no sockets and no processes."""
