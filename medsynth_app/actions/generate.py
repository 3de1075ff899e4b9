"""Generate whole pictures from a prompt."""

from __future__ import annotations

from medsynth_app.actions.inpaint import new_seed, shortened
from medsynth_app.core.errors import UserError
from medsynth_app.core.job import Lane
from medsynth_app.core.parameters import GenerateParameters
from medsynth_app.core.requests import GenerateRequest
from medsynth_app.formats.pack import InstalledPack
from medsynth_app.jobs.queue import JobQueue


def generate_request(pack: InstalledPack, parameters: GenerateParameters) -> GenerateRequest:
    """All that a worker needs; raises `UserError` for parameters out of range or without a prompt."""
    parameters.checked()
    prompt = parameters.prompt.strip() or pack.manifest.default_prompt
    if not prompt:
        raise UserError("There is no prompt.", "Say what the pictures shall show.")
    return GenerateRequest(
        pack=str(pack.folder), pack_sha256=pack.manifest.sha256, prompt=prompt,
        negative_prompt=parameters.negative_prompt.strip(), width=parameters.width, height=parameters.height,
        steps=parameters.steps, guidance=parameters.guidance,
        seed=new_seed() if parameters.seed is None else parameters.seed, count=parameters.count,
        preview_every=parameters.preview_every, device=parameters.device)


def generate(queue: JobQueue, pack: InstalledPack, parameters: GenerateParameters, *, person: str = "") -> str:
    """Queue a run in the interactive lane; returns the job's id."""
    request = generate_request(pack, parameters)
    title = f"Generate: {shortened(request.prompt)} ({request.count})"
    return queue.submit(request, title=title, lane=Lane.INTERACTIVE, person=person)
