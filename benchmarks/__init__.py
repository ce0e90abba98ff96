"""Speed and memory, as ratios against a named peer in the same run, with quality beside speed."""
