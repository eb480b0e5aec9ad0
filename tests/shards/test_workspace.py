"""One run at a time, nothing half-written visible, and a switch that survives being killed at any moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from pipelines.errors import UserError
from pipelines.shards.workspace import Workspace, complete_switch, open_workspace, replaced

ROOT = Path(__file__).parents[2]

# A run in a process of its own. It kills itself right before the given change of the file system, counted from where it
# opens its workspace or from where it publishes; a negative number lets it live.
RUN = """
import os, signal, sys
from pathlib import Path
from pipelines.shards.workspace import open_workspace

output, fingerprint, overwrite, act, before = sys.argv[1:6]
left, counting, pausing = int(before), False, act == "pause"

def watch(event, args):
    global left, pausing
    if pausing and event == "fcntl.flock":
        pausing = False
        print("opened", flush=True)
        sys.stdin.readline()
    if counting and event in ("os.rename", "os.remove", "os.rmdir", "shutil.rmtree"):
        if left == 0:
            os.kill(os.getpid(), 9)
        left -= 1

sys.addaudithook(watch)
counting = act == "open"
with open_workspace(Path(output), fingerprint, overwrite == "overwrite") as workspace:
    print("locked", flush=True)
    if act == "wait":
        sys.stdin.read()
    if act == "publish":
        workspace.result.mkdir(exist_ok=True)
        for name in ("manifest.json", "data"):
            (workspace.result / name).write_text("new")
        counting = True
        workspace.publish()
