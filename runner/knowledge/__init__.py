"""What was learned from earlier visits, and what use is made of it."""
