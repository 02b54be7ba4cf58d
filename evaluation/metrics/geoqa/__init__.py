"""GeoQA as a metric of 🤗 Evaluate."""
