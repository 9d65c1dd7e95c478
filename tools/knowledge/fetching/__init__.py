"""Fetching pages from addresses that strangers name, without reaching what is not public."""
