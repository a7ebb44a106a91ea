"""``zoo embed``: the frozen features of data, as a file for other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zoo.cli import describe, options, writing
from zoo.cli.output import say, say_each


def embed(
    backbone: Annotated[str, typer.Argument(help="From `zoo backbones`.")],
    data: options.Data,
    out: Annotated[Path, typer.Option(help="The file to write: .npz, .parquet or .safetensors.")],
    unlabelled: Annotated[
        bool,
        options.data(
            "DATA has no labels: a folder of images, a table, a file with one text a line.",
            "--unlabelled",
        ),
    ] = False,
    weights: options.Weights = None,
    revision: options.Revision = None,
    pooling: options.Pooling = None,
    input_column: options.InputColumn = None,
    label_column: options.LabelColumn = None,
    splits: options.Splits = None,
    skip_bad: options.SkipBad = False,
    convert: options.Convert = False,
    batch_size: options.BatchSize = 32,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an earlier file at --out.")
    ] = False,
) -> None:
    """Write the pooled features that a frozen backbone gives for DATA.

    For example: zoo embed minilm reviews.csv --out reviews.parquet
    """
    from zoo import progress
    from zoo.cli import features

    write = features.writer(out)
    writing.require_free(out, overwrite=overwrite)
    parts = options.split_names(splits)
    modality = describe.backbone_named(backbone).spec.modality
    if unlabelled:
        from zoo.data.inputs import inputs_from

        rows = features.Rows(inputs_from([str(data)], modality, input_column=input_column))
    else:
        from zoo.data.load import load

        dataset = load(
            data,
            modality=modality,
            input_column=input_column,
            label_column=label_column,
            splits=parts,
            val_fraction=0,
            test_fraction=0,
            skip_bad=skip_bad,
            convert=convert,
            progress=progress.default(),
        )
        say_each(dataset.describe())
        rows = features.Rows.of(dataset)
    import zoo
    from zoo.data.samples import Samples
    from zoo.model import Preprocessed
    from zoo.training.features import features_of

    base = zoo.load_backbone(backbone, weights=weights, revision=revision)
    if pooling is not None:
        base.pool_by(pooling)
    samples = Samples(rows.inputs, base.contract, convert=convert)
    ready = Preprocessed(samples, base.preprocess)
    pooled = features_of(base, {"all": ready}, batch_size=batch_size, progress=progress.default())[
        "all"
    ]
    origin = {"backbone": base.spec.name, "digest": base.digest, "pooling": base.pooling}
    with writing.replacing(out) as partial:
        write(partial, pooled.numpy(), rows, origin)
    say(f"Wrote {out}: {pooled.shape[0]} rows of {pooled.shape[1]} features.")
