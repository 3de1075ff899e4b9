"""``rerun``: results drawn again from their records, whole jobs with a tiny pack; and records not to be trusted."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from medsynth_app.actions.accept_result import accept_result
from medsynth_app.actions.export import export_image
from medsynth_app.actions.inpaint import inpaint, inpaint_request
from medsynth_app.actions.open_image import open_image
from medsynth_app.core.window_level import WindowLevel
from medsynth_app.formats.raster import write_mask_png
from medsynth_app.formats.registry import read_mask, read_provenance
from medsynth_app.headless import Headless, headless
from medsynth_app.workspace.documents import Document
from tests.actions.bench import grey_tiff, png
from tests.asking import to_inpaint
from tests.cli.conftest import Run
from tests.cli.test_cli import run as command_line
from tests.engine.tiny import make_tiny_pack
from tests.formats.making import save, save_series, slice_dataset

PAINTED = np.zeros((60, 80), np.uint8)
PAINTED[20:34, 30:50], PAINTED[24:30, 36:44] = 1, 2


@pytest.fixture(scope="module")
def packs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packs")
    make_tiny_pack(folder / "one", with_control=True, with_masks=True)
    make_tiny_pack(folder / "other", with_control=True, with_masks=True, control_strength=0.1)
    return folder


@pytest.fixture
def again(packs: Path, same_process: Run) -> Callable[..., tuple[int, dict[str, Any]]]:
    """Runs ``rerun`` with its options: the exit status, and the document that is printed."""
    def run(record: Path, *more: object, pack: str = "one") -> tuple[int, dict[str, Any]]:
        answer = command_line("rerun", record, "--pack", packs / pack, "--json", *more)
        assert answer.exit_code in (0, 2), answer.stderr
        return answer.exit_code, json.loads(answer.stdout)

    return run


def with_record(path: Path, pixels: np.ndarray[Any, Any], text: str) -> Path:
    details = PngImagePlugin.PngInfo()
    details.add_itxt("medsynth", text)
    Image.fromarray(pixels).save(path, pnginfo=details)
    return path


def test_a_picture_is_drawn_again_and_what_is_not_as_it_was_is_told(
        packs: Path, again: Any, same_process: Run, tmp_path: Path) -> None:
    drawn = same_process("generate", "--prompt", "a round cell", "--pack", packs / "one", "--count", 3, "--seed", 5,
                         "--steps", 2, "--out", tmp_path / "out", "--device", "cpu")
    file = Path(drawn["pictures"][1]["file"])
    beside = file.with_name(f"{file.name}.provenance.json")
    status, said = again(file)  # a batch of three, of which it was the second
    assert (status, said["identical"], said["file"], said["differences"]) == (0, True, "marked", [])
    status, said = again(beside, "--out", tmp_path / "again")
    assert status == 0 and said["identical"]
    with Image.open(said["written"]) as image:
        drawn_again = np.array(image)

    record = json.loads(beside.read_text())
    assert set(record["hashes"]) == {"pack_sha256", "result_sha256"} and "model" in record["hashes"]["pack_sha256"]
    record["parameters"]["prompt"] = "a cell"
    (tmp_path / "edited.provenance.json").write_text(json.dumps(record))
    status, said = again(tmp_path / "edited.provenance.json")
    assert status == 2 and said["identical"] is False and "the record was changed" in said["words"]

    said = again(file, pack="other")[1]  # another ControlNet, which this picture does not follow
    assert [each["what"] for each in said["differences"]] == ["the model"]

    record = json.loads(beside.read_text())
    record["environment"] |= {"threads": 99, "torch": "1.0"}
    retouched = drawn_again.copy()
    retouched[4:6, 4:6] ^= 64
    status, said = again(with_record(tmp_path / "retouched.png", retouched, json.dumps(record)))
    assert status == 2 and said["identical"] and said["file"] == "other" and said["values"]["largest"] == 64
    assert "It was changed after it was written" in said["words"] and "threads: 99 then" in said["words"]

    record["parameters"].pop("result_sha256")
    record["environment"].pop("batch_from")
    status, said = again(with_record(tmp_path / "old.png", drawn_again, json.dumps(record)))
    assert status == 0 and said["file"] == "same" and said["lacking"] == ["the hash of its result"]


def test_pairs_and_pictures_from_a_mask_are_drawn_again(
        packs: Path, again: Any, same_process: Run, tmp_path: Path) -> None:
    pairs = same_process("generate", "pairs", "--prompt", "a round cell", "--pack", packs / "one", "--count", 2,
                         "--seed", 2, "--steps", 1, "--out", tmp_path / "pairs", "--device", "cpu")["pairs"]
    assert again(Path(pairs[1]["file"]))[1]["file"] == "same"
    assert again(Path(pairs[1]["mask"]))[1]["file"] == "mask"
    write_mask_png(tmp_path / "m.png", PAINTED[:60, 20:80])
    held = same_process("generate", "--prompt", "a cell", "--mask", tmp_path / "m.png", "--pack", packs / "one",
                        "--seed", 3, "--steps", 1, "--count", 1, "--out", tmp_path / "held", "--device", "cpu")
    file = Path(held["pictures"][0]["file"])
    moved = shutil.move(file, tmp_path / "moved.png")  # its mask stands in the record
    assert again(Path(moved))[1]["identical"] is True


def test_a_picture_of_a_set_is_drawn_again(packs: Path, again: Any, same_process: Run, tmp_path: Path) -> None:
    (tmp_path / "order.toml").write_text(
        f'name = "Few"\npack = "{(packs / "one").as_posix()}"\nprompt = "a {{class}}"\nsteps = 1\nseed = 4\n'
        '[[lines]]\nclass = "cell"\ncount = 3\n')
    same_process("make", tmp_path / "order.toml", "--out", tmp_path / "set", "--device", "cpu")
    status, said = again(tmp_path / "set" / "cell" / "SYN-cell-00002.png")
    assert (status, said["identical"], said["file"]) == (0, True, "same")


def test_pictures_with_an_invisible_mark_are_known_for_what_they_are(
        packs: Path, again: Any, same_process: Run, tmp_path: Path) -> None:
    drawn = same_process("generate", "--prompt", "a cell", "--pack", packs / "one", "--count", 1, "--seed", 5,
                         "--steps", 1, "--width", 96, "--height", 96, "--invisible-mark", "--device", "cpu",
                         "--out", tmp_path / "out")
    (tmp_path / "order.toml").write_text(
        f'name = "Few"\npack = "{(packs / "one").as_posix()}"\nprompt = "a {{class}}"\nsteps = 1\nseed = 4\n'
        'width = 96\nheight = 96\n[[lines]]\nclass = "cell"\ncount = 1\n')
    same_process("make", tmp_path / "order.toml", "--out", tmp_path / "set", "--invisible-mark", "--device", "cpu")
    made = tmp_path / "set" / "cell" / "SYN-cell-00001.png"
    for file in (Path(drawn["pictures"][0]["file"]), made):
        status, said = again(file)
        assert (status, said["identical"], said["file"]) == (0, True, "hidden"), said
        assert "with its invisible mark" in said["words"]
        assert said["values"] == {"differing": 0, "of": 96 * 96 * 3, "largest": 0}
    with Image.open(made) as image:
        record = json.loads(image.info["medsynth"])
        del record["parameters"]["invisible_mark"]  # as the workspace keeps it, and `trace --record` writes it
        untold = with_record(tmp_path / "untold.png", np.array(image), json.dumps(record))
    assert again(untold)[1]["file"] == "hidden"
    found = same_process("trace", made, "--among", tmp_path / "set")["found"]
    assert found[0]["seed"] == 4 and found[0]["wrong_bits"] == 0
    assert "An invisible mark" in (tmp_path / "set" / "README.md").read_text()
    mixed = command_line("make", tmp_path / "order.toml", "--out", tmp_path / "set", "--device", "cpu")
    assert mixed.exit_code == 2 and "the invisible mark was on and is off" in mixed.stderr


def test_a_fill_is_drawn_again_wherever_its_image_lies(
        packs: Path, again: Any, same_process: Run, tmp_path: Path) -> None:
    write_mask_png(tmp_path / "m.png", PAINTED)
    line = ("inpaint", png(tmp_path / "a.png"), "--mask", tmp_path / "m.png", "--engine", packs / "one", "--prompt",
            "a round cell", "--context", 1.25, "--steps", 2, "--count", 2, "--seed", 9, "--device", "cpu", "--follow")
    made = same_process(*line, "--out", tmp_path / "out", "--workspace", tmp_path / "work")["results"][1]
    file = Path(made["file"])
    assert np.array_equal(read_mask(Path(made["mask"])), PAINTED)
    record = read_provenance(file)
    assert record is not None and record.parameters["context"] == 1.25

    status, said = again(file, "--workspace", tmp_path / "work")  # it knows where the image lies
    assert (status, said["identical"], said["file"], said["lacking"]) == (0, True, "same", [])
    (tmp_path / "elsewhere").mkdir()
    image = shutil.move(tmp_path / "a.png", tmp_path / "elsewhere" / "b.png")
    for more, complaint in (((), "does not hold the image"),
                            (("--workspace", tmp_path / "work"), "no longer where it was"),
                            (("--workspace", tmp_path / "none"), "There is no workspace"),
                            (("--image", tmp_path / "none.png"), "There is no such file"),
                            (("--image", png(tmp_path / "c.png", seed=3)), "In none of the image's slices")):
        status, said = again(file, *more)
        assert status == 2 and complaint in said["error"]["happened"], said
    status, said = again(file, "--image", image, "--out", tmp_path / "again")
    assert status == 0 and said["identical"] and Path(said["written"]).exists()

    old = json.loads(file.with_name(f"{file.name}.provenance.json").read_text())
    for name in ("mask", "labels", "result_sha256", "context"):
        old["parameters"].pop(name)
    with Image.open(file) as picture:
        earlier = with_record(tmp_path / "old.png", np.array(picture), json.dumps(old))
    status, said = again(earlier, "--image", image)
    assert status == 2 and "does not hold what was painted" in said["error"]["happened"]


def removed(here: Headless, document: Document, *places: Any) -> None:
    """Fill these places of an image one after the other, without a model."""
    about = document.info.frames[0]
    for place in places:
        mask = np.zeros((about.rows, about.columns), np.uint8)
        mask[place] = 1
        request = inpaint_request(document, 0, to_inpaint(mode="remove", count=1, seed=3), None, painted=mask)
        result, = here.run(inpaint(here.queue, request))
        accept_result(document, result)


def test_a_fill_upon_another_is_drawn_again(again: Any, same_process: Run, tmp_path: Path) -> None:
    """Both into a grey image of 16 bits, without a model; the second stands partly on the first."""
    with headless(tmp_path / "work") as here:
        document = open_image(here.workspace, grey_tiff(tmp_path / "a.tif"))
        removed(here, document, np.s_[20:30, 30:40], np.s_[26:36, 36:46])
        exported = export_image(here.workspace, document, 0, tmp_path / "out.tif", "tiff", mark=False)
        shown = export_image(here.workspace, document, 0, tmp_path / "out.png", "png", window=WindowLevel(2000, 4000))
        assert exported.mask is not None and read_mask(exported.mask).sum() == 200 - 16
    status, said = again(tmp_path / "out.tif", "--image", tmp_path / "a.tif")
    assert (status, said["identical"], said["file"]) == (0, True, "same")
    assert said["fills"] == {"drawn": 2, "of": 2, "compared": True}
    assert "All 2 filled regions were drawn again and compared with the file; what lies outside was not." \
        in said["words"]
    status, said = again(shown.path, "--workspace", tmp_path / "work")
    assert (status, said["identical"], said["file"]) == (0, True, "unlike") and not said["fills"]["compared"]


def test_of_several_fills_it_is_told_which_were_compared(again: Any, same_process: Run, tmp_path: Path) -> None:
    with headless(tmp_path / "work") as here:
        document = open_image(here.workspace, png(tmp_path / "a.png", 60, 400))
        removed(here, document, np.s_[5:10, 5:10], np.s_[40:50, 360:370], np.s_[48:54, 366:374])
        exported = export_image(here.workspace, document, 0, tmp_path / "out.png", "png", mark=False)
    with Image.open(exported.path) as image:
        pixels, text = np.array(image), image.info["medsynth"]
    for place, status, words in (  # the first is not drawn again; upon the second the last was drawn
            (np.s_[7, 7], 0, "; the one before and what lies outside were not."),
            (np.s_[42, 362], 2, "But the file holds other pixels")):
        retouched = pixels.copy()
        retouched[place] ^= 64
        found, said = again(with_record(tmp_path / "retouched.png", retouched, text), "--image", tmp_path / "a.png")
        assert found == status and words in said["words"], said["words"]
        assert said["fills"] == {"drawn": 2, "of": 3, "compared": True}
        assert "The last 2 of 3 filled regions were drawn again and compared with the file" in said["words"]


def test_results_of_one_name_have_masks_of_their_own(
        packs: Path, again: Any, same_process: Run, tmp_path: Path) -> None:
    """As a.png and a.dcm; and the mask beside a result of an older version, which shared one, is found."""
    with headless(tmp_path / "work") as here:
        document = open_image(here.workspace, png(tmp_path / "a.png"))
        removed(here, document, np.s_[5:10, 5:10])
        first = export_image(here.workspace, document, 0, tmp_path / "out" / "a.png", "png", mark=False)
        removed(here, document, np.s_[40:50, 60:70])
        second = export_image(here.workspace, document, 0, tmp_path / "out" / "a.tif", "tiff", mark=False)
    assert first.mask is not None and second.mask is not None
    assert [read_mask(path).sum() for path in (first.mask, second.mask)] == [25, 125]
    assert [path.name for path in (first.mask, second.mask)] == ["a.png.mask.png", "a.tif.mask.png"]
    with Image.open(first.path) as image:
        pixels, record = np.array(image), json.loads(image.info["medsynth"])
    del record["parameters"]["mask"]
    old = with_record(tmp_path / "out" / "old.png", pixels, json.dumps(record))
    first.mask.rename(old.with_name("old-mask.png"))
    status, said = again(old, "--image", tmp_path / "a.png")
    assert (status, said["identical"], said["file"], said["lacking"]) == (0, True, "same", ["what was painted"])


def test_the_series_of_a_folder_that_was_filled_is_found(again: Any, same_process: Run, tmp_path: Path) -> None:
    save_series(tmp_path / "in", [(0, 0, 2.0 * k) for k in range(3)])
    lone = save(slice_dataset(9, series="1.2.4"), tmp_path / "in" / "lone.dcm")
    with headless(tmp_path / "work") as here:
        document = open_image(here.workspace, lone)
        removed(here, document, np.s_[10:16, 10:18])
        export_image(here.workspace, document, 0, tmp_path / "out.dcm", "dicom")
    status, said = again(tmp_path / "out.dcm", "--image", tmp_path / "in")
    assert (status, said["identical"], said["file"]) == (0, True, "same")
    assert said["values"]["differing"] == 0 < said["values"]["of"] <= 48  # less the soft edge
    slices = sorted((tmp_path / "in").glob("*.dcm"))
    torn = next(path for path in slices if path != lone)
    torn.write_bytes(torn.read_bytes()[:-40])  # of another series, which nobody needs
    status, said = again(tmp_path / "out.dcm", "--image", tmp_path / "in")
    assert (status, said["identical"]) == (0, True)


def test_what_is_no_record_or_a_broken_one_is_told_in_words(again: Any, tmp_path: Path) -> None:
    picture = np.zeros((8, 8, 3), np.uint8)
    Image.fromarray(picture).save(tmp_path / "a.jpg")
    fine: dict[str, Any] = {
        "format": "medsynth-provenance/1", "synthetic": True, "action": "generate", "pack": "tiny", "seed": 1,
        "pack_sha256": "0" * 64, "created": "", "environment": {"batch": 1},
        "parameters": {"prompt": "a", "steps": 1, "guidance": 1, "candidate": 0, "count": 1, "width": 32, "height": 32}}
    part = {**fine, "action": "inpaint", "parameters": {**fine["parameters"], "mode": "replace", "revision": "0" * 64}}
    broken: list[tuple[Any, str]] = [
        ("[]", "no record"), ("{}", "no record"), ({**fine, "format": "medsynth-provenance/9"}, "newer version"),
        ({**fine, "seed": "x"}, "damaged"), ({**fine, "parameters": []}, "damaged"),
        ({**fine, "action": "imported"}, "not how"),
        ({**fine, "environment": {"batch": 99}}, "contradicts itself"), ({**fine, "seed": -4}, "outside 0"),
        ({**fine, "parameters": {**fine["parameters"], "steps": "many"}}, "'many' as steps"),
        ({**fine, "parameters": {**fine["parameters"], "width": 33}}, "33 pixels"),
        ({**fine, "parameters": {**fine["parameters"], "candidate": 3}}, "contradicts itself"),
        ({**part, "parameters": {**part["parameters"], "bounds": [0, 0, "a", 4]}}, "which part of the image"),
        (part, "does not say which part of the image")]
    for record, complaint in broken:
        path = tmp_path / "x.provenance.json"
        path.write_text(record if isinstance(record, str) else json.dumps(record))
        status, said = again(path, "--image", tmp_path / "a.jpg")
        assert status == 2 and complaint in said["error"]["happened"], (said, complaint)
    status, said = again(tmp_path / "a.jpg")
    assert status == 2 and "medsynth trace" in said["error"]["remedy"]
    assert again(tmp_path)[0] == again(tmp_path / "none.png")[0] == again(tmp_path / "none.json")[0] == 2
    (tmp_path / "x.provenance.json").write_text(json.dumps(fine))
    answer = command_line("rerun", tmp_path / "x.provenance.json")
    assert answer.exit_code == 2 and "The model tiny that drew this is not installed" in answer.stderr
