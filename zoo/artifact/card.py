"""The card: ``README.md`` of an artifact, with the metadata the Hub reads. Never read by loading."""

from __future__ import annotations

import functools
import html
import re
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCardData
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from zoo import registry
from zoo.artifact.contents import ASSETS, CARD, CONFIG, PEFT_CONFIG, native_model
from zoo.artifact.licences import hub_licence
from zoo.artifact.load import load
from zoo.artifact.manifest import Manifest, read_manifest
from zoo.artifact.stock import without_zoo
from zoo.model import ComposedModel
from zoo.report.adaptation import TARGET
from zoo.report.card_plots import CAPTIONS

REPO = "OWNER/NAME"  # stands for the repo until there is one

_MARKER = re.compile(r"<!-- zoo: the card of (\S+) -->")
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+\Z", re.ASCII)
_DISTRIBUTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")
_MARKDOWN = re.compile(r"([\\`*\[\]|~])")
_PIPELINES = frozenset(
    {
        "audio-classification",
        "image-classification",
        "image-segmentation",
        "tabular-classification",
        "tabular-regression",
        "text-classification",
        "token-classification",
        "video-classification",
    }
)
_OF_LANGUAGE = {"masked": "fill-mask", "causal": "text-generation"}
_LABELS_NAMED = 30
_OWN = "this model"


def render(
    manifest: Manifest, model: ComposedModel, *, repo: str = REPO, plots: tuple[str, ...] = ()
) -> str:
    """The card of ``model``.

    Args:
        manifest: of the artifact the card goes into.
        model: for the code that opens it without zoo.
        repo: where it will be; the code on the card names it.
        plots: files below ``assets/``.
    """
    card: str = _template().render(
        manifest=manifest,
        metadata=Markup(_metadata(manifest, model, repo)),
        repo=Markup(repo),
        settings={k: v for k, v in manifest.adapter.settings.items() if v not in ([], "")},
        results=_results(manifest, _split(manifest)),
        adaptation=manifest.provenance.adaptation,
        target=_results(manifest, TARGET) if manifest.provenance.adaptation else None,
        plots=[(CAPTIONS[plot], Markup(f"{ASSETS}/{plot}")) for plot in plots],
        install=Markup(_distributions(manifest)),
        example=_example(model),
        asked=_asked(model),
        stock=without_zoo(model, repo),
        labels_named=_LABELS_NAMED,
        code=Markup,
    )
    return card


def card_for(folder: Path, repo: str, *, model: ComposedModel | None = None) -> str:
    """The card of the artifact in ``folder`` as it should read in ``repo``.

    A card that is there keeps what its author wrote into it: only the repo's name changes. An
    artifact without one, as pulling leaves it, gets a new one.

    Args:
        folder: the artifact.
        repo: ``owner/name``.
        model: the opened artifact, to spare opening it again.

    Raises:
        ArtifactError: there is no card, and the artifact cannot be opened to make one.
    """
    path = folder / CARD
    if not path.is_file():
        return render(read_manifest(folder), model or load(folder), repo=repo)
    text = path.read_text(encoding="utf-8")
    found = _MARKER.search(text)
    if not found:
        return text
    whole_name = rf"(?<![\w./-]){re.escape(found[1])}(?![\w/-]|\.\w)"
    return re.sub(whole_name, lambda match: repo, text)


def _metadata(manifest: Manifest, model: ComposedModel, repo: str) -> str:
    """The YAML block: https://huggingface.co/docs/hub/model-cards."""
    source = manifest.backbone.source
    peft = PEFT_CONFIG in manifest.files
    native = native_model(model) if CONFIG in manifest.files else None
    facts: dict[str, Any] = dict(hub_licence(manifest.license or manifest.backbone.license))
    if _HUB_ID.match(source):
        facts["base_model"] = source
        facts["base_model_relation"] = "adapter" if peft else "finetune"
    results = _eval_results(manifest)
    data = ModelCardData(
        **facts,
        library_name="peft" if peft else native.library if native else "zoo",
        pipeline_tag=_tag(manifest, model),
        tags=["zoo", "transfer-learning", manifest.adapter.name],
        metrics=list(dict.fromkeys(result.metric_type for result in results)) or None,
        model_name=repo if results else None,
        eval_results=results or None,
    )
    return data.to_yaml()


