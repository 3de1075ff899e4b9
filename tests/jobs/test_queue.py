"""The queue with real worker processes (without models): order, events, every way to fail."""

from __future__ import annotations

import os
import time
from dataclasses import replace

import psutil
import pytest

from medsynth_app.core.errors import UserError
from medsynth_app.core.job import EventKind, JobEvent, JobRecord, JobState, Lane
from medsynth_app.core.jobs.stored import to_parts
from medsynth_app.core.jobs.train import TrainRequest
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.jobs.running import Patience
from medsynth_app.jobs.store import MemoryJobStore
from tests.asking import generate_of
from tests.jobs.conftest import FAKE, Bench
from tests.jobs.fake_worker import SLOW

E = EventKind


def test_a_job_tells_its_whole_story_in_order_from_one_thread(bench: Bench) -> None:
    job = bench.submit(steps=4, seconds=0.06, count=2, preview_every=2)
    record = bench.end(job)
    assert record.state is JobState.DONE
    kinds = bench.kinds(job)
    assert kinds[:2] == [E.WAITING, E.STARTED] and kinds[-3:] == [E.RESULT, E.RESULT, E.DONE]
    assert kinds.count(E.PREVIEW) == 2
    results = bench.events(job, E.RESULT)
    assert [event.data["candidate"] for event in results] == [0, 1]
    assert results[1].arrays["picture"].tolist() == [[[1, 1, 1]] * 4] * 4
    assert bench.threads == {"job queue"}
    progress = bench.events(job, E.PROGRESS)
    assert [event.step for event in progress] == [1, 2, 3, 4]
    assert progress[2].seconds_left is not None and 0 < progress[2].seconds_left < 1


def test_every_state_is_stored_before_it_is_told(bench: Bench) -> None:
    good, bad = bench.submit(steps=2, seconds=0.1), bench.submit("user")
    bench.end(bad)
    assert bench.queue.state(good) is JobState.DONE
    for record, event, stored in bench.told:
        if event.kind in (E.STARTED, E.DONE, E.FAILED):
            expected = {E.STARTED: JobState.RUNNING, E.DONE: JobState.DONE, E.FAILED: JobState.FAILED}[event.kind]
            assert record.state is stored is expected


def test_the_worker_is_offline_and_holds_neither_torch_nor_the_parents_program(bench: Bench) -> None:
    job = bench.submit()
    bench.end(job)
    data = bench.events(job, E.DONE)[0].data
    assert data["offline"] == "1" and data["modules"] == []


def test_the_background_worker_is_niced(bench: Bench) -> None:
    front, back = bench.submit(), bench.submit(lane=Lane.BACKGROUND)
    bench.end(front)
    bench.end(back)
    nice = [bench.events(job, E.DONE)[0].data["nice"] for job in (front, back)]
    assert nice[1] > nice[0] or nice[1] == 19


def test_cancel_of_a_running_job_ends_within_a_step_and_keeps_the_worker(bench: Bench) -> None:
    job = bench.submit(steps=1000, seconds=0.1)
    bench.until_event(job, E.PROGRESS)
    pid = bench.queue._clients[Lane.INTERACTIVE].pid
    steps = bench.kinds(job).count(E.PROGRESS)
    bench.queue.cancel(job)
    assert bench.end(job).state is JobState.CANCELLED
    assert bench.kinds(job).count(E.PROGRESS) <= steps + 3     # what was under way when it was told
    follower = bench.submit()
    bench.end(follower)
    assert bench.events(follower, E.DONE)[0].data["pid"] == pid


def test_cancel_of_a_waiting_job_never_starts_it(bench: Bench) -> None:
    running, waiting = bench.submit(steps=1000, seconds=0.05), bench.submit()
    bench.until_event(running, E.STARTED)
    bench.queue.cancel(waiting)
    assert bench.end(waiting).state is JobState.CANCELLED
    bench.queue.cancel(running)
    bench.end(running)
    assert bench.kinds(waiting) == [E.WAITING, E.CANCELLED]
    bench.queue.cancel(waiting)  # again: nothing happens
    bench.queue.cancel("unknown")


