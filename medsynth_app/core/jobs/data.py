"""Data: look at a data set, or freeze it as a training set, before anything is learned from it."""

from __future__ import annotations

from dataclasses import dataclass

from medsynth_app.core.job import Lane
from medsynth_app.core.jobs.kind import JobKind, Outcome


@dataclass(frozen=True, eq=False)
class DataRequest:
    """Tell what a data set holds, and perhaps freeze it.

    Attributes
    ----------
    data
        Folder of a data set, CSV file, or training set frozen before.
    report
        The JSON file that the worker writes (`datasets.report`).
    sheet
        A PNG to write with some pictures of every class; empty: none.
    layout
        How the data lie; empty: it is recognised.
    frozen
        Folder to freeze the data into; empty: they are only looked at.
    recipe
        JSON text of the section ``[data]`` that they are frozen by.
    recipe_file
        The whole recipe, which is looked through before anything is read; empty: there is none.
    timed
        Tell how long the recipe's base model takes to train here, too. Without `data` this is all that is done.
    """

    data: str
    report: str
    sheet: str = ""
    layout: str = ""
    frozen: str = ""
    recipe: str = ""
    recipe_file: str = ""
    timed: bool = False


def titled(request: DataRequest) -> str:
    return "Freeze data" if request.frozen else "Look at data" if request.data else "Estimate the time"


DATA = JobKind("data", DataRequest, Lane.BACKGROUND, titled, "data_job", Outcome.DATA, "The data were read")
