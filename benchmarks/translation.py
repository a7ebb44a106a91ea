"""English to Hindi with a small encoder-decoder that is made here, with and without pretraining.

python -m benchmarks.translation [../shared]: the model is first pretrained on the texts of both languages
alone, a sentence with words left out and hidden to be made whole (as BART, Lewis et al. 2020,
arXiv:1910.13461), then fitted on the pairs of hindi_english; and it is fitted on them from random weights. Both
are fitted alike. Writes benchmarks/translation.md.
"""

import csv
import random
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

import zoo
from benchmarks.figures import table
from zoo.torchvision_clash import mend_torchvision

HERE = Path(__file__).parent
TASK = "sequence-to-sequence"
METRICS = ("loss", "token_accuracy", "chrf", "bleu")
SPECIAL = ("<pad>", "<s>", "</s>", "<unk>", "<mask>")
SETTINGS = {"length": 40, "beams": 1}
LONGEST, VOCABULARY, HIDDEN = 48, 2000, 0.3
TRAINING = {"lr": 2e-3, "batch_size": 32, "seed": 0, "warmup": 0.1}
PRETRAINING, FITTING = 12, 8  # epochs


def main(shared: Path) -> None:
    """Make the model, pretrain, fit twice, write."""
    mend_torchvision()
    start = time.perf_counter()
    rows: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        data = shared / "data" / "hindi_english"
        pairs = list(read(data / "train.tsv"))
        random_weights(work / "random", pairs)
        denoising(work / "texts", pairs)
        pretrained = fit(work / "random", work / "texts", work / "pretrained", PRETRAINING)
        print("pretraining", pretrained, flush=True)
        for label, backbone in (
            ("pretrained on the texts alone", work / "pretrained" / "artifact"),
            ("from random weights", work / "random"),
        ):
            columns = {"input_column": "en_0", "label_column": "hi"}
            rows[label] = fit(backbone, data, work / f"run-{backbone.name}", FITTING, **columns)
            print(label, rows[label], flush=True)
    write(rows, len(pairs), time.perf_counter() - start)


def read(path: Path) -> Iterable[tuple[str, str]]:
    """English and Hindi."""
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            yield row["en_0"], row["hi"]


def random_weights(folder: Path, pairs: list[tuple[str, str]]) -> None:
    """A BART of some 700,000 parameters, and a vocabulary of both languages."""
    raw = Tokenizer(models.BPE(unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.Metaspace()
    raw.decoder = decoders.Metaspace()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=list(SPECIAL), show_progress=False
    )
    raw.train_from_iterator((text for pair in pairs for text in pair), trainer)
    raw.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 2)]
    )
    names = ("pad", "bos", "eos", "unk", "mask")
    marks = {f"{name}_token": mark for name, mark in zip(names, SPECIAL, strict=True)}
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=raw, model_max_length=LONGEST, **marks
    )
    sizes = {
        f"{side}_{what}": size
        for side in ("encoder", "decoder")
        for what, size in (("layers", 2), ("attention_heads", 4), ("ffn_dim", 256))
    }
    ids = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 2}
    torch.manual_seed(0)
    config = transformers.BartConfig(
        vocab_size=len(tokenizer), d_model=96, max_position_embeddings=64, **sizes, **ids
    )
    transformers.BartForConditionalGeneration(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def denoising(folder: Path, pairs: list[tuple[str, str]]) -> None:
    """Sentences of both languages beside themselves with words hidden or left out."""
    folder.mkdir()
    drawn = random.Random(0)
    with (folder / "train.tsv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t")
        writer.writerow(["source", "target"])
        for text in (text for pair in pairs for text in pair):
            words = [spoilt(word, drawn) for word in text.split()]
            writer.writerow([" ".join(filter(None, words)) or "<mask>", text])


def spoilt(word: str, drawn: random.Random) -> str:
    """The word, or what stands in its place."""
    if drawn.random() >= HIDDEN:
        return word
    return "<mask>" if drawn.random() < 0.7 else ""


def fit(backbone: Path, data: Path, out: Path, epochs: int, **columns: str) -> dict[str, float]:
    """Metrics on the test split of a fit."""
    found = zoo.load_data(data, task=TASK, **columns)
    adapter = zoo.adapter("finetune", {"layer_decay": 1.0})
    model = zoo.compose(f"hf:{backbone}", adapter, zoo.task(TASK, labels=(), **SETTINGS))
    run = zoo.fit(model, found, out, epochs=epochs, patience=epochs, **TRAINING)
    by_split = {r.split: r.metrics for r in run.record.results if r.model == "this model"}
    return by_split.get("test", by_split["val"])


def write(rows: dict[str, dict[str, float]], count: int, seconds: float) -> None:
    """Write benchmarks/translation.md."""
    lines = [
        "# English to Hindi",
        "",
        f"`python -m benchmarks.translation`: hindi_english, {count} pairs (source `en_0`), {FITTING} epochs, "
        "measured on the 1083 pairs of its test split, greedy; a BART of 2 + 2 layers and a vocabulary of "
        f"{VOCABULARY}. Pretraining: {PRETRAINING} epochs of the sentences of the training split, each language by "
        f"itself, to be made whole. {seconds:.0f} s in all. The loss is teacher-forced, in nats a token.",
        "",
        *table(rows, METRICS),
        "",
    ]
    (HERE / "translation.md").write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parents[1] / "shared")
