"""Every instruction set that this machine has, and threads put back as they were."""

import pytest

from mtml_ros.core.kernels import kernels


@pytest.fixture(params=kernels.instruction_sets())
def instruction_set(request):
    """Runs a test once on each."""
    kernels.use_instruction_set(request.param)
    yield request.param
    kernels.use_instruction_set(kernels.instruction_sets()[0])


@pytest.fixture
def set_threads():
    """`kernels.set_threads`, undone after the test."""
    before = kernels.get_threads()
    yield kernels.set_threads
    kernels.set_threads(before)
