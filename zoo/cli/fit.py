"""``zoo fit``: train a model on the user's data and hold it against baselines."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zoo.cli import choices, options, results
from zoo.cli.adapting import Asked, say_choice
from zoo.cli.asked_tasks import AskedTasks, asked_tasks, placed
from zoo.cli.find_lr import suggest
from zoo.cli.launch import is_one_of_several, launch
from zoo.cli.output import say, say_each
from zoo.cli.resume import again, resumed, words_for_others, words_of
from zoo.cli.sweep import emit_sweep, is_sweep, repeated
from zoo.cli.training import leaving, train
from zoo.errors import BadSetting, Incompatible

if TYPE_CHECKING:
    from zoo.cli.plan import Plan
    from zoo.data.dataset import Dataset
    from zoo.model import ComposedModel, Task


def _training(help: str, *names: str, **more: Any) -> Any:
    return typer.Option(
        *names, help=help, rich_help_panel="Training; each adapter has its own defaults", **more
    )


def _domain(help: str, *names: str, **more: Any) -> Any:
    return typer.Option(
        *names, help=help, rich_help_panel="Domain adaptation; see docs/adaptation.md", **more
    )


def _licences(help: str, **more: Any) -> Any:
    return typer.Option(
        help=help, rich_help_panel="Licences, as the Hub or SPDX names them", **more
    )


def _preset(ctx: typer.Context, path: Path | None) -> Path | None:
    from zoo.cli.fit_file import preset  # the help has no use for what it imports

    return preset(ctx, path)


def fit(
    ctx: typer.Context,
    data: options.DataOrNone = None,
    out: Annotated[Path | None, typer.Option(help="The run directory to write.")] = None,
    backbone: Annotated[
        str | None, options.model("From `zoo backbones`, or a name in an open namespace.")
    ] = None,
    adapter: Annotated[str | None, options.model("From `zoo adapters`.")] = None,
    task: options.Tasks = None,
    adapter_per_task: Annotated[
        bool,
        options.model("Of several tasks each gets an adapter of its own.", "--adapter-per-task"),
    ] = False,
    recipe: Annotated[
        str | None, options.model("From `zoo recipes`; other options go on top.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        options.model("A setting of the adapter; repeatable.", "--set", metavar="KEY=VALUE"),
    ] = None,
    task_set: options.TaskSet = None,
    weights: options.Weights = None,
    revision: options.Revision = None,
    pooling: options.Pooling = None,
    input_column: options.InputColumn = None,
    label_column: options.LabelColumn = None,
    splits: options.Splits = None,
    val_fraction: options.ValFraction = options.HELD_OUT,
    test_fraction: options.TestFraction = options.HELD_OUT,
    skip_bad: options.SkipBad = False,
    convert: options.Convert = False,
    epochs: Annotated[int | None, _training("At most so many.")] = None,
    lr: Annotated[float | None, _training("Highest learning rate.")] = None,
    batch_size: Annotated[int | None, _training("Rows a step.")] = None,
    micro_batch: Annotated[
        int | None, _training("Rows computed at a time; the gradients of a step are added up.")
    ] = None,
    weight_decay: Annotated[float | None, _training("Of AdamW.")] = None,
    schedule: Annotated[
        choices.Schedule | None, _training("How the learning rate goes after the warm-up.")
    ] = None,
    warmup: Annotated[float | None, _training("Share of all steps.")] = None,
    patience: Annotated[
        int | None, _training("Epochs without a better validation before stopping.")
    ] = None,
    clip: Annotated[float | None, _training("Largest norm of the gradient.")] = None,
    average: Annotated[
        choices.Average | None,
        _training("Keep an average of the weights, of all steps or last epochs."),
    ] = None,
    mixing: Annotated[
        choices.Mixing | None, _training("How often rows of each of several tasks are seen.")
    ] = None,
    weighting: Annotated[
        choices.Weighting | None,
        _training("Of the losses of several tasks; all but fixed are learned."),
    ] = None,
    task_weight: Annotated[
        list[str] | None,
        _training("Weight of the loss of one of several tasks; repeatable.", metavar="NAME=NUMBER"),
    ] = None,
    balance: Annotated[
        choices.Balance | None, _training("Draw classes evenly; tasks may weigh them instead.")
    ] = None,
    gradient_checkpointing: Annotated[
        bool, _training("Less memory for more time.", "--gradient-checkpointing")
    ] = False,
    sharded: Annotated[
        bool, _training("Hold parameters in parts of several processes.", "--sharded")
    ] = False,
    compile: Annotated[
        bool, _training("Compile trained blocks; pays back in long fits alone.", "--compile")
    ] = False,
    precision: Annotated[choices.Precision | None, _training("Of the arithmetic.")] = None,
    augment: Annotated[
        choices.Augment | None, _training("Images cropped anew in each epoch; mild: mirrored, too.")
    ] = None,
    views: Annotated[
        int | None,
        _training("So many changes of each image in turn, kept where blocks are frozen."),
    ] = None,
    seed: Annotated[int, _training("The same seed repeats the run.")] = 0,
    seeds: Annotated[
        int, _training("Fit with so many seeds from --seed on; show mean and spread.", min=1)
    ] = 1,
    callback: Annotated[
        list[str] | None, _training("A plugin's callback, e.g. tensorboard; repeatable.")
    ] = None,
    processes: Annotated[
        int, _training("Compute in so many processes of this machine.", min=1)
    ] = 1,
    baseline: Annotated[
        list[choices.Baseline] | None,
        _training(
            "Also train this: from random weights, each task by itself, or the probe on fewer rows, "
            "which little data has anyway."
        ),
    ] = None,
    target: Annotated[
        Path | None,
        _domain("Data of the domain that the model will meet; its labels choose nothing."),
    ] = None,
    align: Annotated[str | None, _domain("From `zoo alignments`.")] = None,
    align_set: Annotated[
        list[str] | None,
        _domain("A setting of the alignment; repeatable.", "--align-set", metavar="KEY=VALUE"),
    ] = None,
    validator: Annotated[
        str | None, _domain("From `zoo validators`: what chooses without target labels.")
    ] = None,
    tries: Annotated[
        int | None, _domain("Candidates with the alignment, and as many without.", min=1)
    ] = None,
    target_unlabelled: Annotated[
        bool, _domain("The target has no labels.", "--target-unlabelled")
    ] = False,
    target_labelled: Annotated[
        Path | None, _domain("A few labelled rows of the target, to be trained on too.")
    ] = None,
    source: Annotated[
        list[Path] | None, _domain("Another source beside DATA; repeatable.", metavar="DATA")
    ] = None,
    license: Annotated[
        str | None, _licences("Of the model; the backbone's where not given.", metavar="NAME")
    ] = None,
    data_license: Annotated[str | None, _licences("Of the data.", metavar="NAME")] = None,
    accept_license: Annotated[
        list[str] | None,
        _licences("Of backbone or data, that the model's may differ from.", metavar="NAME"),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an earlier run at --out.")
    ] = False,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FIT.TOML",
            help="Take from this file what is not typed; each run leaves one that repeats it.",
            is_eager=True,
            callback=_preset,
        ),
    ] = None,
    find_lr: Annotated[
        Path | None,
        typer.Option(
            metavar="PNG", help="Fit nothing: suggest a learning rate, and draw the loss by rates."
        ),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(help="Go on with a fit that was cut short; alone, all else is known."),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Fit a model to DATA and show how good it is beside its baselines.

    For example: zoo fit reviews.csv --adapter linear-probe --out runs/reviews
    """
    if processes > 1 and not is_one_of_several():
        launch(words_for_others(ctx), processes)
        return
    if resume is not None:
        again(ctx, resume)
        return
    begun = resumed(ctx)
    adapting = Asked(
        target,
        align,
        align_set or [],
        validator,
        tries,
        target_unlabelled,
        target_labelled,
        source or [],
    )
    adapting.require(seeds=seeds)
    if data is None:
        raise BadSetting(
            "zoo fit needs DATA.",
            hint="For example `zoo fit DATA --out RUN`, or `zoo fit --resume RUN`.",
        )
    from zoo.cli import fit_file

    task = ctx.params["task"] = placed(task or [])
    out = out or fit_file.free_run(data)
    file = fit_file.of(ctx)
    same_adapter = file.adapter in (None, adapter)  # its settings mean nothing to another
    if file.backbone not in (None, backbone):  # nor does where the weights of one are
        weights, revision, pooling = (
            fit_file.typed(ctx, name) for name in ("weights", "revision", "pooling")
        )
    from zoo.cli.plan import adapter_of, plan

    tasks = asked_tasks(
        task,
        {
            **(file.task_settings if file.tasks in ([], task) else {}),
            **options.pairs("--task-set", task_set or []),
        },
    )
    settings: dict[str, Any] = dict(options.pairs("--set", set_ or []))
    if same_adapter:
        left = {key: value for key, value in file.settings.items() if key not in settings}
        fit_file.require_settings(config, adapter_of(recipe, adapter), left)
        settings = {**left, **settings}
    asked = functools.partial(
        plan,
        task=tasks.kind,
        settings=settings,
        task_settings={} if tasks.several else tasks.settings,
        training={
            **(file.training if same_adapter else {}),
            **_training_options(ctx, task_weight, baseline, same_adapter=same_adapter),
        },
    )
    chosen = asked(recipe=recipe, backbone=backbone, adapter=adapter)
    tasks.require_fit(chosen)
    parts = options.split_names(splits)
    from zoo.training.folder import require_free

    if seeds == 1 or not is_sweep(out):
        require_free(out, overwrite=overwrite or begun is not None)
    from zoo import progress, registry
    from zoo.data.load import load

    read = functools.partial(
        load,
        task=tasks.labelling(chosen),
        modality=tasks.modality(chosen),
        input_column=input_column,
        label_column=label_column,
        splits=parts,
        val_fraction=val_fraction,
        test_fraction=test_fraction,
        seed=seed,
        skip_bad=skip_bad,
        convert=convert,
        progress=progress.default(),
    )
    dataset = read(data)
    say_each(dataset.describe())
    fingerprint = dataset.fingerprint
    if other := fit_file.told_of_other_data(file, data, fingerprint):
        say(other)
    if source:
        dataset = adapting.sources(dataset, read, tasks.labelling(chosen))
    if not (recipe or backbone or adapter or settings) and (
        found := _by_itself(tasks, chosen, dataset)
    ):
        chosen = asked(recipe=found, backbone=None, adapter=None)
    name = chosen.backbone_for(dataset.modality)
    licences = {
        "license": license,
        "data_license": data_license,
        "accept_licenses": accept_license or [],
    }
    where = {"weights": weights, "revision": revision, "pooling": pooling}
    if seeds == 1:
        say(f"Model: {name} with {chosen.adapter}, for {tasks.describe(chosen)}")
    made = tasks.make(chosen, dataset)
    instead = None
    if backbone and not (recipe or adapter or settings):
        probe = registry.load().defaults.baseline_adapter
        instead = functools.partial(asked, recipe=None, backbone=backbone, adapter=probe)
    chosen, model = _composed(
        chosen, instead, name, made, seed, adapter_per_task=adapter_per_task, **where
    )
    if seeds > 1:
        several = repeated(chosen, name, dataset, out, range(seed, seed + seeds), licences, where)
        emit_sweep(several, out, as_json=as_json)
        return
    if find_lr is not None:
        suggest(model, dataset, find_lr, chosen.training, as_json=as_json)
        return
    adapt = adapting.adapt(
        input_column=input_column, label_column=label_column, skip_bad=skip_bad, convert=convert
    )
    how = {
        "overwrite": overwrite,
        "resume": begun is not None,
        "words": words_of(ctx),
        "callbacks": callback or [],
        "adapt": adapt,
    }
    repeats = fit_file.FitFile(
        data=dataset.pinned or fit_file.data_word(data),
        fingerprint=fingerprint,
        backbone=name,
        adapter=chosen.adapter,
        adapter_per_task=adapter_per_task,
        task=list(tasks.words) if tasks.several else chosen.task,
        weights=str(weights.absolute()) if weights else None,
        revision=revision or fit_file.pin(model.backbone.origin),
        pooling=pooling,
        input_column=input_column,
        label_column=label_column,
        splits=parts or {},
        val_fraction=val_fraction,
        test_fraction=test_fraction,
        skip_bad=skip_bad,
        convert=convert,
        **adapting.plain(),
        license=license,
        data_license=data_license,
        accept_license=accept_license or [],
        settings=fit_file.plain(chosen.settings),
        task_settings=fit_file.plain(tasks.typed if tasks.several else chosen.task_settings),
        training=fit_file.plain(chosen.resolved(adapt, model)),
    )
    with leaving(repeats, out):
        run = train(model, dataset, out, {**how, **chosen.training, **licences})
    say_choice(run.record)
    results.emit_run(run.folder, run.record, as_json=as_json)


