"""Token classification: entities against seqeval's, sub-words, spans of data, and bad ones."""

import json
import random

import pytest
import torch
from seqeval.metrics import f1_score, precision_score, recall_score
from seqeval.metrics.sequence_labeling import get_entities
from zoo_tasks.spans import Spans, chunks, words_of

import zoo
from tests.cli.commands import zoo as command
from zoo.errors import Incompatible, LabelProblem
from zoo.model import ComposedModel
from zoo.model.batches import Preprocessed
from zoo.model.lengths import long_in
from zoo.testing.reference import HeadOnly
from zoo.testing.subjects import reference_backbones

TAGS = ("O", "B-loc", "I-loc", "B-per", "I-per")


def tokens(**settings):
    return zoo.task("token-classification", labels=TAGS, **settings)


def drawn(seed, most=12):
    """Sentences of random tags, valid or not."""
    generator = random.Random(seed)
    return [[generator.choice(TAGS) for _ in range(generator.randint(1, most))] for _ in range(30)]


def logits_of(rows):
    """Logits that say these tags, filled up with zeros as a model's are."""
    most = max(map(len, rows))
    logits = torch.zeros(len(rows), most, len(TAGS))
    for at, tags in enumerate(rows):
        for word, tag in enumerate(tags):
            logits[at, word, TAGS.index(tag)] = 5.0
    return logits


@pytest.mark.parametrize("seed", range(5))
def test_entities_are_those_of_seqeval(seed):
    for tags in [*drawn(seed), ["O"], [], ["E-x", "E-x"], ["S-x", "I-x"], ["B-x", "E-x", "I-x"]]:
        expected = [(first, last + 1, kind) for kind, first, last in get_entities(tags)]
        assert chunks(tags) == expected


