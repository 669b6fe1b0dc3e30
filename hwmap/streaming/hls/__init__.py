"""A Design as the files of a project."""

from hwmap.streaming.hls.render import render

__all__ = ["render"]
