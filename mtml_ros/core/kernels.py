"""The compiled kernels (kernels/), or word of how to build them."""

try:
    from mtml_ros import _kernels as kernels
except ImportError as error:
    raise ImportError(
        "mtml_ros's compiled kernels are missing or older than its Python files: build them with "
        f"`make venv`, `pip install .` or `colcon build` ({error})"
    ) from error

__all__ = ["kernels"]
