"""A Questions data set as a metric of 🤗 Evaluate."""
