"""The way to models: keys stay here, money is counted here."""
