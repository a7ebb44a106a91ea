"""What zoo-rankers provides."""

from __future__ import annotations

from zoo.plugin import RankerSpec, Setting, hookimpl


@hookimpl
def zoo_rankers() -> list[RankerSpec]:
    """Four that need only features, two that need the head a backbone was trained with."""
    return [
        RankerSpec(
            name="logme",
            loader="zoo_rankers.logme:LogME",
            summary="log evidence of a Bayesian linear model, per row",
            reference="You et al. 2021, arXiv:2102.11005; fixed point of arXiv:2110.10545",
        ),
        RankerSpec(
            name="hscore",
            loader="zoo_rankers.hscore:HScore",
            summary="share of the features' variance that lies between classes, with shrinkage",
            reference="Bao et al. 2019 (ICIP); regularised: Ibrahim et al. 2021, arXiv:2110.06893",
        ),
        RankerSpec(
            name="knn",
            loader="zoo_rankers.knn:Neighbours",
            summary="accuracy, or R², of the nearest neighbours, each row left out once",
            settings=(Setting("neighbours", 5, "how many vote", minimum=1, maximum=1000),),
            reference="Renggli et al. 2022 (CVPR), arXiv:2010.06402",
        ),
        RankerSpec(
            name="probe",
            loader="zoo_rankers.probe:Probe",
            summary="cross-validated accuracy, or R², of a linear model",
            settings=(
                Setting("folds", 5, "parts of the rows", minimum=2, maximum=20),
                Setting("l2", 0.1, "strength of the penalty", minimum=1e-6, maximum=1e6),
            ),
            reference="Alain and Bengio 2016, arXiv:1610.01644",
        ),
        RankerSpec(
            name="leep",
            loader="zoo_rankers.source:Leep",
            summary="log likelihood of the labels given what the source head predicts",
            reference="Nguyen et al. 2020 (ICML), arXiv:2002.12462",
        ),
        RankerSpec(
            name="nce",
            loader="zoo_rankers.source:Nce",
            summary="negative conditional entropy of the labels given the source head's class",
            reference="Tran et al. 2019 (ICCV), arXiv:1908.08142",
        ),
    ]
