from pathlib import Path

import pytest

from lab.settings import load
from lab.train.classify.settings import ClassifySettings
from pipeline.errors import BartizanError


def test_the_example_is_understood(root: Path) -> None:
    settings = load(root / "configs" / "lab" / "classify.yml", ClassifySettings)
    assert settings.attribute == "kind"
    assert [dict(source.classes) for source in settings.data.sources] == [{"Vehicle": "vehicle"}, {"person": "person"}]
    assert settings.weights == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("attribute: kind\ndata: {sources: [{}]}\n", "name either crops"),
        ("attribute: kind\ndata: {sources: [{crops: a, background: other}]}\n", "background needs boxes"),
        ("attribute: kind\ndata: {sources: [{crops: a, group: 'cam'}]}\n", "needs one group in brackets"),
        ("attribute: kind\ndata: {sources: [{crops: a}]}\nsize: [50, 64]\n", "multiples of 8"),
        ("attribute: kind\ndata: {sources: [{crops: a}]}\nnetwork: resnet19\n", "resnet18"),
    ],
)
def test_what_cannot_be_meant_is_named_with_its_place(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "classify.yml"
    file.write_text(text)
    with pytest.raises(BartizanError, match=message) as refused:
        load(file, ClassifySettings)
    assert "classify.yml:" in str(refused.value)
