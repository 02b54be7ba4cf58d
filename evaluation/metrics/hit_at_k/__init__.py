"""Hit@k and MRR as a metric of 🤗 Evaluate."""
