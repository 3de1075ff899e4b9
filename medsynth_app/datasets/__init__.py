"""Labelled images: read, split, frozen; what training and studies learn and measure on."""
