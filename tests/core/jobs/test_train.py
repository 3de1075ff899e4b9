from __future__ import annotations

from medsynth_app.core.jobs.train import distance_words, figures_words, measured_by

LOSSES = {"loss": 0.25, "loss on learned pictures": 0.21, "loss on held-out pictures": 0.22}
DISTANCES = {"distance to held-out pictures": 0.4123, "distance of real pictures": 0.12,
             "distance of real pictures, least": 0.101, "distance of real pictures, most": 0.139,
             "distance through the autoencoder": 0.2, "pictures compared": 24}
OWN = "measured in the latents of this model's own autoencoder, by no other encoder"
WORDS = ("0.412; two real sets of that size: 0.120 (0.101 to 0.139), one of them through the autoencoder: 0.200; "
         "n = 24")


def test_losses_and_distance_are_told_each_with_what_measured_it() -> None:
    assert figures_words({"loss": 0.25}) == "loss 0.25" and measured_by({"loss": 0.25}) == ""
    losses = "loss 0.25, loss on learned pictures 0.21, loss on held-out pictures 0.22"
    assert figures_words(LOSSES) == f"{losses} ({OWN})" and measured_by(LOSSES) == OWN
    assert figures_words(LOSSES | DISTANCES) == f"{losses} ({OWN}); distance to held-out pictures {WORDS}"
    patches = "patches of 7 x 7 pixels, in standard deviations of the real pictures"
    assert measured_by(LOSSES | DISTANCES) == f"{OWN}; distance to held-out pictures: {patches}"
    assert distance_words(DISTANCES, whole=True) == f"{WORDS}; {patches}"


def test_where_too_few_were_held_out_that_is_told() -> None:
    assert figures_words({"loss": 0.25, "pictures compared": 3}) == (
        "loss 0.25; distance to held-out pictures not measured: only 3 to compare, and 8 are needed")
    assert distance_words(LOSSES) == ""
