"""What `make` does to a machine: scripts/prepare_machine, scripts/use_checkout.py, .ci/run."""

import os
import shutil
import stat
import subprocess
import sys

import pytest


@pytest.fixture
def machine(tmp_path, root):
    """A machine that the test makes up: only `tmp_path/bin` is on PATH; logs commands it runs."""
    programs = tmp_path / "bin"
    programs.mkdir()
    log = tmp_path / "log"
    log.touch()

    class Machine:
        def program(self, name, body):
            path = programs / name
            path.write_text(f"#!/bin/sh\n{body}\n")
            path.chmod(path.stat().st_mode | stat.S_IXUSR)

        def python(self, lacks_venv="", lacks_headers="", old=""):
            """A Python that fails where the named file exists not yet."""
            self.program(
                "python3",
                f"""case "$2" in
                *version_info\\ \\<*) {old or ":"} ;;
                *ensurepip*) {lacks_venv or ":"} ;;
                *Python.h*) {lacks_headers or ":"} ;;
                *python%d*) echo python3.11 ;;
                esac""",
            )

        def prepare(self):
            return subprocess.run(
                ["/bin/sh", str(root / "scripts" / "prepare_machine"), "python3"],
                env={"PATH": str(programs)},
                capture_output=True,
                text=True,
            )

        @property
        def log(self):
            return log.read_text()

    made = Machine()
    made.program("g++", ":")
    made.program("apt-get", f'echo "apt-get $*" >> {log}')
    made.program("env", 'while [ "${1#*=}" != "$1" ]; do shift; done; "$@"')
    made.program("id", "echo 1000")
    return made


def test_a_complete_machine_is_left_alone(machine):
    machine.python()
    done = machine.prepare()
    assert (done.returncode, done.stdout, done.stderr, machine.log) == (0, "", "", "")


def test_without_rights_one_line_says_what_to_install(machine):
    machine.python(lacks_venv="exit 1", lacks_headers="exit 1")
    done = machine.prepare()
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "sudo apt-get install python3.11-venv python3.11-dev" in done.stderr
    assert machine.log == ""


@pytest.mark.parametrize("rights", ["root", "sudo"])
def test_what_is_missing_is_installed_where_it_may_be(machine, tmp_path, rights):
    there = tmp_path / "installed"
    machine.python(lacks_venv=f"[ -e {there} ]")
    machine.program("apt-get", f'echo "$*" >> {tmp_path / "log"}; : > {there}')
    if rights == "root":
        machine.program("id", "echo 0")
    else:
        machine.program("sudo", '[ "$1" = -n ] && shift; [ "$1" = true ] || "$@"')
    done = machine.prepare()
    assert done.returncode == 0, done.stderr
    assert "install -y --no-install-recommends python3.11-venv\n" in machine.log


def test_an_interpreter_that_stays_incomplete_is_reported(machine):
    """One from elsewhere than Debian: apt-get cannot complete it."""
    machine.python(lacks_headers="exit 1")
    machine.program("id", "echo 0")
    done = machine.prepare()
    assert done.returncode == 1
    assert "make PYTHON=/usr/bin/python3" in done.stderr


def test_an_old_python_is_refused(machine):
    machine.python(old="exit 1")
    done = machine.prepare()
    assert done.returncode == 1
    assert "Python 3.10 or newer" in done.stderr
    assert machine.log == ""


def test_the_environment_runs_the_checkout_with_the_installed_messages(root, tmp_path, monkeypatch):
    """As `make` leaves it: an installed copy, and the checkout, whose files may be newer."""
    monkeypatch.delenv("PYTHONPATH", raising=False)  # a workspace's would come first
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    python = environment / "bin" / "python"
    where = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    site = subprocess.run(where, check=True, capture_output=True, text=True).stdout.strip()
    installed = os.path.join(site, "mtml_ros")
    os.makedirs(os.path.join(installed, "msg"))
    shutil.copy(root / "mtml_ros" / "__init__.py", installed)
    with open(os.path.join(installed, "msg", "__init__.py"), "w") as file:
        file.write("GENERATED = True\n")
    subprocess.run([python, root / "scripts" / "use_checkout.py"], check=True)
    program = (
        "import mtml_ros, mtml_ros.core.errors, mtml_ros.msg\n"
        "print(mtml_ros.core.errors.__file__)\nprint(mtml_ros.msg.__file__)"
    )
    done = subprocess.run(
        [python, "-c", program], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    code, messages = done.stdout.split()
    assert code == str(root / "mtml_ros" / "core" / "errors.py")
    assert messages == os.path.join(installed, "msg", "__init__.py")


def test_ci_runs_make_test_wherever_it_is_called_from(root, tmp_path):
    make = tmp_path / "make"
    make.write_text('#!/bin/sh\necho "$PWD: $*"\nexit 7\n')
    make.chmod(0o755)
    done = subprocess.run(
        ["bash", str(root / ".ci" / "run")],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
    )
    assert done.stdout == f"{root}: test\n"
    assert done.returncode == 7  # a failure of the tests is CI's
