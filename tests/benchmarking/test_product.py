from pathlib import Path

from isoclr.benchmarking.product import Product


def test_a_product_is_made_once_and_named_before_it_is_made(tmp_path: Path) -> None:
    made: list[Path] = []

    def make(path: Path) -> None:
        made.append(path)
        path.write_text("x")

    product = Product(tmp_path / "models", "a model", {"seed": 1}, make, ".txt")
    key = product.key
    assert product.path() == product.path() == tmp_path / "models" / f"{key}.txt"
    assert len(made) == 1
    other = Product(tmp_path / "models", "a model", {"seed": 2}, make, ".txt")
    assert other.path() != product.path()


def test_what_is_not_whole_is_gone_on_with(tmp_path: Path) -> None:
    calls: list[int] = []

    def make(path: Path) -> None:
        path.mkdir(exist_ok=True)
        calls.append(1)
        if len(calls) == 2:
            (path / "done").touch()

    product = Product(
        tmp_path / "runs", "a run", {}, make, whole=lambda path: (path / "done").is_file()
    )
    product.path()
    product.path()
    product.path()
    assert len(calls) == 2
