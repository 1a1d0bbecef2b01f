from pathlib import Path
from typing import Any

import pytest
from matplotlib.image import imread

from isoclr.corpus import build, plot
from isoclr.corpus.plotting import check_plot
from isoclr.errors import InputError


def test_a_picture_is_drawn(world: Any, tmp_path: Path) -> None:
    corpus = build(out=tmp_path / "c", species="human", transcripts=world.transcripts)
    plot(corpus, tmp_path / "new" / "p.png")
    picture = imread(tmp_path / "new" / "p.png")
    assert picture.shape[0] > 300
    assert picture.std() > 0.05
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["p.png"]


@pytest.mark.parametrize("name", ["p.foo", "p", "folder.png", "file/p.png"])
def test_a_picture_that_cannot_be_written(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match=str(tmp_path / name)):
        check_plot(tmp_path / name)
