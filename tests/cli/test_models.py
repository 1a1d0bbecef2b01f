import pytest

from isoclr.baselines.language_models.catalog import CATALOGUE
from isoclr.cli import main


def test_the_verb_names_every_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0
    out = capsys.readouterr().out
    lines = {line.split()[1]: line for line in out.splitlines() if line.startswith("│")}
    for entry in CATALOGUE.values():
        row = lines[entry.name]
        assert f"{entry.parameters:,}" in row
        assert f"{entry.dim:,}" in row
        assert (entry.revision or "–")[:8] in row
    assert "transformers" in lines["dnabert-6"]
    assert "1,000" in lines["nt-500m-1000g"]
