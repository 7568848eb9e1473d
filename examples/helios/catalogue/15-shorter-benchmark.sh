# Description: Make the benchmark quicker: fewer and shorter rounds.
# Tag: measuring
sed -i 's/^SECONDS = .*/SECONDS = 0.02/; s/^COMMITS = .*/COMMITS = 3/' bench.py
