"""``bartizan explain`` from end to end: on a classifier trained in a second, and on real footage where it is there."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from lab.explain.command import app
from lab.train.classify.export import write_graph, write_weights
from lab.train.classify.network import build
from pipeline.errors import UsageError

SIZE = (48, 48)


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("BARTIZAN_CACHE", str(folder))
        yield folder


def crop(random: np.random.Generator, *, bright: bool) -> Any:
    """Noise; with a bright square in its lower right where ``bright``."""
    pixels = random.integers(60, 120, (*SIZE, 3), np.uint8)
    if bright:
        top, left = random.integers(24, 32, 2)
        pixels[top : top + 14, left : left + 14] = 250
    return pixels


def sample(random: np.random.Generator, *, bright: bool) -> Any:
    """A crop to learn from. Of those without a square half are blurred, for that is how pixels are taken away."""
    import cv2

    if bright or random.random() < 0.5:
        return crop(random, bright=bright)
    return cv2.GaussianBlur(crop(random, bright=bool(random.integers(2))), (0, 0), float(random.uniform(6, 16)))


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a classifier that learnt to see bright squares."""
    import torch

    torch.manual_seed(0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # more only get in one another's way on a busy machine
    random = np.random.default_rng(0)
    network = build("small", 2)
    network.train()
    optimiser = torch.optim.Adam(network.parameters(), 3e-3)
    for _ in range(120):
        labels = random.integers(0, 2, 24)
        crops = np.stack([sample(random, bright=bool(label)) for label in labels])
        pictures = torch.from_numpy(crops[..., ::-1].transpose(0, 3, 1, 2).copy()).float() / 255
        loss = torch.nn.functional.cross_entropy(network(pictures)[0], torch.from_numpy(labels))
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # untyped in torch
        optimiser.step()
    torch.set_num_threads(threads)
    folder = tmp_path_factory.mktemp("run")
    card = {
        "kind": "classify", "names": ["dark", "bright"], "attribute": "light", "temperature": 1.0, "size": SIZE,
        "network": "small", "margin": 0.0,
    }  # fmt: skip
    write_graph(network.eval(), folder / "model.onnx", card)
    write_weights(network, folder / "model.safetensors", card)
    return folder


@pytest.fixture(scope="session")
def bright(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import cv2

    path = tmp_path_factory.mktemp("crops") / "bright.png"
    cv2.imwrite(str(path), crop(np.random.default_rng(9), bright=True))
    return path


def call(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.mark.parametrize("method", ["rise", "layercam"])
def test_a_classifier_is_explained_by_what_it_was_taught(run: Path, bright: Path, tmp_path: Path, method: str) -> None:
    words = ("--method", method, "--class", "bright", "--masks", 300, "--rivals", 20, "--require")
    result = call("classify", run, bright, "--out", tmp_path, *words)
    assert result.exit_code == 0, result.output
    assert "explains more than chance" in result.output
    (facts,) = json.loads((tmp_path / "explain.json").read_text())
    assert (facts["class"], facts["explains"]) == ("bright", True)
    assert facts["insertion"] > facts["deletion"]
    for name in ("map-0.png", "curves-0.png", "report.html", "run.json"):
        assert (tmp_path / name).stat().st_size > 0
    assert "explains more than chance" in (tmp_path / "report.html").read_text()


def test_equal_seeds_give_equal_results(run: Path, bright: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert call("classify", run, bright, "--out", tmp_path / name, "--masks", 50).exit_code == 0
    assert (tmp_path / "a/explain.json").read_bytes() == (tmp_path / "b/explain.json").read_bytes()


def test_what_cannot_be_explained_gives_one_line(run: Path, bright: Path, tmp_path: Path) -> None:
    for words, message in (
        (("classify", run, tmp_path / "none.png"), "there is no such file"),
        (("classify", run, bright, "--class", "red"), "the classifier knows dark, bright"),
        (("classify", run, bright, "--frame", "3"), "is a picture, --frame is for recordings"),
    ):
        result = call(*words)
        assert isinstance(result.exception, UsageError), result.output
        assert message in str(result.exception)
        assert "\n" not in str(result.exception)


def test_a_graph_alone_has_no_gradients(run: Path, bright: Path, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes((run / "model.onnx").read_bytes())
    result = call("classify", tmp_path / "model.onnx", bright, "--method", "gradcam")
    assert isinstance(result.exception, UsageError)
    assert "take --method rise" in str(result.exception)


@pytest.mark.slow
@pytest.mark.footage
@pytest.mark.parametrize("method", ["drise", "layercam"])
def test_a_person_is_found_for_being_a_person(footage: Path, tmp_path: Path, method: str) -> None:
    video = footage / "videos/mot15/PETS09-S2L1/vtest.avi"
    model = footage / "weights/yolo26n-deq8.pt"
    words = ("--frame", 100, "--method", method, "--masks", 120, "--steps", 5, "--imgsz", 480, "--require")
    result = call("detect", model, video, *words, "--out", tmp_path)
    assert result.exit_code == 0, result.output
    (facts,) = json.loads((tmp_path / "explain.json").read_text())
    assert facts["class"] == "person"
    assert facts["gain"] > 0.4


@pytest.mark.footage
def test_features_are_asked_of_a_checkpoint_only(footage: Path) -> None:
    from lab.explain.detector_network import DetectorNetwork

    with pytest.raises(UsageError, match="take --method drise"):
        DetectorNetwork(Path("model.xml"), imgsz=640)
