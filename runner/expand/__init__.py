"""One node's journey: act -> commit -> check -> measure -> decide. No tree, no database."""
