"""Which cells an expert should label first: pure strategies over embeddings, labels and predictions."""
