"""Log lines become metrics, pairs of repetitions become a gain, and a judge stays unaltered."""
