"""What a repository tests and measures with, found out from its files alone."""
