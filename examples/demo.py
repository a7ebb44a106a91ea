"""The whole of zoo in three minutes, on real data, with no network: fit, compare, push, pull, predict.

Every line after a ``$`` is a command that can be typed as it stands. ``make demo`` runs this.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

OUT = Path("demo-out")
ADAPTERS = ("linear-probe", "lora")
PROBLEMS = {
    # name: (data, backbone, share of rows to test on)
    "sentences": (OUT / "sentences.csv", "minilm", 0.4),
    "digits": (OUT / "digits", "digits", None),
}
SHORTER = {"sentences": ("--epochs", 8)}  # lest the untrained encoder takes all the time there is
RUNS = {f"{name}-{adapter}": (name, adapter) for name in PROBLEMS for adapter in ADAPTERS}
TOLERANCE = 1e-5
ZOO = os.path.relpath(Path(sys.executable).parent / "zoo")


def main() -> None:
    start = time.monotonic()
    # Threads that wait should not keep the cores from others; read when torch is first imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    prepare()
    from zoo.hub.server import EmbeddedHub

    with EmbeddedHub(OUT / "hub") as hub:
        os.environ["HF_ENDPOINT"] = hub.url  # read when huggingface_hub is first imported
        fit()
        compare()
        share()
        prove()
    farewell(time.monotonic() - start)


def prepare() -> None:
    """Write the data, in a clean directory."""
    from digits import CLASSES, PER_CLASS, write_folder
    from docstrings import TOPICS, write_table

    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir()
    os.environ["HF_HOME"] = str(OUT.resolve() / "author-cache")
    title("1. Data: both sets are real, and made from what is installed here")
    sentences, digits = (data for data, _, _ in PROBLEMS.values())
    write_table(sentences, rows_per_topic=50)
    print(f"{sentences}: first sentences of docstrings in installed libraries, labelled by what")
    print(f"the library is for: {', '.join(TOPICS)}.")
    write_folder(digits)
    print(f"{digits}/: handwritten digits {CLASSES[0]} to {CLASSES[-1]} (scikit-learn's),", end=" ")
    print(f"{PER_CLASS['train']} of each to learn from.\nThe backbone has only ever seen 0 to 4.")


def fit() -> None:
    """Adapt each backbone in both ways; one run also trains the same architecture untrained."""
    for number, name in enumerate(PROBLEMS, start=2):
        data, backbone, test = PROBLEMS[name]
        title(f"{number}. Fit {name}: the {backbone} backbone with each of two adapters")
        for adapter in ADAPTERS:
            options = ["--test-fraction", test] if test else []
            if adapter == "lora":
                options += [*SHORTER.get(name, ()), "--baseline", "scratch"]
            out = OUT / "runs" / f"{name}-{adapter}"
            parts = ("--backbone", backbone, "--adapter", adapter)
            run("fit", data, *parts, *options, "--out", out)


def compare() -> None:
    """One table over all runs, from their records."""
    from zoo.report.record import read_record

    title("4. What pretraining is worth: accuracy on test rows that no model has seen")
    columns = ("majority class", "from scratch", *ADAPTERS)
    print(f"{'':12}{''.join(f'{c:>16}' for c in columns)}{'test rows':>12}")
    for name in PROBLEMS:
        shown = {}
        for adapter in ADAPTERS:
            record = read_record(OUT / "runs" / f"{name}-{adapter}")
            for result in record.results:
                if result.split == "test":
                    model = adapter if result.model == "this model" else result.model
                    shown[model] = result.metrics["accuracy"]
        print(f"{name:12}{''.join(f'{shown[c]:16.3f}' for c in columns)}{result.rows:12}")


def share() -> None:
    """Publish all four on a hub of our own."""
    title(f"5. Push to a hub: zoo's own, serving {OUT / 'hub'}/ in this process")
    for name in RUNS:
        run("push", OUT / "runs" / name, f"me/{name}")


def prove() -> None:
    """Pull with an empty cache in a fresh process and compare every answer with the author's."""
    import zoo
    from zoo.data.samples import Samples

    title("6. Pull in a fresh process with an empty cache, and compare every answer")
    rows = {name: test_rows(name) for name in PROBLEMS}
    got = consume({f"me/{name}": rows[problem] for name, (problem, _) in RUNS.items()})
    for name, (problem, adapter) in RUNS.items():
        model, theirs = zoo.load(OUT / "runs" / name), got[f"me/{name}"]
        logits = model.logits(Samples(rows[problem], model.backbone.contract))[model.task.name]
        labels = [prediction.label for prediction in model.task.decode(logits)]
        gap = (logits - logits.new_tensor(theirs["logits"])).abs().max().item()
        if labels != theirs["labels"] or gap > TOLERANCE:
            raise SystemExit(f"me/{name} answers differently: its logits differ by {gap:.1e}")
        print(f"me/{name}: {len(labels)} equal predictions; logits differ by at most {gap:.1e}")
        if adapter == ADAPTERS[-1]:
            for row in range(0, len(labels), len(labels) // 3):
                print(f"    {rows[problem][row]}  ->  {theirs['labels'][row]}")


def test_rows(problem: str) -> list[str]:
    """The inputs that no model was trained on."""
    import zoo

    data, _, test = PROBLEMS[problem]
    dataset = zoo.load_data(data, **({"test_fraction": test} if test else {}))
    return [str(row) for row in dataset.splits["test"].inputs]


def consume(asked: dict[str, list[str]]) -> dict[str, dict[str, list]]:
    """Ask ``examples/consumer.py``, which knows nothing but the hub's address."""
    answer = subprocess.run(
        [sys.executable, Path(__file__).with_name("consumer.py")],
        input=json.dumps(asked),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={**os.environ, "HF_HOME": str(OUT.resolve() / "consumer-cache")},
    )
    return json.loads(answer.stdout)


def farewell(seconds: float) -> None:
    title(f"Done in {seconds:.0f} s")
    for name in RUNS:
        folder = OUT / "runs" / name
        print(f"{name:24} report {folder / 'report.html'}   model {folder / 'artifact'}")
    digits = PROBLEMS["digits"][0] / "test" / "7"
    print("\nNext:")
    print(f"    {ZOO} predict {OUT / 'runs' / 'sentences-lora'} 'Draw a line between two points.'")
    print(f"    {ZOO} hub serve {OUT / 'hub'}    # and in another terminal:")
    print(f"    HF_ENDPOINT=http://127.0.0.1:8080 {ZOO} predict me/digits-lora {digits}")
    print(f"    {ZOO} fit YOUR-DATA --out runs/first    # a folder of images, or a table of texts")


def run(*words: object) -> None:
    """Run a command as if typed; in this process, which has the libraries imported already."""
    from zoo.cli import main as command

    arguments = [str(word) for word in words]
    print(f"\n$ {shlex.join([ZOO, *arguments])}")
    try:
        command(arguments)
    except SystemExit as end:
        if end.code:
            raise


def title(text: str) -> None:
    print(f"\n{text}\n{'─' * len(text)}")


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # keeps the order with stderr in a pipe
    main()