def test_an_ignored_cancel_kills_the_worker_and_the_next_job_goes_on(bench: Bench) -> None:
    bench.queue.warm_up("a pack", "cpu")
    job, follower = bench.submit("ignore"), bench.submit()
    bench.until_event(job, E.PROGRESS)
    pid = bench.queue._clients[Lane.INTERACTIVE].pid
    assert pid is not None
    begun = time.monotonic()
    bench.queue.cancel(job)
    assert bench.end(job).state is JobState.CANCELLED
    assert time.monotonic() - begun > 0.5  # it was given its chance
    assert bench.end(follower).state is JobState.DONE
    assert bench.events(follower, E.DONE)[0].data["pid"] != pid and not psutil.pid_exists(pid)


def test_a_killed_worker_is_warmed_up_again(bench: Bench) -> None:
    bench.queue.warm_up("a pack", "cpu")
    job = bench.submit("ignore")
    bench.until_event(job, E.PROGRESS)
    bench.queue.cancel(job)
    bench.end(job)
    bench.until(lambda: len(bench.ready) == 2)
    assert bench.ready[0]["pid"] != bench.ready[1]["pid"] and bench.queue.info["pack"] == "a pack"


def test_a_checkpoint_is_waited_for_longer(bench: Bench) -> None:
    job = bench.queue.submit(TrainRequest("", "", "", max_minutes=1.5), title="train", lane=Lane.BACKGROUND)
    bench.until_event(job, E.PROGRESS)
    pid = bench.queue._clients[Lane.BACKGROUND].pid
    bench.queue.cancel(job)
    record = bench.end(job)
    assert record.state is JobState.CANCELLED and record.message == ""  # not "started anew"
    assert bench.queue._clients[Lane.BACKGROUND].pid == pid
    assert any(event.data.get("saving") for event in bench.events(job, E.PROGRESS))


def test_a_slow_step_is_given_twice_its_time() -> None:
    bench = Bench(patience=Patience(cancel=0.05, saving=5.0))
    bench.queue.start()
    try:
        job = bench.submit(steps=1000, seconds=0.5)
        bench.until_event(job, E.PROGRESS)
        bench.queue.cancel(job)
        record = bench.end(job)
        assert record.state is JobState.CANCELLED and record.message == ""
    finally:
        bench.queue.close()


@pytest.mark.parametrize(("script", "code"), [("exit", "7"), ("kill", "-9")])
def test_a_dead_worker_is_a_failed_job_and_the_next_goes_on(bench: Bench, script: str, code: str) -> None:
    job, follower = bench.submit(script), bench.submit()
    assert bench.end(job).state is JobState.FAILED
    event = bench.events(job, E.FAILED)[0]
    assert event.message and event.data["remedy"].startswith("Try again") and code in event.data["details"]
    assert bench.end(follower).state is JobState.DONE


@pytest.mark.parametrize("script", ["memory", "torch memory"])
def test_out_of_memory_is_told_in_words_and_the_worker_lives(bench: Bench, script: str) -> None:
    before = bench.submit()
    job, follower = bench.submit(script), bench.submit()
    bench.end(follower)
    event = bench.events(job, E.FAILED)[0]
    assert "memory" in event.message and "fewer or smaller pictures" in event.data["remedy"]
    assert bench.events(before, E.DONE)[0].data["pid"] == bench.events(follower, E.DONE)[0].data["pid"]


def test_errors_keep_their_words_and_lose_their_paths(bench: Bench) -> None:
    user, bug, leave = (bench.submit(script) for script in ("user", "bug", "leave"))
    bench.end(leave)
    told = bench.events(user, E.FAILED)[0]
    assert (told.message, told.data["remedy"]) == ("The pack is not there.", "Choose another one.")
    assert "somebody" not in told.data["details"]
    details = bench.events(bug, E.FAILED)[0].data["details"]
    assert "ValueError: cannot read" in details and "fake_worker.py" in details
    assert "medsynth_app/engine/worker.py" in details
    assert bench.events(bug, E.FAILED)[0].data["bug"].startswith("ValueError < ") and told.data["bug"] == ""
    assert not any(word in details for word in ("Doe", "Jane", "scans", "/home", os.getcwd()))
    assert bench.queue.state(leave) is JobState.FAILED


