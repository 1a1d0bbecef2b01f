import json
from collections.abc import Callable

import pytest

from benchmarks import throughput


def test_simulated_corpus(main: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--batch-size", 2, "--steps", 1, "--warmup", 0, "--chunk-nt", 4096)
    main(throughput, "--simulate", 20, *options)
    result = json.loads(capsys.readouterr().out)
    assert (result["transcripts"], result["pairs"], result["steps"]) == (20, 2, 1)
    assert result["nt_per_second"] > 0
    assert result["peak_bytes"] > 1e7


@pytest.mark.parametrize("corpora", [(), ("corpus", "--simulate", 20)])
def test_one_corpus(main: Callable[..., None], corpora: tuple[object, ...]) -> None:
    with pytest.raises(SystemExit):
        main(throughput, *corpora, "--batch-size", 2)
