"""The images that the first run offers."""

from __future__ import annotations

from medsynth_app.actions import demo
from medsynth_app.actions.demo import demo_images
from medsynth_app.formats.registry import open_image


def test_there_are_images_for_radiology_and_every_one_opens() -> None:
    found = demo_images()
    modalities = {open_image(image.path).info.modality for image in found}
    assert {"CT", "MR"} <= modalities
    assert all(image.title and image.credit for image in found)


def test_the_projects_own_images_say_that_they_are_synthetic() -> None:
    for image in demo_images():
        if demo.RESOURCES in image.path.parents:
            assert open_image(image.path).info.synthetic, image.title


def test_missing_images_are_not_offered(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(demo, "_package_folder", lambda name: demo.RESOURCES / "none")
    assert all(demo.RESOURCES in image.path.parents for image in demo_images())
