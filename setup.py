"""Installs with pip, where there is no ROS: builds with CMakeLists.txt against the ros-* wheels.

colcon never reads this file: package.xml declares ament_cmake.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import Distribution, find_packages, setup
from setuptools.command.build_py import build_py

NAME = "mtml_ros"
ROOT = Path(__file__).resolve().parent
VERSION = re.search(r"<version>(.+)</version>", (ROOT / "package.xml").read_text()).group(1)
# What CMake builds, by the Python package that comes of it. tf2_msgs is in no wheel, and without it
# no moving sensor's transforms could be heard.
SOURCES = {NAME: ROOT, "tf2_msgs": ROOT / "scripts" / "tf2_msgs"}
STAGED_PYTHON = "python"  # where CMake installs Python packages, inside its staging folder

REQUIREMENTS = [
    "click>=8.0",
    "matplotlib>=3.5",
    "numpy>=1.22",
    "pillow>=9.0",
    "pyyaml>=5.4",
    "rosbags>=0.10",
    "safetensors>=0.4",
    "scipy>=1.9",
    "torch>=2.2",
    "tqdm>=4.60",
]
ROS_RUNTIME = ("rclpy", "rmw-fastrtps-cpp", "common-interfaces")
EXTRAS = {
    "jazzy": [f"ros-jazzy-{name}" for name in ROS_RUNTIME],
    "kilted": [f"ros-kilted-{name}" for name in ROS_RUNTIME],
    # open3d-cpu is the same library, a tenth of the size, and exists for x86_64 only
    "simulation": [
        "open3d-cpu>=0.18; platform_machine == 'x86_64'",
        "open3d>=0.18; platform_machine != 'x86_64'",
    ],
    "train": ["tensorboard>=2.14"],
    "cluster": ["distributed>=2024.1"],
    "live": ["viser>=0.2"],
    "mesh": ["trimesh>=4.0"],
    "test": [
        "connected-components-3d>=3.12",  # what ours are compared with
        "distributed>=2024.1",
        "hypothesis>=6.80",
        "import-linter>=2.1",
        "mcap>=1.0",  # reads the bags that ours are written as
        "mypy>=1.10",
        "pybind11>=2.10",  # builds the kernels once more, under sanitizers
        "pytest>=7.4,<9",  # launch_testing's plugin breaks pytest 9
        "pytest-cov>=5.0",
        "pytest-timeout>=2.2",
        "ruff>=0.6",
        "scikit-learn>=1.3",
        "transforms3d>=0.4.1",
        "trimesh>=4.0",
        "types-PyYAML",
    ],
}

# The wheels that hold the message generators do not declare what they need to build against.
GENERATORS = (
    "ament-cmake",
    "ament-cmake-include-directories",
    "ament-cmake-pytest",
    "ament-package",
    "geometry-msgs",
    "rmw-fastrtps-cpp",
    "rosidl-core-generators",
    "rosidl-default-generators",
    "sensor-msgs",
    "std-msgs",
)
GENERATORS_OF = {
    "jazzy": (
        *GENERATORS,
        "ament-cmake-gmock",
        "ament-cmake-gtest",
        "ament-cmake-ros",
        "python-cmake-module",
    ),
    "kilted": (*GENERATORS, "ament-cmake-ros-core"),
}
RCLPY_MAJOR = {"7": "jazzy", "9": "kilted"}


def distro() -> str:
    """The ROS release to build for: MTML_ROS_DISTRO, else that of the rclpy wheel, else jazzy."""
    named = os.environ.get("MTML_ROS_DISTRO")
    if named:
        if named not in GENERATORS_OF:
            sys.exit(f"MTML_ROS_DISTRO is {named!r}; there are wheels for: jazzy, kilted")
        return named
    manifest = Path(sys.prefix) / "share" / "rclpy" / "package.xml"
    if manifest.is_file():
        major = re.search(r"<version>(\d+)", manifest.read_text()).group(1)
        return RCLPY_MAJOR.get(major, "jazzy")
    return "jazzy"


def generators_prefix() -> Path:
    """The folder that the ros-* wheels are installed under, in pip's build environment."""
    spec = importlib.util.find_spec("rosidl_cmake")
    if spec is None or spec.origin is None:
        sys.exit("the ROS message generators are missing; install with: pip install .")
    return Path(spec.origin).resolve().parents[4]  # PREFIX/lib/pythonX.Y/site-packages/NAME/file


class BuildWithCMake(build_py):
    """Packs what CMakeLists.txt installs."""

    def run(self) -> None:
        if self.editable_mode:
            sys.exit("editable installs cannot hold generated messages; see `make venv`")
        build = Path(self.get_finalized_command("build").build_temp).resolve() / "cmake"
        stage = build / "stage"
        shutil.rmtree(build, ignore_errors=True)
        for name, source in SOURCES.items():
            shutil.rmtree(Path(self.build_lib) / name, ignore_errors=True)
            self._cmake(source, build / name, stage)
            shutil.copytree(
                stage / STAGED_PYTHON / name,
                Path(self.build_lib) / name,
                ignore=shutil.ignore_patterns("*.c", "__pycache__"),
            )
        # Type support goes to PREFIX/lib, which the wheels put on LD_LIBRARY_PATH.
        for top in ("lib", "share", "include"):
            for folder, _, files in os.walk(stage / top):
                self.distribution.data_files.append(
                    (os.path.relpath(folder, stage), [os.path.join(folder, f) for f in files])
                )

    @staticmethod
    def _cmake(source: Path, build: Path, stage: Path) -> None:
        prefix = str(generators_prefix())
        environment = {**os.environ, "AMENT_PREFIX_PATH": prefix, "CMAKE_PREFIX_PATH": prefix}
        configure = [
            *("cmake", "-S", str(source), "-B", str(build), "-G", "Ninja"),
            "-DCMAKE_BUILD_TYPE=Release",
            "-DBUILD_TESTING=OFF",
            f"-DCMAKE_INSTALL_PREFIX={stage}",
            f"-DPYTHON_INSTALL_DIR={STAGED_PYTHON}",
            f"-DPython3_EXECUTABLE={sys.executable}",
            f"-DCMAKE_PROJECT_INCLUDE={ROOT / 'scripts' / 'ros_wheels.cmake'}",
        ]
        subprocess.check_call(configure, env=environment)
        install = ["cmake", "--build", str(build), "--target", "install"]
        subprocess.check_call(install, env=environment)


class PlatformDistribution(Distribution):
    """Marks the wheel as one for this machine only: it holds compiled type support."""

    def has_ext_modules(self) -> bool:
        return True


setup(
    name=NAME,
    version=VERSION,
    description="Separate objects in labelled 3D point clouds, live (MTML, ICCV 2019)",
    license="Apache-2.0",
    packages=find_packages(str(ROOT), include=[NAME, f"{NAME}.*"]),
    data_files=[],  # filled by BuildWithCMake
    python_requires=">=3.10",
    setup_requires=[f"ros-{distro()}-{name}" for name in GENERATORS_OF[distro()]],
    install_requires=REQUIREMENTS,
    extras_require=EXTRAS,
    entry_points={
        "console_scripts": [
            "mtml = mtml_ros.cli.main:main",
            "instance_segmentation_node = mtml_ros.ros.start:instance_segmentation_node",
            "scene_player = mtml_ros.ros.start:scene_player",
            "instance_recorder = mtml_ros.ros.start:instance_recorder",
        ]
    },
    cmdclass={"build_py": BuildWithCMake},
    distclass=PlatformDistribution,
    zip_safe=False,
)
