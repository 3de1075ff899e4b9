"""What each action of the window does."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from medsynth_app.core.bounds import Bounds
from medsynth_app.ui.shell.rail import PLACES

if TYPE_CHECKING:
    from medsynth_app.ui.shell.main_window import MainWindow

TOOLS = ("pan", "brush", "eraser", "fill", "polygon", "pick", "window")
COMPARES = ("off", "slider", "side", "difference")
NO_IMAGE = "Open an image first"


class Bindings:
    """Connects the actions to the session and the canvas, and keeps their state true."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._bind_places_and_files()
        self._bind_tools()
        self._bind_view()
        self._bind_window()
        s, c = window.session, window.canvas
        for signal in (s.documents.current_changed, s.painting.history_changed, s.people.changed, s.place_changed):
            signal.connect(self.refresh)
        s.candidates.changed.connect(self.refresh_candidates)
        s.candidates.selected_changed.connect(self.refresh_candidates)
        s.generate.pictures.changed.connect(self.refresh)
        c.tools.changed.connect(lambda _tool: self.refresh_tools())
        c.candidate.mode_changed.connect(lambda _mode: self.refresh_candidates())
        self.refresh()

    def _bind_places_and_files(self) -> None:
        w, bind = self._window, self._window.commands.bind
        for place in PLACES:
            bind(f"place.{place}", partial(w.session.set_place, place))
        bind("file.open", w.files.open_file)
        bind("file.open_folder", w.files.open_folder)
        bind("file.export", w.files.export_image)
        bind("file.export_mask", w.files.export_mask)
        bind("file.close", w.session.documents.close)
        bind("file.remove_study", w.files.ask_remove_study)
        bind("file.quit", w.close)

    def _bind_tools(self) -> None:
        w, bind = self._window, self._window.commands.bind
        for tool in TOOLS:
            bind(f"tool.{tool}", partial(self._choose_tool, tool))
        bind("brush.grow", w.canvas.tools.grow)
        bind("brush.shrink", w.canvas.tools.shrink)
        bind("edit.undo", lambda: w.guarded(w.session.painting.undo))
        bind("edit.redo", lambda: w.guarded(w.session.painting.redo))
        bind("paint.clear", lambda: w.guarded(self.clear))
        bind("paint.run", w.inpaint)
        bind("paint.prompt", w.write_prompt)
        bind("generate.run", w.generate)
        bind("generate.remove", w.files.ask_remove_picture)
        bind("models.verify", w.verify_packs)
        bind("models.train", w.show_training)
        bind("candidate.accept", lambda: w.guarded(w.session.candidates.accept))
        bind("candidate.discard", lambda: w.guarded(w.session.candidates.discard))
        bind("candidate.discard_all", lambda: w.guarded(w.session.candidates.discard_all))
        bind("candidate.more", lambda: w.guarded(w.session.inpaint.more_like_this))

    def _bind_view(self) -> None:
        w, c, bind = self._window, self._window.canvas, self._window.commands.bind
        bind("view.fit", c.view.fit)
        bind("view.actual", c.view.actual_size)
        bind("view.flip_h", partial(c.view.flip, True))
        bind("view.flip_v", partial(c.view.flip, False))
        bind("view.rotate", c.view.turn)
        for name, shown in (("view.mask", c.mask_visible), ("view.inspector", True),
                            ("view.synthetic", w.session.settings.current.show_synthetic_edge),
                            ("view.strip", w.session.settings.current.strip_open)):
            w.commands[name].setChecked(shown)
        w.commands["view.mask"].toggled.connect(c.set_mask_visible)
        w.commands["view.synthetic"].toggled.connect(self._show_synthetic)
        w.commands["view.inspector"].toggled.connect(w.inspector.setVisible)
        w.commands["view.strip"].toggled.connect(self._show_strip)
        w.commands["view.jobs"].toggled.connect(w.toolbar.ring.setChecked)
        w.toolbar.ring.toggled.connect(w.commands["view.jobs"].setChecked)
        bind("slice.next", lambda: self._step(1))
        bind("slice.previous", lambda: self._step(-1))
        for mode in COMPARES:
            bind(f"compare.{mode}", partial(self._compare, mode))
        bind("compare.flicker", lambda: c.candidate.set_mode("off" if c.candidate.mode == "flicker" else "flicker"))

    def _bind_window(self) -> None:
        w, bind = self._window, self._window.commands.bind
        for choice in ("system", "light", "dark"):
            bind(f"theme.{choice}", partial(w.choose_theme, choice))
        bind("keys.left_handed", w.toggle_left_handed)
        bind("veil.now", w.veil.cover)
        bind("person.switch", w.name_bar.ask)
        bind("help.palette", w.palette_widget.open)
        bind("help.keys", w.show_keys)
        bind("help.edit_keys", w.edit_keys)
        bind("help.settings", w.show_settings)

    # -- what they do

    def _choose_tool(self, tool: str) -> None:
        w = self._window
        if tool not in ("window", "pan") and w.session.place != "paint":
            w.session.set_place("paint")
        w.canvas.tools.choose(tool)
        self.refresh_tools()

    def clear(self) -> None:
        """Erase the painting of the slice in view, as one undoable stroke."""
        session = self._window.session
        document = session.documents.current
        if document is None:
            return
        mask = document.mask(session.view.index)
        bounds = Bounds.of_mask(mask > 0)
        if bounds is not None:
            before = np.array(mask[bounds.slices])
            session.painting.paint(bounds, before, np.zeros_like(before), "clear")

    def _show_synthetic(self, shown: bool) -> None:
        self._window.canvas.set_synthetic_edges(shown)
        self._window.session.settings.change(show_synthetic_edge=shown)

    def _show_strip(self, shown: bool) -> None:
        self._window.session.settings.change(strip_open=shown)
        self._window.show_place(self._window.session.place)

    def _step(self, by: int) -> None:
        session = self._window.session
        if session.documents.current is not None:
            session.view.set_index(session.view.index + by)

    def _compare(self, mode: str) -> None:
        canvas = self._window.canvas
        canvas.candidate.set_mode("off" if canvas.candidate.mode == mode else mode)
        self.refresh_candidates()

    # -- what they look like

    def refresh(self, *_news: object) -> None:
        """Enable what can be done now, and name what undo would take back."""
        w = self._window
        s, enable = w.session, w.commands.enable
        opened, reason = s.documents.current is not None, NO_IMAGE
        for name in ("file.export", "file.export_mask", "file.close", "view.fit", "view.actual", "view.flip_h",
                     "view.flip_v", "view.rotate", "view.mask", "view.synthetic", "tool.pan"):
            enable(name, opened, reason)
        count = len(s.documents.current.info.frames) if s.documents.current is not None else 0
        for name in ("slice.next", "slice.previous"):
            enable(name, count > 1, "One slice only" if opened else reason)
        grey = s.documents.current is not None and s.documents.current.info.colour == "grey"
        enable("tool.window", grey, "A colour image has no window" if opened else reason)
        writable = opened and not s.documents.read_only
        for name in ("tool.brush", "tool.eraser", "tool.fill", "tool.polygon", "tool.pick", "brush.grow",
                     "brush.shrink", "paint.clear", "file.remove_study"):
            enable(name, writable, "This window is read-only" if opened else reason)
        enable("generate.remove", s.generate.pictures.count > 0 and s.place == "generate" and not s.workspace.read_only,
               "This window is read-only" if s.workspace.read_only
               else "Go to the pictures first" if s.generate.pictures.count else "There are no pictures")
        for name, text, plain in (("edit.undo", s.painting.undo_name, "Undo"),
                                  ("edit.redo", s.painting.redo_name, "Redo")):
            w.commands.set_title(name, text or plain)
            seen = s.place not in ("generate", "models")  # nothing is undone that one cannot see
            enable(name, text is not None and seen and not s.documents.read_only,
                   f"Nothing of yours to {plain.lower()}" if seen else "Go to the image first")
        self.refresh_tools()
        self.refresh_candidates()

    def refresh_tools(self) -> None:
        for tool in TOOLS:
            self._window.commands[f"tool.{tool}"].setChecked(self._window.canvas.tools.tool == tool)

    def refresh_candidates(self) -> None:
        w = self._window
        staging = w.session.candidates
        chosen = staging.current is not None
        for name in ("candidate.accept", "candidate.discard", "candidate.more"):
            w.commands.enable(name, chosen and not w.session.documents.read_only, "No candidate is chosen")
        w.commands.enable("candidate.discard_all", bool(staging.results), "There are no candidates")
        for mode in COMPARES:
            name = f"compare.{mode}"
            w.commands.enable(name, chosen or mode == "off", "No candidate is chosen")
            w.commands[name].setChecked(w.canvas.candidate.mode == mode)
        w.commands.enable("compare.flicker", chosen, "No candidate is chosen")