@pytest.mark.parametrize("found", ["drawn", "right", "nothing"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
def test_metrics_are_those_of_seqeval(found):
    true = drawn(1)
    other = {
        "drawn": [[random.Random(at).choice(TAGS) for at in range(len(row))] for row in true],
        "right": true,
        "nothing": [["O"] * len(row) for row in true],
    }[found]
    task = tokens()
    ours = task.metrics(logits_of(other), task.targets([json.dumps(row) for row in true]))
    for name, theirs in (
        ("precision", precision_score),
        ("recall", recall_score),
        ("f1", f1_score),
    ):
        assert ours[name] == pytest.approx(theirs(true, other, zero_division=0))


def test_nothing_to_find_is_measured():
    task = tokens()
    found = task.metrics(logits_of([["O", "B-loc"]]), task.targets(['["O", "O"]']))
    assert (found["precision"], found["recall"], found["f1"]) == (0.0, 0.0, 0.0)
    empty = task.metrics(torch.zeros(1, 0, 5), task.targets(["[]"]))
    assert empty["f1"] == 0.0


def test_padding_has_no_part_in_the_loss():
    task = tokens()
    targets = task.targets(['["O", "B-loc", "I-loc"]', '["B-per"]'])
    logits = torch.randn(2, 3, 5, requires_grad=True)
    task.loss(logits, targets).backward()
    assert not logits.grad[1, 1:].any()
    assert logits.grad[1, 0].any()
    by_units = task.loss(logits[targets >= 0], task.units(targets))
    assert by_units.item() == pytest.approx(task.loss(logits, targets).item())
    assert torch.equal(task.by_row(logits[targets >= 0], targets)[0], logits[0])


def test_a_word_is_its_first_token_wherever_its_row_stands():
    backbone = reference_backbones()["reference:text"]()
    task = tokens()
    model = ComposedModel(backbone, HeadOnly(), [task])
    text = "Zoë met Ann, in Rome."
    (ours,) = model.logits([text])[task.name]
    ready = backbone.preprocess(text)
    with torch.no_grad():
        vectors = backbone(backbone.preprocess.collate([ready])).tokens[0]
        # The beginning, then a byte each; ë has two.
        first = [1 + len(text[:start].encode()) for start, _ in words_of(text, {})]
        assert first == [1, 6, 10, 13, 15, 18, 22]
        expected = model.heads[task.name](vectors[first])
    assert torch.allclose(ours, expected, atol=1e-6)
    beside = model.logits([text, "a much longer text than that one, I am afraid"])[task.name][0]
    assert torch.allclose(beside[: len(first)], expected, atol=1e-5)


def read(backbone, text):
    """The windows of a text, and for each word its window and token."""
    words = tokens().preprocess(backbone.preprocess)
    ready = words(text)
    return words, ready, ready["words"].tolist()


def test_long_texts_are_read_in_windows_that_overlap():
    backbone = reference_backbones()["reference:text"]()
    task = tokens()
    model = ComposedModel(backbone, HeadOnly(), [task])
    text = " ".join(f"w{at}" for at in range(60)) + "."
    _, _, found = read(backbone, text)
    assert len(found) == 61
    assert {token > 0 for _, token in found} == {True}
    windows = [window for window, _ in found]
    assert windows == sorted(windows)
    assert windows[-1] > 2
    # But at the very beginning no word is read as the first of its window, without what precedes it.
    assert [token for _, token in found].count(1) == 1
    (logits,) = model.logits([text])[task.name]
    (entities,) = model.predict([text])
    assert logits.shape == (61, 5)
    assert all(text[e["start"] : e["end"]] == e["text"] for e in entities.data["entities"])
    both = model.logits(["Ann met Bob.", text])[task.name]
    assert torch.allclose(both[1], logits, atol=1e-5)
    assert long_in(backbone, Preprocessed([text], model.preprocess)) == 0


def test_a_short_text_is_read_as_it_stands():
    backbone = reference_backbones()["reference:text"]()
    _, ready, found = read(backbone, "  Ann met\tBob ")
    assert torch.equal(ready["0.ids"], backbone.preprocess("  Ann met\tBob ")["ids"])
    assert [window for window, _ in found] == [0, 0, 0]


@pytest.mark.parametrize("at", [0, 3, 40])
def test_a_word_longer_than_is_read_at_once_hides_none_after_it(at):
    backbone = reference_backbones()["reference:text"]()
    words = ["word"] * 50
    words[at] = "x" * 500
    _, _, found = read(backbone, " ".join(words))
    assert len(found) == 50
    assert all(token > 0 for _, token in found)


def test_words_without_a_token_are_answered_by_the_bias_alone():
    backbone = reference_backbones()["reference:text"]()

    class Latin(type(backbone.preprocess)):
        def __call__(self, sample):
            return super().__call__(sample.encode("ascii", "ignore").decode() or " ")

        def places(self, sample):
            found = super().places(sample)
            return found[[a == b or sample[a] < "z" for a, b in found.tolist()]]

    backbone.preprocess = Latin()
    task = tokens()
    model = ComposedModel(backbone, HeadOnly(), [task])
    bias = model.heads[task.name].bias.detach()
    for text, absent in (
        ("Ann é", [1]),
        ("é " * 90, [*range(90)]),
        ("é Ann " * 40 + "é é", [80, 81]),
    ):
        (found,) = model.logits([text])[task.name]
        assert all(torch.equal(found[at], bias) for at in absent)
    assert not torch.equal(found[1], bias)


def test_books_are_read_in_pieces():
    backbone = reference_backbones()["reference:text"]()
    text = "It is so. " * 1500
    _, ready, found = read(backbone, text)
    assert all(token > 0 for _, token in found)
    assert len(ready) == found[-1][0] + 2


def test_a_backbone_without_places_is_refused(tmp_path):
    class Nowhere(type(reference_backbones()["reference:text"]().preprocess)):
        def places(self, sample):
            return None

    backbone = reference_backbones()["reference:text"]()
    backbone.preprocess = Nowhere()
    with pytest.raises(Incompatible, match="does not say where in a text its tokens stand"):
        ComposedModel(backbone, HeadOnly(), [tokens()])


@pytest.mark.parametrize(
    ("label", "tags"),
    [
        ('[[0, 3, "per"], [8, 16, "loc"]]', ["B-per", "O", "B-loc", "I-loc", "O"]),
        ('[{"start": "8", "end": "11", "label": "loc"}]', ["O", "O", "B-loc", "O", "O"]),
        ('["B-per", "O", "O", "I-loc"]', ["B-per", "O", "O", "B-loc", "I-loc"]),
        ("[]", ["O"] * 5),
    ],
)
def test_spans_and_tags_become_tags_of_words(label, tags):
    assert json.loads(Spans({}).read(label, "Ann met New York.")) == tags


@pytest.mark.parametrize(
    ("label", "why"),
    [
        ('[[0, 30, "per"]]', "leaves the text, which has 17 characters"),
        ('[[0, 2, "per"]]', "cuts the word 'Ann'"),
        ('[[3, 4, "per"]]', "holds no word"),
        ('[[0, 7, "per"], [4, 7, "loc"]]', "overlaps another"),
        ('["O", "O"]', "2 tags for 4 tokens"),
        ('[[-2, 3, "per"]]', r"-2-3 \(per\) begins before the text"),
        ('[[3, 3, "per"]]', r"3-3 \(per\) is empty"),
    ],
)
def test_spans_that_do_not_fit_the_text_are_told(label, why):
    with pytest.raises(ValueError, match=why):
        Spans({}).read(label, "Ann met New York.")


@pytest.mark.parametrize(
    "label", ["Ann", '{"a": 1}', '[[3, 1, "x"]]', "[[1, 2]]", '["per"]', "[1]"]
)
def test_what_is_no_span_is_a_fault(label):
    assert Spans({}).fault(label)


CONLL = "-DOCSTART-\tO\n\nAnn\tB-per\nmet\tO\nNew\tB-loc\nYork\tI-loc\n.\tO\n\nHe\tO\nslept\tO\n"


def test_conll_files_are_texts_with_tags(tmp_path):
    (tmp_path / "train.conll").write_text(CONLL + "\n" + CONLL.replace("Ann", "Bob"))
    (tmp_path / "dev.conll").write_text(CONLL.replace("loc", "org"))
    with pytest.raises(LabelProblem, match=r"'org' at dev\.conll row 3"):
        zoo.load_data(tmp_path, task="token-classification")
    (tmp_path / "dev.conll").write_text(CONLL)
    found = zoo.load_data(tmp_path, task="token-classification")
    assert found.labels == TAGS
    assert list(found.splits["train"].inputs)[:2] == ["Ann met New York .", "He slept"]
    assert json.loads(found.splits["train"].labels[0]) == ["B-per", "O", "B-loc", "I-loc", "O"]
    (tmp_path / "dev.conll").write_text("Ann B-per\nmet\n")
    with pytest.raises(zoo.errors.UnreadableFiles, match="line 2 is not a token and its tag"):
        zoo.load_data(tmp_path, task="token-classification")


def test_a_run_finds_names_and_answers_the_same_when_loaded(tmp_path):
    names = ["Ann", "Bob", "Cleo", "Dora", "Emil", "Fritz", "Gina", "Hugo", "Ida", "Jan"]
    lines = []
    for at in range(60):
        name, verb = names[at % 10], ("met", "saw", "called")[at % 3]
        lines.append({"text": f"{name} {verb} a friend.", "entities": [[0, len(name), "per"]]})
    data = tmp_path / "names.jsonl"
    data.write_text("\n".join(map(json.dumps, lines)))
    words = (
        "fit", data, "--backbone", "nlp:minilm", "--task", "token-classification",
        "--adapter", "linear-probe", "--out", tmp_path / "run", "--json",
    )  # fmt: skip
    ended = command(*words)
    assert ended.code == 0, ended.err
    by_model = {r["model"]: r["metrics"] for r in ended.data["results"] if r["split"] == "test"}
    assert by_model["majority tag"]["f1"] == 0.0
    assert by_model["this model"]["f1"] > 0.9
    text = "Klara visited Otto, yesterday."
    (asked,) = command("predict", tmp_path / "run", text, "--json").data
    (again,) = zoo.load(tmp_path / "run").predict([text])
    assert asked == {"input": text, **again.as_dict()}
    for entity in asked["entities"]:
        assert entity["text"] == text[entity["start"] : entity["end"]]
    assert asked["label"].startswith("[per Klara] visited")
    data.write_text(data.read_text().replace("[0, 3,", "[0, 99,", 1))
    refused = command(*words, "--overwrite")
    assert refused.code == 2
    assert "leaves the text, which has 17 characters at names.jsonl row 1" in refused.err
