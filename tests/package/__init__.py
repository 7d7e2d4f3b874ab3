"""The Debian package, tested as a whole in a fresh Debian (`make deb-test`)."""
