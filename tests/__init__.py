"""All tests of proxyd; a package so that `tests.support` has one name everywhere."""
