"""Evidence as a fit gathers it, from plain figures."""

from zoo.report.evidence import (
    Bin,
    CurvePoint,
    Evidence,
    LearningCurve,
    Reliability,
    Scatter,
    Verdict,
)


def evidence(**changes):
    """All kinds of evidence at once."""
    facts = {
        "verdicts": [
            Verdict(
                about="transfer",
                level="warning",
                text="Negative transfer: linear-probe is better here.",
                figures={"difference": -0.1, "error": 0.02},
            ),
            Verdict(about="over-fitting", level="good", text="No over-fitting to be seen."),
        ],
        "curve": LearningCurve(
            model="linear-probe",
            split="test",
            metric="accuracy",
            points=[CurvePoint(rows=r, value=v) for r, v in ((20, 0.6), (40, 0.7), (80, 0.75))],
            ahead=CurvePoint(rows=160, value=0.78, spread=0.02),
            low=0.76,
            high=0.81,
        ),
        "reliability": Reliability(
            split="test",
            of="answers",
            bins=[
                Bin(confidence=0.55, right=0.4, count=10),
                Bin(confidence=0.9, right=0.8, count=30),
            ],
            error=0.11,
        ),
        "details": {"ants": {"precision": 0.5, "recall": 1.0, "rows": 12.0}},
        "scatters": [Scatter(split="test", output="price", true=[1, 2, 3], predicted=[1, 2.5, 2])],
        "gap": gap(),
    }
    return Evidence(**{**facts, **changes})


def gap():
    """A gap, with the points of its plot."""
    return {
        "backbone": "vision:digits",
        "source": "train",
        "target": "test",
        "rows": {"source": 40, "target": 40},
        "classifier": {"statistic": 0.9, "p": 0.001},
        "mmd": {"statistic": 0.2, "p": 0.001},
        "a_distance": 1.6,
        "proportions_differ": False,
        "inputs_differ": True,
        "differs": True,
        "plane": {"source": [[0, 1], [1, 0]], "target": [[2, 2], [3, 1]]},
        "explained": [0.5, 0.2],
    }
