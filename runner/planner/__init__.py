"""Pure decisions: the tree, the selection policies, rewards and budgets. No input, no output."""
