from pathlib import Path

import pytest
import torch

from lab.train.detect.averaging import between
from lab.train.detect.network import load_network, write_network
from pipeline.errors import CannotStart


def test_classes_that_the_start_knows_keep_their_scores_wherever_they_move(start: Path) -> None:
    before, _ = load_network(start, ("person", "car", "dog"))
    after, known = load_network(start, ("dog", "person"))
    picture = torch.rand(1, 3, 96, 96)
    with torch.inference_mode():
        first, second = (network.eval()(picture)[1]["one2many"]["scores"] for network in (before, after))
    assert known == (True, True)
    assert torch.allclose(first[:, [2, 0]], second, atol=1e-4)


def test_an_unknown_class_starts_as_unlikely_as_the_least_likely(start: Path) -> None:
    network, known = load_network(start, ("person", "unicorn"))
    last = network.model[-1].cv3[0][-1]
    assert known == (True, False)
    assert last.bias.shape == (2,)
    assert last.bias[1] <= last.bias[0]


def test_what_is_written_is_read_back_with_its_names(start: Path, tmp_path: Path) -> None:
    network, _ = load_network(start, ("dog", "person"))
    write_network(network, tmp_path / "out.pt", facts={"imgsz": 96})
    again, _ = load_network(tmp_path / "out.pt", ("dog", "person"))
    assert again.names == {0: "dog", 1: "person"}
    for name, value in again.state_dict().items():
        assert torch.equal(value, network.state_dict()[name].half().float().to(value.dtype)), name


def test_what_is_written_does_not_say_where_it_was_made(start: Path, tmp_path: Path) -> None:
    network, _ = load_network(start, ("dog", "person"))
    network.pt_path = str(start)
    write_network(network, tmp_path / "out.pt", facts={"imgsz": 96})
    assert str(tmp_path).encode() not in (tmp_path / "out.pt").read_bytes()
    assert str(start.parent).encode() not in (tmp_path / "out.pt").read_bytes()


def test_a_file_that_is_no_checkpoint_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "not.pt").write_bytes(b"not a network")
    with pytest.raises(CannotStart, match=r"not\.pt"):
        load_network(tmp_path / "not.pt", ("person",))


def test_weights_lie_on_the_line_between_start_and_trained() -> None:
    start, trained = {"w": torch.zeros(2), "n": torch.tensor(1)}, {"w": torch.ones(2), "n": torch.tensor(5)}
    mixed = between(start, trained, 0.25)
    assert mixed["w"].tolist() == [0.25, 0.25]
    assert int(mixed["n"]) == 5
    with pytest.raises(ValueError, match="differ in other"):
        between(start, {**trained, "other": torch.ones(1)}, 0.5)
