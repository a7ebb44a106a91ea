"""What zoo-tasks provides."""

from __future__ import annotations

from dataclasses import replace

from zoo.plugin import Setting, TaskSpec, hookimpl

_LENGTH = Setting("length", 128, "most tokens of an answer that is made", minimum=1, maximum=8192)
_BEAMS = Setting(
    "beams",
    1,
    "beginnings of an answer that are followed; 1: the likeliest token each time",
    minimum=1,
    maximum=64,
)
_SMOOTHING = Setting(
    "label_smoothing",
    0.0,
    "share of the target spread over the whole vocabulary",
    minimum=0.0,
    maximum=0.9,
)

CAUSAL_LANGUAGE = TaskSpec(
    name="causal-language",
    loader="zoo_tasks.causal_language:CausalLanguage",
    labelling="zoo_tasks.language_data:Conversations",
    modalities=("text",),
    language="causal",
    summary="what comes next: texts, prompts and responses, chats",
    settings=(
        Setting(
            "form",
            "auto",
            "what is learned: whole texts, what follows a prompt, or a chat; auto: as the data is",
            choices=("auto", "text", "prompt", "chat"),
        ),
        _LENGTH,
        _BEAMS,
        _SMOOTHING,
    ),
)

CLASSIFICATION = TaskSpec(
    name="classification",
    loader="zoo_tasks.classification:Classification",
    modalities=("image", "text"),
    summary="one label per image or text",
    settings=(
        Setting(
            "class_weights",
            "none",
            "weigh classes in the loss: balanced gives rare classes the weight of common ones",
            choices=("none", "balanced"),
        ),
        Setting(
            "label_smoothing",
            0.0,
            "share of the target spread over all labels",
            minimum=0.0,
            maximum=0.9,
        ),
    ),
)

_ENCODER = Setting(
    "encoder",
    "bi",
    "bi: each text is read alone, by any backbone; cross: both at once, by transformers",
    choices=("bi", "cross"),
)

MASKED_LANGUAGE = TaskSpec(
    name="masked-language",
    loader="zoo_tasks.masked_language:MaskedLanguage",
    labelling="zoo_tasks.language_data:Texts",
    modalities=("text",),
    language="masked",
    summary="hidden words of texts without labels",
    settings=(
        Setting(
            "probability", 0.15, "share of tokens that are to be named", minimum=0.01, maximum=0.9
        ),
    ),
)

MULTILABEL = TaskSpec(
    name="multilabel",
    loader="zoo_tasks.multilabel:Multilabel",
    labelling="zoo_tasks.marks:Marks",
    summary="any number of labels per input; some may not be known",
    settings=(
        Setting(
            "loss",
            "bce",
            "binary cross-entropy, or asymmetric: easy negatives count for little",
            choices=("bce", "asymmetric"),
        ),
        Setting(
            "gamma_negative",
            4.0,
            "of the asymmetric loss: how little easy negatives count",
            minimum=0.0,
            maximum=10.0,
        ),
        Setting(
            "gamma_positive",
            0.0,
            "of the asymmetric loss: how little easy positives count",
            minimum=0.0,
            maximum=10.0,
        ),
        Setting(
            "thresholds",
            "tuned",
            "from which probability a label applies: tuned for F1 on validation rows, or half",
            choices=("tuned", "half"),
        ),
    ),
)

ORDINAL = TaskSpec(
    name="ordinal",
    loader="zoo_tasks.ordinal:Ordinal",
    labelling="zoo_tasks.grades:Grades",
    summary="one of several labels in an order: grades, stages, stars",
    settings=(
        Setting(
            "method",
            "corn",
            "corn, or coral: all steps share their weights",
            choices=("corn", "coral"),
        ),
        Setting("order", (), "of the grades, lowest first, where they are no numbers"),
    ),
)

PAIR_CLASSIFICATION = TaskSpec(
    name="pair-classification",
    loader="zoo_tasks.pairs:PairClassification",
    labelling="zoo_tasks.pair_labels:PairClasses",
    modalities=("text",),
    summary="one label per pair of texts",
    settings=(*CLASSIFICATION.settings, _ENCODER),
)

REGRESSION = TaskSpec(
    name="regression",
    loader="zoo_tasks.regression:Regression",
    labelling="zoo_tasks.numbers:Numbers",
    summary="one or several numbers per input",
    settings=(
        Setting(
            "loss",
            "mse",
            "squared error, or huber, which outliers pull less",
            choices=("mse", "huber"),
        ),
        Setting(
            "delta",
            1.0,
            "of the Huber loss: from how many standard deviations on an error is an outlier",
            minimum=0.01,
            maximum=100.0,
        ),
        Setting("units", (), "of the outputs, in their order, for people to read"),
    ),
)

SEQUENCE_TO_SEQUENCE = TaskSpec(
    name="sequence-to-sequence",
    loader="zoo_tasks.sequence_to_sequence:SequenceToSequence",
    labelling="zoo_tasks.language_data:Pairs",
    modalities=("text",),
    language="seq2seq",
    summary="texts made of texts: translation, summaries",
    settings=(
        Setting("prefix", "", "what every source is to begin with, e.g. 'summarize: ' for T5"),
        Setting("source_language", "", "of sources, by the backbone's own code, e.g. eng_Latn"),
        Setting("target_language", "", "of targets, by the backbone's own code, e.g. hin_Deva"),
        _LENGTH,
        replace(_BEAMS, default=4),
        Setting(
            "length_penalty",
            1.0,
            "of beams: above 0 favours longer texts",
            minimum=-10.0,
            maximum=10.0,
        ),
        replace(_SMOOTHING, default=0.1),
    ),
)

SIMILARITY = TaskSpec(
    name="similarity",
    loader="zoo_tasks.pairs:Similarity",
    labelling="zoo_tasks.pair_labels:PairNumbers",
    modalities=("text",),
    summary="how alike two texts are, a number per pair",
    settings=(*REGRESSION.settings, _ENCODER),
)

TOKEN_CLASSIFICATION = TaskSpec(
    name="token-classification",
    loader="zoo_tasks.token_classification:TokenClassification",
    labelling="zoo_tasks.spans:Spans",
    modalities=("text",),
    summary="entities in a text: spans, each with a type",
    settings=(
        Setting(
            "words",
            "punctuation",
            "what is labelled: words, with punctuation by itself, or what stands between spaces",
            choices=("punctuation", "spaces"),
        ),
    ),
)


@hookimpl
def zoo_tasks() -> list[TaskSpec]:
    """All tasks of this distribution."""
    return [
        CAUSAL_LANGUAGE,
        CLASSIFICATION,
        MASKED_LANGUAGE,
        MULTILABEL,
        ORDINAL,
        PAIR_CLASSIFICATION,
        REGRESSION,
        SEQUENCE_TO_SEQUENCE,
        SIMILARITY,
        TOKEN_CLASSIFICATION,
    ]
