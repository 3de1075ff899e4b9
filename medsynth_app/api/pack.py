"""A model pack that draws."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from medsynth_app.actions.export import record_of
from medsynth_app.actions.export_result import frame_with
from medsynth_app.actions.generate import generate, in_runs
from medsynth_app.actions.inpaint import given_labels, inpaint, inpaint_request, require_following
from medsynth_app.actions.packs import find_pack
from medsynth_app.actions.remove_picture import remove_pictures
from medsynth_app.actions.remove_study import remove_study
from medsynth_app.api.connection import Connection, OpenPack, Progress
from medsynth_app.api.results import Fill, Picture
from medsynth_app.core.changes import Changes
from medsynth_app.core.errors import UserError
from medsynth_app.core.options import changed
from medsynth_app.core.parameters import GenerateParameters, InpaintParameters
from medsynth_app.formats.arrays import mask_of, open_array
from medsynth_app.headless import Interrupted

_DRAW, _FILL = GenerateParameters(), InpaintParameters()
STEPS, GUIDANCE, FIRMNESS = _DRAW.sampling.steps, _DRAW.sampling.guidance, _DRAW.conditioning.control_scale


class Pending:
    """Pictures that are being drawn; see `Pack.submit`."""

    def __init__(self, connection: Connection, runs: list[Changes]) -> None:
        self._connection, self._runs = connection, runs
        self._drawn: list[Picture] = []
        self._failure: UserError | None = None

    def result(self) -> list[Picture]:
        """Wait for all of them, in the order of their seeds.

        Raises
        ------
        UserError
            When the worker could not draw them, or they are asked for again after `cancel` or Ctrl+C.
        KeyboardInterrupt
            After Ctrl+C, once the worker has stopped.
        """
        if self._failure is not None:
            raise self._failure
        while self._runs:
            run, here = self._runs[0], self._connection.here
            try:
                here.run(run)
            except Interrupted:
                self.cancel()
                raise KeyboardInterrupt from None
            except BaseException as error:
                self.cancel()
                if isinstance(error, UserError):
                    self._failure = error
                raise
            self._drawn += self._taken(run)
            self._runs = self._runs[1:]
        return list(self._drawn)

    def cancel(self) -> None:
        """Draw no more of them. Harmless when all are drawn."""
        for each in self._runs:
            self._connection.here.queue.cancel(each.jobs[0])
            self._failure = UserError("These pictures were not drawn to the end.", "Submit them again.")
        self._runs = []

    def _taken(self, run: Changes) -> list[Picture]:
        """What a run has drawn; a temporary workspace need not keep it any longer."""
        workspace = self._connection.here.workspace
        found = sorted(workspace.pictures.of_job(run.jobs[0]), key=lambda picture: picture.candidate)
        drawn = []
        for picture in found:
            record = record_of(workspace, [picture.provenance])
            assert record is not None
            drawn.append(Picture(picture.pixels(), picture.mask(), record))
        if self._connection.temporary:
            remove_pictures(workspace, [picture.id for picture in found])
        return drawn


class Pack(OpenPack):
    """A model pack that draws pictures and fills regions.

    Use it in a ``with`` block, or call `close`; the worker and the model stay in memory between calls. It is for one
    thread of one process.

    Parameters
    ----------
    pack
        Name of an installed pack (``medsynth packs list``), or its folder.
    device
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.
    workspace
        Folder of a workspace to keep jobs and results in, as ``--workspace``; None: a temporary one.
    progress
        Called with (step, steps, words) while the worker draws, on another thread.

    Raises
    ------
    UserError
        When there is no such pack, or it draws nothing.
    """

    def __init__(self, pack: str | Path, *, device: str = "auto", workspace: str | Path | None = None,
                 progress: Progress | None = None) -> None:
        super().__init__(find_pack(str(pack)), device, workspace, progress)

    def generate(self, prompt: str = "", *, count: int = 1, seed: int | None = None,
                 mask: npt.ArrayLike | None = None, steps: int = STEPS, guidance: float = GUIDANCE,
                 negative_prompt: str = "", width: int = 0, height: int = 0,
                 control_scale: float = FIRMNESS) -> list[Picture]:
        """Draw whole pictures.

        Parameters
        ----------
        prompt
            What to draw; empty: the pack's own default.
        count
            How many.
        seed
            Of the first; picture k has ``seed + k``. None: by chance. The records tell it.
        mask
            What shall be where, (rows, columns) of the pack's labels (0 background), resized to the pictures' size.
        steps, guidance, negative_prompt
            Denoising steps (0: as many as the pack recommends), how closely the prompt is followed, what shall not
            appear.
        width, height
            In pixels, multiples of 8; 0: the pack's native size.
        control_scale
            How firmly a mask is followed, 0 to 2.

        Returns
        -------
        Pictures in the order of their seeds.

        Raises
        ------
        UserError
            For values out of range, a mask that the pack does not know, or too little memory.
        """
        return self.submit(prompt, count=count, seed=seed, mask=mask, steps=steps, guidance=guidance,
                           negative_prompt=negative_prompt, width=width, height=height,
                           control_scale=control_scale).result()

    def pairs(self, prompt: str = "", *, count: int = 1, seed: int | None = None, steps: int = STEPS,
              guidance: float = GUIDANCE, negative_prompt: str = "", control_scale: float = FIRMNESS) -> list[Picture]:
        """Draw masks, and a picture from each: `Picture.mask` holds the labels that `Picture.pixels` follows.

        Parameters and errors are those of `generate`; the pack needs a model of masks.
        """
        return self.submit(prompt, count=count, seed=seed, pairs=True, steps=steps, guidance=guidance,
                           negative_prompt=negative_prompt, control_scale=control_scale).result()

    def submit(self, prompt: str = "", *, count: int = 1, seed: int | None = None, mask: npt.ArrayLike | None = None,
               pairs: bool = False, steps: int = STEPS, guidance: float = GUIDANCE, negative_prompt: str = "",
               width: int = 0, height: int = 0, control_scale: float = FIRMNESS) -> Pending:
        """Begin to draw and return at once; parameters and errors are those of `generate` and `pairs`."""
        runs = in_runs(changed(
            _DRAW, prompt=prompt, labels=None if mask is None else mask_of(mask), pairs=pairs, seed=seed, steps=steps,
            guidance=guidance, negative_prompt=negative_prompt, width=width, height=height,
            control_scale=control_scale, preview_every=0, device=self._device), count)
        here = self._connection.here
        return Pending(self._connection, [generate(here.queue, self._pack, run, person=here.person_id)
                                          for run in runs])

    def inpaint(self, image: npt.ArrayLike, mask: npt.ArrayLike, prompt: str = "", *, mode: str = _FILL.mode,
                count: int = 1, seed: int | None = None, modality: str | None = None, steps: int = STEPS,
                guidance: float = GUIDANCE, negative_prompt: str = "", strength: float = _FILL.sampling.strength,
                context: float = _FILL.context, feather: int = _FILL.feather, match_seam: bool = _FILL.match_seam,
                follow: bool | None = None, control_scale: float = FIRMNESS) -> list[Fill]:
        """Fill the masked region of an image. Pixels outside the mask stay as they are, at the image's own depth.

        Parameters
        ----------
        image
            (rows, columns, 3) uint8 RGB, or (rows, columns) uint8, uint16 or int16; of CT in HU.
        mask
            (rows, columns): what is not 0 is filled. Values are the pack's labels, where it follows masks.
        prompt
            What to draw there; empty: the pack's own default.
        mode
            ``"replace"`` (draw the prompt), ``"remove"`` (draw what is there when nothing is wrong), ``"vary"`` (keep
            the likeness, see `strength`).
        count
            How many, at most 16.
        modality
            DICOM Modality of a grey image ("CT", "MR", ...): which values the model sees as black and white.
        strength
            0 to 1; 1 ignores what was there.
        context
            Surroundings that the model sees, as a share of the region's longer edge.
        feather
            Width in pixels of the soft edge inside the mask.
        match_seam
            Fit tone and grain to what surrounds the fill.
        follow
            Draw each label of the mask where it stands; None: where the prompt names one.

        Returns
        -------
        Fills in the order of their seeds. For the other parameters see `generate`.

        Raises
        ------
        UserError
            For an image or mask of another shape or type, an empty mask, values out of range, or too little memory.
        """
        source, painted = open_array(image, modality), mask_of(mask)
        about = source.info.frames[0]
        if painted.shape != (about.rows, about.columns):
            raise UserError(f"The mask is {painted.shape[1]} x {painted.shape[0]} pixels, the image "
                            f"{about.columns} x {about.rows}.", "Give a mask of the image's own size.")
        parameters = changed(
            _FILL, prompt=prompt, mode=mode, count=count, seed=seed, steps=steps, guidance=guidance,
            negative_prompt=negative_prompt, strength=strength, context=context, feather=feather,
            match_seam=match_seam, follow=follow, control_scale=control_scale, preview_every=0,
            device=self._device).checked()
        meant = given_labels(painted, self.manifest)
        if parameters.follow:
            require_following(meant, parameters, self._pack)
        here = self._connection.here
        document = here.workspace.documents.open(source, here.workspace.folder / "array")
        request = inpaint_request(document, 0, parameters, self._pack, painted=painted, meant=meant)
        fills = []
        try:
            for result in here.run(inpaint(here.queue, request, here.person_id)):
                frame = frame_with(here.workspace, document, result)
                assert frame.provenance is not None
                where = np.zeros(painted.shape, np.bool_)
                where[result.bounds.slices] = result.effective()
                fills.append(Fill(np.array(frame.pixels), where, frame.provenance, frame))
        except Interrupted:
            raise KeyboardInterrupt from None
        finally:
            if self._connection.temporary:  # which need not keep them any longer
                remove_study(here.workspace, document, here.queue, here.person_id)
        return fills
