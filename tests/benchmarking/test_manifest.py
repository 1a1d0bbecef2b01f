from isoclr.benchmarking.manifest import _command, machine


def test_a_command_names_no_place_of_this_machine() -> None:
    told = _command(["benchmark", "runs/plan.toml", "--out", "/somewhere/else/out"])
    assert told == "isoclr benchmark runs/plan.toml --out out"


def test_a_machine_has_a_processor() -> None:
    facts = machine()
    assert facts["cores"] >= 1
    assert facts["cpu"]