def _tag(manifest: Manifest, model: ComposedModel) -> str | None:
    """The Hub's own word for what the model does, where it has one."""
    if model.language:
        return _OF_LANGUAGE.get(model.language)
    return _pipeline(manifest) if _pipeline(manifest) in _PIPELINES else None


def _pipeline(manifest: Manifest) -> str:
    return f"{manifest.backbone.contract.get('modality')}-{manifest.tasks[0].kind}"


def _eval_results(manifest: Manifest) -> list[EvalResult]:
    split = _split(manifest)
    data = manifest.provenance.data
    return [
        EvalResult(
            task_type=_pipeline(manifest),
            dataset_type="private",
            dataset_name=data.description if data and data.description else "not published",
            dataset_split=split,
            metric_type=metric,
            metric_value=value,
        )
        for metric, value in sorted(
            manifest.provenance.metrics.get(f"{_OWN} on {split}", {}).items()
        )
    ]


def _split(manifest: Manifest) -> str:
    """The split that is reported: test, or validation where there is no test."""
    return "test" if f"{_OWN} on test" in manifest.provenance.metrics else "val"


def _results(manifest: Manifest, split: str) -> dict[str, Any] | None:
    """The table of this model against its baselines, the headline metric first."""
    provenance = manifest.provenance
    rows = {
        key.removesuffix(f" on {split}"): values
        for key, values in provenance.metrics.items()
        if key.endswith(f" on {split}")
    }
    if _OWN not in rows:
        return None
    names = sorted(rows[_OWN], key=lambda name: (name != provenance.headline, name))
    probe = registry.load().defaults.baseline_adapter
    return {
        "kept": probe if rows.get(probe) == rows[_OWN] else None,
        "split": split,
        "count": provenance.data.rows.get(split) if provenance.data else None,
        "metrics": names,
        "rows": [
            (model, [f"{values[n]:.3f}" if n in values else "–" for n in names])
            for model, values in sorted(rows.items(), key=lambda row: (row[0] != _OWN, row[0]))
        ],
    }


def _distributions(manifest: Manifest) -> str:
    """What `pip install` needs; a manifest may come from a stranger."""
    owners = [manifest.backbone.provider, manifest.adapter.provider]
    owners += [task.provider for task in manifest.tasks]
    names = {owner.partition(" ")[0] for owner in owners}
    return " ".join(["zoo", *sorted(name for name in names if _DISTRIBUTION.match(name))])


def _example(model: ComposedModel) -> Markup:
    if next(iter(model.tasks.values())).labelling.inputs > 1:
        return Markup("pairs.csv")
    image = model.backbone.contract.modality == "image"
    return Markup("photo.jpg" if image else "some text")


def _asked(model: ComposedModel) -> Markup:
    """The same as Python."""
    example = _example(model)
    return Markup('("a text", "another")') if example == "pairs.csv" else Markup(f'"{example}"')


@functools.cache
def _template() -> Any:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        undefined=StrictUndefined,
        finalize=_escaped,  # autoescape knows HTML only; this is Markdown
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("card.md.jinja")


def _escaped(value: Any) -> Any:
    """Names and labels come from strangers: no HTML, no Markdown, no control characters in them."""
    if isinstance(value, Markup):
        return str(value)
    text = "".join(c if c.isprintable() else " " for c in str(value))
    cut = text if len(text) <= 200 else text[:199] + "…"
    return _MARKDOWN.sub(r"\\\1", html.escape(cut, quote=False))
