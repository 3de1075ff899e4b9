"""Models: packs, cards, training."""
