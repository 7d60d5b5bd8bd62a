"""One stack a folder, and what a second terminal learns about it."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from config.local.errors import LocalStackError
from config.local.state_dir import StateDir

HOLDER = """
import sys, time
from pathlib import Path
from config.local.state_dir import StateDir
StateDir(Path(sys.argv[1])).claim("http://127.0.0.1:8000")
print("claimed", flush=True)
time.sleep(600)
"""


def test_a_second_stack_in_one_folder_is_refused_until_the_first_is_gone(tmp_path: Path):
    home = StateDir(tmp_path)
    with subprocess.Popen([sys.executable, "-c", HOLDER, tmp_path], stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"claimed\n"
        assert home.is_claimed()
        with pytest.raises(LocalStackError, match=rf"already running .*process {first.pid}, http://127.0.0.1:8000"):
            home.claim("http://127.0.0.1:9000")
        first.kill()
    assert not home.is_claimed()
    home.claim("http://127.0.0.1:9000")


def test_the_environment_file_is_for_its_owner_alone_and_goes_at_the_end(tmp_path: Path):
    home = StateDir(tmp_path)
    values = {"DATABASE_URL": "postgres://settle:a=b@127.0.0.1:1/settle", "SETTLE_LOCAL": "1"}
    home.write_env(values)
    assert home.read_env() == values
    assert stat.S_IMODE(home.env_file.stat().st_mode) == 0o600
    home.forget_env()
    assert home.read_env() == {}
