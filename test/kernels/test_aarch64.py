"""The kernels compile for aarch64 (Jetson), without a warning."""

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

COMPILER = "aarch64-linux-gnu-g++"  # `make test-slow` installs it
KERNELS = Path(__file__).resolve().parents[2] / "kernels"


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_kernels_compile_for_aarch64(tmp_path):
    # Python's headers are this machine's: both have 64 bits, and the same ones first
    configure = ["cmake", "-S", str(KERNELS), "-B", str(tmp_path), "-DCMAKE_SYSTEM_NAME=Linux",
                 "-DCMAKE_SYSTEM_PROCESSOR=aarch64", f"-DCMAKE_CXX_COMPILER={COMPILER}",
                 "-DCMAKE_CXX_FLAGS=-Werror", f"-DPython3_EXECUTABLE={sys.executable}",
                 f"-DPython3_INCLUDE_DIR={sysconfig.get_paths()['include']}"]  # fmt: skip
    subprocess.run(configure, check=True)
    subprocess.run(["cmake", "--build", str(tmp_path)], check=True)
    (module,) = tmp_path.glob("_kernels*.so")
    assert module.read_bytes()[18:20] == (183).to_bytes(2, "little")  # EM_AARCH64 of its ELF header
