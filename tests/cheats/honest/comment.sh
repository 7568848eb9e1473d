# Description: Words, and nothing else
sed -i 's/^    count = 0$/    count = 0  # so far/' pairs.py
