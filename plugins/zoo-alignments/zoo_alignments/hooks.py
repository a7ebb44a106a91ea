"""What zoo-alignments provides."""

from __future__ import annotations

from zoo.plugin import AlignmentSpec, Setting, ValidatorSpec, hookimpl

_DISCRIMINATOR = (
    Setting("hidden", 1024, "of the discriminator's layers", minimum=1, maximum=65_536),
    Setting("dropout", 0.5, "of the discriminator's layers", minimum=0.0, maximum=0.9),
)


def _weight(default: float) -> Setting:
    return Setting("weight", default, "of the term in the loss", minimum=0.0, maximum=1e6)


def _tries(*weights: float) -> tuple[dict[str, float], ...]:
    return tuple({"weight": weight} for weight in weights)


@hookimpl
def zoo_alignments() -> list[AlignmentSpec]:
    """Moments, kernels, adversaries, predictions, statistics."""
    return [
        AlignmentSpec(
            name="coral",
            loader="zoo_alignments.coral:Coral",
            summary="covariances of source and target are drawn together (Deep CORAL)",
            settings=(
                _weight(1.0),
                Setting("layer", "logits", "what is aligned", choices=("logits", "features")),
            ),
            tries=_tries(1.0, 0.3, 3.0),
            reference="Sun and Saenko 2016, arXiv:1607.01719",
        ),
        AlignmentSpec(
            name="dan",
            loader="zoo_alignments.dan:Dan",
            summary="maximum mean discrepancy with many kernels, of features and predictions (DAN)",
            settings=(_weight(1.0),),
            tries=_tries(1.0, 0.3, 3.0),
            reference="Long et al. 2015, arXiv:1502.02791",
        ),
        AlignmentSpec(
            name="dann",
            loader="zoo_alignments.adversarial:Dann",
            summary="features that a discriminator cannot tell domains by (DANN)",
            settings=(_weight(1.0), *_DISCRIMINATOR),
            tries=_tries(1.0, 3.0, 0.3),
            reference="Ganin et al. 2016, arXiv:1505.07818",
        ),
        AlignmentSpec(
            name="cdan",
            loader="zoo_alignments.adversarial:Cdan",
            summary="features and predictions that a discriminator cannot tell domains by (CDAN, CDAN+E)",
            settings=(
                _weight(1.0),
                *_DISCRIMINATOR,
                Setting(
                    "projection",
                    1024,
                    "size of what stands for an outer product above 4096",
                    minimum=1,
                    maximum=65_536,
                ),
                Setting("entropy", True, "certain rows weigh more (CDAN+E)"),
            ),
            tries=_tries(1.0, 3.0, 0.3),
            reference="Long et al. 2018, arXiv:1705.10667",
        ),
        AlignmentSpec(
            name="mcc",
            loader="zoo_alignments.mcc:Mcc",
            summary="predictions on the target that confuse few pairs of classes (MCC)",
            settings=(
                _weight(1.0),
                Setting("temperature", 2.5, "of the logits", minimum=0.01, maximum=100.0),
            ),
            tries=_tries(1.0, 0.3, 3.0),
            reference="Jin et al. 2020, arXiv:1912.03699",
        ),
        AlignmentSpec(
            name="pseudo-labels",
            loader="zoo_alignments.pseudo:PseudoLabels",
            summary="the target is trained on the model's own answers (self-training)",
            settings=(
                _weight(3.0),
                Setting(
                    "threshold", 0.0, "least probability of an answer", minimum=0.0, maximum=1.0
                ),
            ),
            tries=_tries(3.0, 1.0, 0.3),
            reference="Lee 2013, ICML workshop on challenges in representation learning",
        ),
        AlignmentSpec(
            name="adabn",
            loader="zoo_alignments.adabn:AdaBn",
            summary="batch norms take their statistics from the target (AdaBN)",
            reference="Li et al. 2016, arXiv:1603.04779",
        ),
    ]


@hookimpl
def zoo_validators() -> list[ValidatorSpec]:
    """Four that look at the target, but one, and at none of its labels."""
    return [
        ValidatorSpec(
            name="infomax",
            loader="zoo_alignments.validators:InfoMax",
            summary="predictions that are certain of rows and use all classes",
            reference="Shi and Sha 2012, arXiv:1206.6438; Musgrave et al. 2022, arXiv:2208.07360",
        ),
        ValidatorSpec(
            name="density",
            loader="zoo_alignments.validators:Density",
            summary="predictions that have many near neighbours (soft neighbourhood density)",
            settings=(
                Setting("temperature", 0.05, "of similarities", minimum=1e-3, maximum=100.0),
            ),
            reference="Saito et al. 2021, arXiv:2108.10860",
        ),
        ValidatorSpec(
            name="nuclear-norm",
            loader="zoo_alignments.validators:NuclearNorm",
            summary="predictions of large nuclear norm (BNM)",
            reference="Cui et al. 2020, arXiv:2003.12237; Musgrave et al. 2022, arXiv:2208.07360",
        ),
        ValidatorSpec(
            name="source-risk",
            loader="zoo_alignments.validators:SourceRisk",
            summary="the metric on the source's own validation rows",
            reference="Ganin and Lempitsky 2015, arXiv:1409.7495",
        ),
    ]
