"""MM-Math as a metric of 🤗 Evaluate."""
