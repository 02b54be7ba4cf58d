"""Geometry3K as a metric of 🤗 Evaluate."""
