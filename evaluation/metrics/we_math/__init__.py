"""We-Math as a metric of 🤗 Evaluate."""
