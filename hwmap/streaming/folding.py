"""How an op is folded: what its kernel computes per trip."""

from dataclasses import dataclass

from hwmap.streaming.units import Multiplier, Storage


@dataclass(frozen=True)
class Folding:
    """The kernel of the op `op`: `pe` output channels of `pixels` neighbouring pixels per trip,
    from `simd` channels of `taps` columns of `rows` rows of the window. `pe` are the lanes of a
    kernel that has no dot products. `multiplier` is what multiplies, `weights` what holds the
    weights, and `constants` what the results of each channel are requantized with.
    """

    op: str
    pe: int
    simd: int = 1
    pixels: int = 1
    taps: int = 1
    multiplier: Multiplier = "dsp"
    weights: Storage = "bram"
    constants: Storage = "lutram"
    rows: int = 1
