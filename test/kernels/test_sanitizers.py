"""The kernels' tests once more, with the kernels built under AddressSanitizer and UBSan."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TESTS = (
    "test/core/test_instances.py",
    "test/kernels/test_convolution_kernels.py",
    "test/kernels/test_depth_image_kernels.py",
    "test/kernels/test_grouping_kernels.py",
    "test/kernels/test_lookup_kernels.py",
    "test/kernels/test_mask_kernels.py",
    "test/kernels/test_patch_sample_kernels.py",
    "test/kernels/test_thread_pool.py",
    "test/network/test_normalized_convolution.py",
    "test/network/test_sparse_ops.py",
    "test/segmentation/test_components.py",
    "test/segmentation/test_mean_shift.py",
    "test/segmentation/test_suppression.py",
)


def library(name: str) -> str:
    """Where the compiler keeps one of its libraries."""
    command = ["g++", f"-print-file-name={name}"]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_no_memory_error_and_no_undefined_behaviour(tmp_path):
    build, package = tmp_path / "build", tmp_path / "python" / "mtml_ros"
    configure = ["cmake", "-S", str(ROOT / "kernels"), "-B", str(build), "-DMTML_SANITIZE=ON"]
    subprocess.run([*configure, f"-DPython3_EXECUTABLE={sys.executable}"], check=True)
    subprocess.run(["cmake", "--build", str(build)], check=True)
    package.mkdir(parents=True)
    (module,) = build.glob("_kernels*.so")
    shutil.copy(module, package)
    # before the installed kernels, and Python's own leaks and torch's are not ours
    start = (
        f"import mtml_ros; mtml_ros.__path__.insert(0, {str(package)!r}); import sys, pytest; "
        f"from mtml_ros.core.kernels import kernels; assert {str(package)!r} in kernels.__file__; "
        "sys.exit(pytest.main(sys.argv[1:]))"
    )
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "LD_PRELOAD": f"{library('libasan.so')} {library('libstdc++.so.6')}",
        "ASAN_OPTIONS": "detect_leaks=0",
        "UBSAN_OPTIONS": "print_stacktrace=1",
    }
    command = [sys.executable, "-c", start, *TESTS, "-x"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:]
    assert "runtime error" not in done.stdout
