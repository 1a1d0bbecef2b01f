from pathlib import Path
from typing import Any

from matplotlib.image import imread

from isoclr.corpus import build, plot


def test_a_picture_is_drawn(world: Any, tmp_path: Path) -> None:
    corpus = build(out=tmp_path / "c", species="human", transcripts=world.transcripts)
    plot(corpus, tmp_path / "new" / "p.png")
    picture = imread(tmp_path / "new" / "p.png")
    assert picture.shape[0] > 300
    assert picture.std() > 0.05
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["p.png"]