def test_waiting_jobs_run_in_the_order_that_was_made(bench: Bench) -> None:
    first = bench.submit(steps=1000, seconds=0.05)
    bench.until_event(first, E.STARTED)
    a, b, c = (bench.submit(name) for name in "abc")
    bench.queue.move(c, a)
    bench.queue.move(a, None)
    bench.queue.move(first, None)  # it runs: no-op
    assert [record.id for record in bench.queue.records()] == [first, c, b, a]
    assert [record.id for record in bench.store.records(JobState.WAITING)] == [c, b, a]
    for _ in range(60):  # halving the gap each time, until it is made anew
        bench.queue.move(b, c)
        bench.queue.move(c, b)
    assert [record.id for record in bench.store.records()] == [first, c, b, a]
    bench.queue.cancel(first)
    bench.end(a)
    assert [event.job_id for _, event, _ in bench.told if event.kind is E.DONE] == [c, b, a]


def test_retry_is_a_new_job_with_the_same_request(bench: Bench) -> None:
    job = bench.submit("user")
    bench.end(job)
    again = bench.queue.retry(job)
    assert again != job and bench.store.load(again)[0] == bench.store.load(job)[0]
    assert bench.end(again).state is JobState.FAILED and bench.queue.state(job) is JobState.FAILED
    bench.store._requests.clear()  # type: ignore[attr-defined]
    with pytest.raises(UserError, match="no longer stored"):
        bench.queue.retry(job)


