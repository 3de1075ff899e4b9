"""Training of model packs. ``python -m medsynth_app.engine.train RECIPE --data F --out D``.

Needs nothing but torch, diffusers, transformers, safetensors, NumPy, Pillow and the standard library,
so that the folder can be carried to any machine with a GPU.
"""
