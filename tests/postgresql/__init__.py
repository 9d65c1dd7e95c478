"""PostgreSQL as the tests use it: Django's own backend, emptied faster."""
