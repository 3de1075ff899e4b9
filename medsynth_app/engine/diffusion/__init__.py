"""Inference with diffusion models: pipelines, inpainting, generation, masks that are followed and drawn."""
