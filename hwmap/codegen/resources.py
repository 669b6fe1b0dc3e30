"""Where the templates and the C++ headers are: in the wheel, or in the source tree."""

from pathlib import Path


def data_directory(name: str) -> Path:
    """The directory `name` ("templates" or "hls")."""
    package = Path(__file__).resolve().parent.parent
    packed = package / "_data" / name
    return packed if packed.is_dir() else package.parent / name
