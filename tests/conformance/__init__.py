"""The same configuration and the same bytes to nginx and to proxyd; README.md describes the case files."""
