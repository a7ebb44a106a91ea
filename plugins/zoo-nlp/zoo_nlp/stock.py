"""The lines that open a backbone of zoo-nlp with transformers alone."""

from __future__ import annotations

import json

from zoo.plugin import BackboneSpec, NativeHead, Origin, StockCode
from zoo_nlp.pooling import LINES
from zoo_nlp.tokens import Tokens


def stock_code(
    spec: BackboneSpec,
    origin: Origin,
    tokens: Tokens,
    pooling: str,
    *,
    native: NativeHead | None,
    own_head: bool,
    without_pooler: bool,
    auto: str = "AutoModel",
    repo: str | None = None,
) -> StockCode:
    """Source lines for one backbone and one pooling.

    Args:
        spec: may say in its options how the base is written (``base``) and imported (``imports``).
        origin: a Hub repo and commit, where there is one.
        tokens: the backbone's.
        pooling: by which features are made.
        native: transformers' own place for a head on this pooling.
        own_head: the checkpoint has a head in that place, perhaps of another size.
        without_pooler: the checkpoint lacks a pooler that transformers would make up.
        auto: transformers' class that opens the model without a head.
        repo: where the whole model is, and its tokenizer where the base is nowhere else to be had;
            by default it is the base that is opened.
    """
    base, revision = _base(spec, origin)
    opened = [f'"{repo}"'] if repo else [base, *revision]
    tokenizer = [base, *revision] if origin.source else opened
    whole = [*opened, 'dtype="float32"']
    if not repo:
        whole.append("num_labels={n}")
        if own_head:
            whole.append("ignore_mismatched_sizes=True")
        if native is not None and pooling == "last":
            whole.append(f"pad_token_id={tokens.pad_id}")
    features = [*opened, 'dtype="float32"']
    if without_pooler:
        features.append("add_pooling_layer=False")
    cut = f'truncation=True, max_length={tokens.max_length}, return_tensors="pt"'
    if tokens.drops_type_ids:
        cut += ", return_token_type_ids=False"
    example = f"{json.dumps(tokens.prefix)} + example" if tokens.prefix else "example"
    classifier = "AutoModelForSequenceClassification"
    headless = f"model = {auto}.from_pretrained({', '.join(features)})"
    if native:
        # Only several heads at once want it, so it is no business of the other lines.
        headless = f"from transformers import {auto}\n{headless}"
    return StockCode(
        requires=_requires(spec, origin),
        imports=(
            *spec.options.get("imports", ()),
            "import torch",
            f"from transformers import {classifier if native else auto}, AutoTokenizer",
        ),
        whole=f"model = {classifier}.from_pretrained({', '.join(whole)})" if native else "",
        features=headless,
        inputs="\n".join(
            (
                f"tokenizer = AutoTokenizer.from_pretrained({', '.join(tokenizer)})",
                f"inputs = tokenizer({example}, {cut})",
            )
        ),
        logits="logits = model(**inputs).logits" if native else "",
        pooled="\n".join(LINES[pooling]),
    )


def _base(spec: BackboneSpec, origin: Origin) -> tuple[str, list[str]]:
    if "base" in spec.options:
        return str(spec.options["base"]), []
    if not origin.source:
        return json.dumps(spec.name.removeprefix("hf:")), []
    return f'"{origin.source}"', [f'revision="{origin.commit}"'] if origin.commit else []


def _requires(spec: BackboneSpec, origin: Origin) -> tuple[str, ...]:
    distribution = origin.source.removeprefix("pip:")
    if distribution == origin.source:
        return ("torch", "transformers")
    return (f"{distribution}=={origin.commit}" if origin.commit else distribution, "transformers")


_LANGUAGE_CLASSES = {
    "masked": "AutoModelForMaskedLM",
    "causal": "AutoModelForCausalLM",
    "seq2seq": "AutoModelForSeq2SeqLM",
}


def stock_language(
    spec: BackboneSpec, origin: Origin, tokens: Tokens, language: str, *, repo: str | None = None
) -> StockCode:
    """Source lines for a model with its language head.

    Args:
        spec, origin, tokens: of the backbone.
        language: the kind of head.
        repo: where the whole model is, its tokenizer too; by default it is the base that is opened.
    """
    base, revision = _base(spec, origin)
    opened = ", ".join([f'"{repo}"'] if repo else [base, *revision])
    auto = _LANGUAGE_CLASSES[language]
    answer = "logits = model(**inputs).logits\nanswer = logits[0].argmax(-1)"
    if language != "masked":
        answer = "answer = model.generate(**inputs, max_new_tokens=40)[0]"
    cut = f'truncation=True, max_length={tokens.max_length}, return_tensors="pt"'
    if tokens.drops_type_ids:
        cut += ", return_token_type_ids=False"
    return StockCode(
        requires=_requires(spec, origin),
        imports=(
            *spec.options.get("imports", ()),
            "import torch",
            f"from transformers import {auto}, AutoTokenizer",
        ),
        whole=f'model = {auto}.from_pretrained({opened}, dtype="float32")',
        features="",
        inputs="\n".join(
            (
                f"tokenizer = AutoTokenizer.from_pretrained({opened})",
                f"inputs = tokenizer(example, {cut})",
            )
        ),
        logits=f"{answer}\nprint(tokenizer.decode(answer, skip_special_tokens=True))",
        pooled="",
    )
