"""The only way into the user's branch: verification, merge, and what is said about both."""
