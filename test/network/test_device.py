"""Devices by name; those that are not there are refused."""

import pytest
import torch

from mtml_ros.core.errors import ConfigurationError
from mtml_ros.network.device import choose_device

CPU = torch.device("cpu")


def test_devices():
    assert choose_device("cpu") == CPU
    assert choose_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(ConfigurationError, match="tpu"):
        choose_device("tpu")


def test_cuda_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigurationError, match="no CUDA device"):
        choose_device("cuda")


@pytest.mark.parametrize(("count", "good"), [(1, False), (2, True)])
def test_one_of_several_devices_is_taken_if_it_is_there(monkeypatch, count, good):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    if good:
        assert choose_device("cuda:1") == torch.device("cuda", 1)
    else:
        with pytest.raises(ConfigurationError, match=f"{count} CUDA device"):
            choose_device("cuda:1")
