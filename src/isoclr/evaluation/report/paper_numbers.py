"""Published numbers of the paper (Fradkin et al. 2023, arXiv:2310.08738), shown for orientation."""

from typing import NamedTuple


class Published(NamedTuple):
    """Pearson's R and mean squared error of z-scored labels; ``spread`` is the ± of R over runs, where given."""

    r: float
    mse: float
    spread: float | None = None


HUMAN, MOUSE = "half-life human", "half-life mouse"

LINEAR_PROBE: dict[str, dict[str, Published]] = {
    "IsoCLR-S": {HUMAN: Published(0.6476, 0.5860), MOUSE: Published(0.6565, 0.5843)},
    "IsoCLR-M": {HUMAN: Published(0.6647, 0.5623), MOUSE: Published(0.6633, 0.5750)},
    "IsoCLR-L": {HUMAN: Published(0.6564, 0.5736), MOUSE: Published(0.6568, 0.5845)},
    "DNABERT-2": {HUMAN: Published(0.4375, 0.8417), MOUSE: Published(0.3781, 0.8304)},
    "NT-500m-1000g": {HUMAN: Published(0.2463, 1.0280), MOUSE: Published(0.2953, 0.9826)},
    "NT-500m-human-ref": {HUMAN: Published(0.4093, 0.8954), MOUSE: Published(0.4006, 0.8489)},
    "NT-2.5b-1000g": {HUMAN: Published(0.4099, 0.8914), MOUSE: Published(0.3745, 0.8549)},
    "NT-2.5b-multi-species": {HUMAN: Published(0.4752, 0.8862), MOUSE: Published(0.4426, 0.8807)},
    "HyenaDNA-32k": {HUMAN: Published(0.4532, 0.8273), MOUSE: Published(0.4449, 0.7728)},
    "HyenaDNA-160k": {HUMAN: Published(0.4595, 0.8053), MOUSE: Published(0.4589, 0.7876)},
    "HyenaDNA-450k": {HUMAN: Published(0.4462, 0.7996), MOUSE: Published(0.4602, 0.7989)},
    "RNA-FM": {HUMAN: Published(0.4729, 0.7849), MOUSE: Published(0.4384, 0.8305)},
}
"""Table 2: linear regression on frozen embeddings, one random 70/15/15 split."""

FINE_TUNED: dict[str, dict[str, Published]] = {
    "IsoCLR-S": {HUMAN: Published(0.76, 0.44, 0.008), MOUSE: Published(0.70, 0.53, 0.01)},
    "IsoCLR-M": {HUMAN: Published(0.74, 0.48, 0.007), MOUSE: Published(0.69, 0.56, 0.02)},
    "HyenaDNA-tiny": {HUMAN: Published(0.47, 0.79, 0.009), MOUSE: Published(0.48, 0.79, 0.02)},
    "HyenaDNA-small": {HUMAN: Published(0.46, 0.78, 0.005), MOUSE: Published(0.48, 0.78, 0.008)},
    "Supervised-S": {HUMAN: Published(0.71, 0.50, 0.008), MOUSE: Published(0.66, 0.59, 0.003)},
    "Supervised-M": {HUMAN: Published(0.63, 0.53, 0.03), MOUSE: Published(0.69, 0.64, 0.02)},
    "Saluki": {HUMAN: Published(0.76, 0.44, 0.01), MOUSE: Published(0.70, 0.55, 0.03)},
}
"""Table 3: networks trained on the labels."""

CORPUS: list[tuple[int, int, int, float, float]] = [
    (10, 228_800, 926_628, 4.0, 0.29),
    (2, 65_600, 286_390, 4.36, 0.41),
    (1, 42_800, 222_492, 5.19, 0.51),
]
"""Table 1: species, gene sets, transcripts, transcripts a gene set, share of gene sets with two or more."""
