"""The exceptions that mtml_ros raises: one root, a few meanings under it."""


class MtmlError(Exception):
    """Root of all errors of this package; the message says what is wrong, where, what to do."""


class InputError(MtmlError):
    """Data from outside (a file, a cloud, an array) that cannot be used as it is."""


class ConfigurationError(MtmlError):
    """A setting (parameter, YAML file, option) that is unknown or out of its range."""


class CheckpointError(MtmlError):
    """Weights that are damaged, of a foreign format, or do not fit what they are used for."""


class MapFileError(MtmlError):
    """A saved map that is damaged, foreign, of another resolution, or outside its folder."""
