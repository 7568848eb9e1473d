"""What agents are told: templates, and what goes into them."""
