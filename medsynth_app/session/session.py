"""The session: what is open, chosen and running, one object for each, and signals that tell when it changes.

All but `documents.load` and `jobs.deliver` belongs to one thread (the window's). `jobs.deliver` is called by the
queue's thread: it writes results to the workspace and then hands the news to `post`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from medsynth_app.core.options import changed
from medsynth_app.core.parameters import GenerateParameters, InpaintParameters
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.session.candidates import Candidates
from medsynth_app.session.documents import Documents
from medsynth_app.session.exports import Exports
from medsynth_app.session.generate import Generate
from medsynth_app.session.hook import Hook
from medsynth_app.session.inpaint import Inpaint
from medsynth_app.session.jobs import Jobs, Post, call_directly
from medsynth_app.session.label_files import LabelFiles
from medsynth_app.session.label_review import LabelReview
from medsynth_app.session.label_search import LabelSearch
from medsynth_app.session.label_sources import LabelSources
from medsynth_app.session.labelling import Labelling
from medsynth_app.session.make import Make
from medsynth_app.session.models import Models
from medsynth_app.session.painting import Painting
from medsynth_app.session.people import People
from medsynth_app.session.pictures import Pictures
from medsynth_app.session.teaching import Away, Teaching, done_here
from medsynth_app.session.training import Training
from medsynth_app.session.view import View
from medsynth_app.settings.settings import SettingsStore
from medsynth_app.workspace.workspace import Workspace


class Session:
    """Observable state of one window.

    Parameters
    ----------
    queue
        Its `on_event` must be `jobs.deliver` of this session.
    pack_folders
        Where packs lie; None looks in the usual places.
    post
        Runs a function on the thread that the session belongs to.
    away
        Does a piece of work on another thread, then tells of it on the session's.

    Attributes
    ----------
    changed
        Signal(Changes): what an action, or a worker, changed; what the session derives from it is fresh by then.
    notice
        Signal(str, str): level ("info", "done", "warning" or "error") and a sentence for the person.
    people, documents, view, jobs, models, painting, candidates, inpaint, generate, make, exports, training,
    labelling, label_files, label_review, label_search, label_sources
        What a person works with, each with signals of its own.
    """

    def __init__(self, workspace: Workspace, queue: JobQueue, settings: SettingsStore, *,
                 pack_folders: Sequence[Path] | None = None, post: Post = call_directly, away: Away = done_here
                 ) -> None:
        self.workspace, self.queue, self.settings = workspace, queue, settings
        self._hook = hook = Hook()
        self.changed, self.notice = hook.changed, hook.notice
        device, preview_every = settings.current.device, settings.current.preview_every
        self.people = people = People(workspace, hook)
        self.documents = documents = Documents(workspace, queue, people, hook, settings)
        self.view = view = View(documents)
        self.jobs = jobs = Jobs(workspace, queue, hook, post)
        self.models = models = Models(workspace, pack_folders, documents, view, people, hook)
        self.painting = painting = Painting(documents, view, models, people, hook)
        self.candidates = candidates = Candidates(workspace, documents, view, people, jobs, hook)
        self.inpaint = Inpaint(
            workspace, queue, changed(InpaintParameters(), device=device, preview_every=preview_every),
            documents=documents, view=view, painting=painting, models=models, candidates=candidates, people=people,
            jobs=jobs)
        self.generate = Generate(
            queue, changed(GenerateParameters(), device=device, preview_every=preview_every),
            Pictures(workspace, people, jobs, hook), documents=documents, view=view, painting=painting, models=models,
            people=people, jobs=jobs, hook=hook)
        self.make = Make(queue, settings, self.generate, models, people, jobs)
        self.exports = Exports(workspace, settings, documents, view)
        self.training = Training(workspace, queue, people, jobs)
        self.labelling = Labelling(workspace, people, Teaching(queue, models, people, jobs, hook, away), hook)
        self.label_files = LabelFiles(workspace, queue, self.labelling, people, jobs, hook)
        self.label_review = LabelReview(self.labelling, people)
        self.label_search = LabelSearch(queue, self.labelling, people, jobs)
        self.label_sources = LabelSources(workspace, queue, self.labelling, documents=documents, models=models,
                                          people=people, jobs=jobs, hook=hook)
