"""MathVista as a metric of 🤗 Evaluate."""
