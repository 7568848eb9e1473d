"""All that oppie does with an engine, done through a guard."""