def test_a_stored_request_that_cannot_be_read_fails_alone(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    lost, good = bench.submit(), bench.submit()
    bench.store._requests[lost] = ('{"kind": "of another age"}', {})  # type: ignore[attr-defined]
    bench.queue.start()
    try:
        assert bench.end(good).state is JobState.DONE
        assert bench.queue.state(lost) is JobState.FAILED
        assert "a stored request cannot be read: KeyError" in caplog.text
    finally:
        bench.queue.close()


def test_background_gives_way_and_says_so(bench: Bench) -> None:
    back = bench.queue.submit(TrainRequest("", "", ""), title="train", lane=Lane.BACKGROUND)
    bench.until_event(back, E.PROGRESS)
    front = bench.submit(steps=6, seconds=0.1)
    bench.end(front)
    bench.until(lambda: any(event.data.get("held") is False for event in bench.events(back, E.PROGRESS)))
    story = [(event.job_id, event.kind, event.data.get("held")) for _, event, _ in bench.told]
    held, released = story.index((back, E.PROGRESS, True)), story.index((back, E.PROGRESS, False))
    during = [item for item in story[held + 1:released] if item[0] == back]
    assert during == [] and story.index((front, E.DONE, None)) < released
    assert "interactive" in bench.events(back, E.PROGRESS)[[
        event.data.get("held") for event in bench.events(back, E.PROGRESS)].index(True)].message
    bench.queue.cancel(back)
    assert bench.end(back).state is JobState.CANCELLED


def test_a_held_job_can_be_cancelled_and_a_late_starter_is_held_too(bench: Bench) -> None:
    front = bench.submit(steps=1000, seconds=0.05)
    bench.until_event(front, E.PROGRESS)
    back = bench.submit(lane=Lane.BACKGROUND, steps=3)
    bench.until_event(back, E.PROGRESS)
    assert bench.events(back, E.PROGRESS)[-1].data["held"] is True
    bench.queue.cancel(back)
    assert bench.end(back).state is JobState.CANCELLED
    assert bench.queue.state(front) is JobState.RUNNING


@pytest.mark.parametrize("kind", [E.WAITING, E.STARTED, E.PROGRESS, E.RESULT, E.DONE])
def test_a_receiver_that_raises_fails_that_job_alone(bench: Bench, kind: EventKind,
                                                     caplog: pytest.LogCaptureFixture) -> None:
    def disturb(record: JobRecord, event: JobEvent) -> None:
        if event.kind is kind and record.title == "bad":
            raise OSError("no space left for '/home/somebody/x'")

    bench.disturb = disturb
    bad, good = bench.submit("bad", steps=3, seconds=0.05, count=1), bench.submit("good")
    assert bench.end(good).state is JobState.DONE
    assert bench.end(bad).state is JobState.FAILED
    assert bench.kinds(bad)[-1] is E.FAILED
    assert bench.store.records(JobState.FAILED)[0].id == bad
    assert "OSError" in caplog.text and "somebody" not in caplog.text and str(os.getcwd()) not in caplog.text


def test_a_receivers_own_words_are_kept(bench: Bench) -> None:
    def disturb(record: JobRecord, event: JobEvent) -> None:
        if event.kind is E.RESULT:
            raise UserError("The disk is full.", "Make room, then try again.")

    bench.disturb = disturb
    job = bench.submit(count=1)
    assert bench.end(job).message == "The disk is full."


def test_a_store_that_fails_does_not_stop_the_queue(bench: Bench, monkeypatch: pytest.MonkeyPatch,
                                                    caplog: pytest.LogCaptureFixture) -> None:
    def full(*args: object) -> None:
        raise OSError("full")

    job = bench.submit(steps=3, seconds=0.1)
    monkeypatch.setattr(bench.store, "update", full)
    assert bench.end(job).state is JobState.DONE
    assert "the job store: OSError" in caplog.text


def test_warm_up_tells_the_device_and_a_bad_pack_in_words(bench: Bench) -> None:
    bench.queue.warm_up("a pack", "cpu")
    bench.until(lambda: len(bench.ready) == 1)
    assert bench.queue.info["device"] == "cpu"
    bench.queue.warm_up("missing")
    bench.until(lambda: len(bench.ready) == 2)
    assert bench.ready[1] == {"error": "The pack is not there. Choose another one."}


def test_a_worker_that_dies_of_its_warm_up_costs_no_job(bench: Bench) -> None:
    for _ in range(2):
        bench.queue.warm_up("exit")
        assert bench.end(bench.submit()).state is JobState.DONE


def test_a_worker_that_dies_idle_costs_no_job(bench: Bench) -> None:
    for _ in range(3):
        assert bench.end(bench.submit()).state is JobState.DONE
        pid = bench.queue._clients[Lane.INTERACTIVE].pid
        assert pid is not None
        psutil.Process(pid).kill()


def test_a_job_behind_a_slow_warm_up_is_cancelled_at_once(bench: Bench) -> None:
    bench.queue.warm_up("slow")
    job = bench.submit()
    bench.until_event(job, E.STARTED)
    begun = time.monotonic()
    bench.queue.cancel(job)
    assert bench.end(job).state is JobState.CANCELLED
    assert time.monotonic() - begun < SLOW


def test_close_is_quick_and_what_was_open_runs_in_the_next_session() -> None:
    store = MemoryJobStore()
    first = Bench(store)
    first.queue.start()
    running, stuck = first.submit(steps=30, seconds=0.1), first.submit("ignore", lane=Lane.BACKGROUND)
    waiting = first.submit()
    first.until_event(running, E.PROGRESS)
    first.until_event(stuck, E.STARTED)
    workers = psutil.Process().children()
    first.queue.close()
    first.queue.close()
    assert not [worker for worker in workers if worker.is_running() and "spawn_main" in " ".join(worker.cmdline())]
    assert {record.state for record in store.records()} == {JobState.WAITING}
    with pytest.raises(RuntimeError):
        first.submit()
    second = Bench(store, lanes=(Lane.INTERACTIVE,))
    second.queue.start()
    try:
        assert second.end(waiting).state is JobState.DONE
        assert second.queue.state(running) is JobState.DONE  # it kept its place in front
        assert second.queue.state(stuck) is JobState.WAITING  # no such lane in this queue
    finally:
        second.queue.close()


def test_close_while_warming_up_or_before_the_start_is_immediate() -> None:
    never = Bench()
    never.submit()
    never.queue.close()
    bench = Bench()
    bench.queue.start()
    bench.queue.warm_up("slow")
    time.sleep(1)
    begun = time.monotonic()
    bench.queue.close()
    assert time.monotonic() - begun < SLOW


def test_a_job_that_ends_the_application_is_not_run_for_ever() -> None:
    store = MemoryJobStore()
    plain, arrays = to_parts(generate_of(prompt="x", steps=1, guidance=0.0, count=0))
    record = JobRecord("j", "generate", Lane.INTERACTIVE, "x", JobState.RUNNING, 1.0, "now")
    store.add(record, plain, arrays)
    store.add(replace(record, id="done", state=JobState.DONE, place=0.5), plain, arrays)
    for restarts, message in ((1, "Interrupted once"), (2, "Interrupted twice")):
        bench = Bench(store, lanes=(Lane.BACKGROUND,))  # so that it is taken up but does not run yet
        bench.queue.start()
        bench.until_event("j", E.WAITING)
        bench.queue.close()
        (waiting,) = store.records(JobState.WAITING)
        assert waiting.restarts == restarts and waiting.interruption.startswith(message)
        assert bench.events("j", E.WAITING)[0].message == waiting.interruption
        store.update("j", JobState.RUNNING, restarts=waiting.restarts)  # it ran, and we crashed
    bench = Bench(store)
    bench.queue.start()
    try:
        ended = bench.end("j")
        assert ended.state is JobState.FAILED and "not started again" in ended.message
        assert [item.id for item in bench.queue.records()] == ["done", "j"]
        assert bench.queue.wait("done", 1).state is JobState.DONE
        assert bench.end(bench.queue.retry("j")).state is JobState.DONE  # but it may be asked for again
    finally:
        bench.queue.close()


def test_a_running_job_keeps_its_count_of_restarts_while_it_runs() -> None:
    store = MemoryJobStore()
    plain, arrays = to_parts(generate_of(prompt="x", steps=1000, guidance=0.05, count=0))
    store.add(JobRecord("j", "generate", Lane.INTERACTIVE, "x", JobState.RUNNING, 1.0, "now"), plain, arrays)
    bench = Bench(store)
    bench.queue.start()
    bench.until_event("j", E.STARTED)
    assert store.records(JobState.RUNNING)[0].restarts == 1
    bench.queue.close()


def test_without_resume_earlier_jobs_stay_stored() -> None:
    store = MemoryJobStore()
    earlier = Bench(store)
    old = earlier.submit()
    earlier.queue.close()
    bench = Bench(store)
    bench.queue.start(resume=False)
    try:
        new = bench.submit()
        bench.end(new)
        assert [record.id for record in bench.queue.records()] == [new]
        assert store.records(JobState.WAITING)[0].id == old
    finally:
        bench.queue.close()


def test_wait_gives_up_at_its_timeout(bench: Bench) -> None:
    job = bench.submit(steps=1000, seconds=0.05)
    assert not bench.queue.wait(job, 0.2).state.ended


def test_a_worker_module_that_cannot_start_is_a_failed_job() -> None:
    told: list[JobEvent] = []
    queue = JobQueue(MemoryJobStore(), lambda record, event: told.append(event), worker_module="tests.no_such_module")
    queue.start()
    try:
        job = queue.submit(generate_of(prompt="x"), title="x")
        assert queue.wait(job, 20).state is JobState.FAILED
        assert told[-1].data["remedy"].startswith("Try again")
        with pytest.raises(ValueError, match="lane"):
            JobQueue(MemoryJobStore(), lambda record, event: None, lanes=(), worker_module=FAKE).submit(
                generate_of(prompt="x"), title="x")
    finally:
        queue.close()
