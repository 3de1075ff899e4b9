"""Paint: masks, inpainting, candidates."""