"""


def command(
    output: Path, act: str, before: int = -1, *, overwrite: bool = True, fingerprint: str = "one"
) -> list[str]:
    mode = "overwrite" if overwrite else "keep"
    return [sys.executable, "-c", RUN, str(output), fingerprint, mode, act, str(before)]


def run(output: Path, act: str, before: int = -1, *, overwrite: bool = True) -> int:
    """Runs to the end, or to the kill; returns the exit status."""
    done = subprocess.run(
        command(output, act, before, overwrite=overwrite), cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode


def start(output: Path, act: str, fingerprint: str = "one") -> subprocess.Popen[str]:
    """A run that goes on when it is written to, or is killed."""
    waiting = command(output, act, fingerprint=fingerprint)
    pipe = subprocess.PIPE
    return subprocess.Popen(waiting, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


@contextmanager
def another_run(output: Path, fingerprint: str = "one") -> Iterator[subprocess.Popen[str]]:
    """A run in another process that holds the lock."""
    waiting = command(output, "wait", fingerprint=fingerprint)
    with subprocess.Popen(
        waiting, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        try:
            yield process
        finally:
            process.kill()


def finish(workspace: Workspace, text: str) -> None:
    workspace.result.mkdir(exist_ok=True)
    for name in ("manifest.json", "data"):
        (workspace.result / name).write_text(text)


def publish(output: Path, text: str, *, overwrite: bool = False, fingerprint: str = "one") -> None:
    with open_workspace(output, fingerprint, overwrite) as workspace:
        finish(workspace, text)
        workspace.publish()


def content(output: Path) -> str | None:
    """What the output holds: `None` if it is not there; a half-written one holds files that differ."""
    if not output.exists():
        return None
    found = {path.name: path.read_text() for path in output.iterdir()}
    assert set(found) == {"manifest.json", "data"}
    assert len(set(found.values())) == 1
    return found["data"]


def staging(output: Path) -> Path:
    return output.with_name(output.name + ".staging")


def test_what_is_published_is_the_result_and_nothing_else_stays(tmp_path: Path) -> None:
    publish(tmp_path / "out", "new")
    assert content(tmp_path / "out") == "new"
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]


def test_folders_above_the_output_are_made(tmp_path: Path) -> None:
    publish(tmp_path / "a" / "b" / "out", "new")
    assert content(tmp_path / "a" / "b" / "out") == "new"


def test_a_relative_output_is_where_it_was_when_the_run_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with open_workspace(Path("out"), "one", False) as workspace:
        finish(workspace, "new")
        os.chdir("/")
        workspace.publish()
    assert content(tmp_path / "out") == "new"


def test_nothing_is_visible_before_it_is_published(tmp_path: Path) -> None:
    output = tmp_path / "out"
    with open_workspace(output, "one", False) as workspace:
        finish(workspace, "new")
        assert content(output) is None
    assert content(output) is None


def test_an_existing_output_is_refused_and_left_alone(tmp_path: Path) -> None:
    output = tmp_path / "out"
    publish(output, "old")
    with pytest.raises(UserError, match="exists already"), open_workspace(output, "two", False):
        pass
    assert content(output) == "old"
    assert list(tmp_path.iterdir()) == [output]


def test_an_existing_output_is_replaced_when_asked(tmp_path: Path) -> None:
    output = tmp_path / "out"
    publish(output, "old")
    with open_workspace(output, "two", True) as workspace:
        finish(workspace, "new")
        assert content(output) == "old"
        workspace.publish()
    assert content(output) == "new"
    assert list(tmp_path.iterdir()) == [output]


def test_a_run_that_fails_publishes_nothing_and_leaves_its_work(tmp_path: Path) -> None:
    output = tmp_path / "out"

    def fail() -> None:
        with open_workspace(output, "one", False) as workspace:
            (workspace.folder / "done").write_text("work")
            raise RuntimeError("some fault")

    with pytest.raises(RuntimeError, match="some fault"):
        fail()
    assert content(output) is None
    with open_workspace(output, "one", False) as workspace:
        assert (workspace.folder / "done").read_text() == "work"


def test_work_of_other_fingerprints_is_removed(tmp_path: Path) -> None:
    output = tmp_path / "out"
    for fingerprint in ("one", "two"):
        with open_workspace(output, fingerprint, False) as workspace:
            (workspace.folder / "done").write_text(fingerprint)
    assert sorted(path.name for path in staging(output).iterdir()) == ["lock", "two"]


def test_a_refused_run_does_not_touch_the_work_of_a_killed_one(tmp_path: Path) -> None:
    output = tmp_path / "out"
    publish(output, "old")
    with open_workspace(output, "one", True) as workspace:
        (workspace.folder / "done").write_text("work")
    with pytest.raises(UserError, match="exists already"), open_workspace(output, "two", False):
        pass
    with open_workspace(output, "one", True) as workspace:
        assert (workspace.folder / "done").read_text() == "work"


def test_a_second_run_into_the_same_output_is_refused_while_the_first_lives(tmp_path: Path) -> None:
    output = tmp_path / "out"
    with another_run(output):
        for fingerprint in ("one", "two"):
            with pytest.raises(UserError, match="another run"), open_workspace(output, fingerprint, True):
                pass
        assert (staging(output) / "one").is_dir()
        publish(tmp_path / "other", "new")  # another output is free


def test_the_lock_dies_with_its_process(tmp_path: Path) -> None:
    output = tmp_path / "out"
    with another_run(output) as process:
        (staging(output) / "one" / "done").write_text("work")
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    with open_workspace(output, "one", False) as workspace:
        assert (workspace.folder / "done").read_text() == "work"


def test_a_lock_opened_while_the_first_run_ended_does_not_let_two_in(tmp_path: Path) -> None:
    output = tmp_path / "out"
    with ExitStack() as late:
        with open_workspace(output, "one", False) as first:
            second = late.enter_context(start(output, "pause", "two"))
            late.callback(second.kill)
            assert second.stdout is not None
            assert second.stdout.readline() == "opened\n"
            finish(first, "new")
            first.publish()
        with another_run(output, "three"):
            said, _ = second.communicate("go on\n", timeout=60)
            assert "locked" not in said


def test_an_output_that_cannot_be_written_is_an_error_for_the_person(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with (
        pytest.raises(UserError, match="cannot be written"),
        open_workspace(tmp_path / "file" / "out", "one", False),
    ):
        pass


def test_a_switch_cut_at_any_moment_is_completed_by_the_next_run(tmp_path: Path) -> None:
    killed = 0
    while True:
        output = tmp_path / f"out{killed}"
        publish(output, "old")
        if run(output, "publish", killed) == 0:
            break
        assert content(output) in (("old",) if killed == 0 else (None,) if killed == 1 else ("new",))
        with open_workspace(output, "one", True):  # the next run's first act
            assert content(output) == ("old" if killed == 0 else "new")
        publish(output, "newer", overwrite=True)
        assert content(output) == "newer"
        assert not staging(output).exists()
        killed += 1
    assert killed > 4  # two renames, and the removal of what is left


def test_a_first_publication_cut_at_any_moment_is_there_or_not(tmp_path: Path) -> None:
    killed = 0
    while True:
        output = tmp_path / f"out{killed}"
        if run(output, "publish", killed, overwrite=False) == 0:
            break
        assert content(output) == (None if killed == 0 else "new")
        publish(output, "newer", overwrite=True)
        assert content(output) == "newer"
        assert not staging(output).exists()
        killed += 1
    assert killed > 2


def test_the_completion_of_a_switch_may_itself_be_cut_at_any_moment(tmp_path: Path) -> None:
    killed = 0
    while True:
        output = tmp_path / f"out{killed}"
        publish(output, "old")
        assert run(output, "publish", 1) != 0  # between the two renames
        if run(output, "open", killed) == 0:
            break
        with open_workspace(output, "one", True):
            assert content(output) == "new"
        publish(output, "newer", overwrite=True)
        assert content(output) == "newer"
        assert not staging(output).exists()
        killed += 1
    assert content(output) == "new"
    assert killed > 2


def test_a_cut_switch_whose_result_was_lost_gives_the_old_output_back(tmp_path: Path) -> None:
    output = tmp_path / "out"
    publish(output, "old")
    assert run(output, "publish", 1) != 0
    (staging(output) / "one" / "result" / "manifest.json").unlink()
    with open_workspace(output, "one", True):
        assert content(output) == "old"


def test_a_run_that_may_not_overwrite_completes_a_cut_switch_all_the_same(tmp_path: Path) -> None:
    output = tmp_path / "out"
    publish(output, "old")
    assert run(output, "publish", 1) != 0
    with pytest.raises(UserError, match="exists already"), open_workspace(output, "one", False):
        pass
    assert content(output) == "new"


def test_a_switch_that_was_cut_is_completed_for_those_who_read(tmp_path: Path) -> None:
    """Whichever change of the file system the run did not come to any more."""
    moments = 0
    while True:
        folder = tmp_path / str(moments)
        output = folder / "out"
        output.mkdir(parents=True)
        (output / "data").write_text("old")
        status = run(output, "publish", moments)
        gone = not output.exists()
        assert replaced(output).is_dir() or not gone
        complete_switch(output)
        assert (output / "data").read_text() == ("old" if moments == 0 else "new")
        assert not gone or [path.name for path in folder.iterdir()] == ["out"]
        if status == 0:
            break
        moments += 1
    assert moments > 2


def test_a_switch_that_another_run_is_making_is_left_to_it(tmp_path: Path) -> None:
    output = tmp_path / "out"
    with another_run(output):
        replaced(output).mkdir(parents=True)
        with pytest.raises(UserError, match="another run is making it"):
            complete_switch(output)