def _by_itself(tasks: AskedTasks, chosen: Plan, dataset: Dataset) -> str | None:
    """The recipe for data of which nothing was said; tells why it is that one, or none."""
    from zoo import registry
    from zoo.cli.plan import by_itself

    default = registry.load().defaults.task
    if tasks.several or chosen.task != default:
        say(
            f"No recipe is for {tasks.describe(chosen)}, as all are for {default}: backbone and "
            "adapter are the defaults."
        )
        return None
    found = by_itself(dataset.modality, len(dataset.splits["train"]), len(dataset.labels))
    if found is None:
        return None
    recipe, why = found
    say(why)
    return recipe


def _training_options(
    ctx: typer.Context,
    task_weight: list[str] | None,
    baseline: list[choices.Baseline] | None,
    *,
    same_adapter: bool,
) -> dict[str, Any]:
    """What was typed for the training loop, which knows most options by the same name.

    Of a file for another adapter only the seed is taken, which is the data's, too.
    """
    from zoo.cli import fit_file
    from zoo.training.config import FitConfig

    typed = {
        name: ctx.params.get(name) if same_adapter or name == "seed" else fit_file.typed(ctx, name)
        for name in FitConfig.model_fields
    }
    if task_weight:
        typed["task_weights"] = options.pairs("--task-weight", task_weight)
    if baseline:
        typed["baselines"] = ("majority", "probe", *(each.value for each in baseline))
    return {
        name: value for name, value in typed.items() if value is not None and value is not False
    }


def _composed(
    chosen: Plan, instead: Callable[[], Plan] | None, *parts: Any, **where: Any
) -> tuple[Plan, ComposedModel]:
    """The model, with its plan: ``instead`` where there is one and the adapter chosen cannot sit.

    Raises:
        Incompatible: neither can; says why the first cannot.
    """
    try:
        return chosen, _compose(chosen, *parts, **where)
    except Incompatible as err:
        if instead is None:
            raise
        other = instead()
        try:
            model = _compose(other, *parts, **where)
        except Incompatible:
            raise err from None
        say(f"{err.message} {other.adapter} takes its place.")
        return other, model


def _compose(
    chosen: Plan,
    backbone: str,
    tasks: Sequence[Task],
    seed: int,
    **where: Any,
) -> ComposedModel:
    import zoo

    return zoo.compose(
        backbone,
        zoo.adapter(chosen.adapter, chosen.settings),
        tasks,
        seed=seed,
        **where,
    )
