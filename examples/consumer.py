"""What somebody else does: pull models by name and ask them.

Reads ``{"owner/name": [inputs]}`` as JSON from standard input and writes each model's labels and
logits. The demo runs this in a process of its own with an empty cache.
"""

import json
import sys

import zoo
from zoo.data.samples import Samples


def main() -> None:
    answers = {}
    for repo, inputs in json.load(sys.stdin).items():
        model = zoo.pull(repo)
        logits = model.logits(Samples(inputs, model.backbone.contract))[model.task.name]
        labels = [prediction.label for prediction in model.task.decode(logits)]
        answers[repo] = {"labels": labels, "logits": logits.tolist()}
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
