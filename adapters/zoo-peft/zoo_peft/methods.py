"""The methods of PEFT that stand beside layers, as data.

Settings bear PEFT's own names, so that PEFT's documentation explains them further; defaults are for
networks of some hundred features a layer, smaller than PEFT's own, which are for language models.
"""

from __future__ import annotations

from dataclasses import dataclass

from zoo.plugin import Setting

BESIDE = "zoo_peft.layers:LayerTuner"
PLACES = (
    Setting(
        "roles",
        (),
        "which layers, by role; empty: attention, else the role with most of the parameters",
        choices=("attention", "mlp", "conv", "linear"),
    ),
    Setting(
        "last_blocks",
        0,
        "only in so many blocks at the end; 0: in all, or the later half for conv alone",
        minimum=0,
        maximum=10_000,
    ),
)


def _rank(default: int = 8) -> Setting:
    return Setting("r", default, "rank", minimum=1, maximum=1024)


def _count(name: str, default: int, help: str) -> Setting:
    return Setting(name, default, help, minimum=1, maximum=100_000)


def _scale(name: str, default: float, help: str = "scale of the update") -> Setting:
    return Setting(name, default, help, minimum=1e-6, maximum=1e6)


@dataclass(frozen=True)
class Method:
    """A method beside layers: PEFT's name in lower case, and what is its own."""

    name: str
    summary: str
    reference: str
    settings: tuple[Setting, ...] = ()
    lr: float = 1e-3
    loader: str = BESIDE


_TOKENS = Setting("num_virtual_tokens", 10, "learned tokens", minimum=1, maximum=1000)

METHODS = (
    Method(
        "prompt_tuning",
        "learned tokens before each text, on transformers",
        "arXiv:2104.08691",
        (_TOKENS,),
        lr=1e-2,
        loader="zoo_peft.prompts:PromptTuning",
    ),
    Method(
        "prefix_tuning",
        "learned keys and values in each layer, on transformers",
        "arXiv:2101.00190",
        (_TOKENS,),
        lr=1e-2,
        loader="zoo_peft.prompts:PrefixTuning",
    ),
    Method("ia3", "learned scales of activations", "arXiv:2205.05638", lr=3e-3),
    Method(
        "vera",
        "vectors that scale shared random projections",
        "arXiv:2310.11454",
        (_rank(256),),
        lr=4e-3,
    ),
    Method(
        "loha",
        "updates that are Hadamard products of low-rank matrices",
        "arXiv:2108.06098",
        (_rank(), _scale("alpha", 8.0)),
    ),
    Method(
        "lokr",
        "updates that are Kronecker products",
        "arXiv:2309.14859",
        (_rank(), _scale("alpha", 8.0)),
    ),
    Method(
        "oft",
        "orthogonal rotations of weights, block by block",
        "arXiv:2306.07280",
        (_count("oft_block_size", 16, "side of a block; divides the layer's inputs"),),
    ),
    Method(
        "boft",
        "orthogonal rotations made of butterfly factors",
        "arXiv:2311.06243",
        (_count("boft_block_size", 4, "side of a block; divides the layer's inputs"),),
    ),
    Method("hra", "Householder reflections of weights", "arXiv:2405.17484", (_rank(),)),
    Method(
        "hira",
        "Hadamard products of weights and low-rank updates",
        "openreview.net/pdf?id=TwJrTz9cRS",
        (_rank(),),
    ),
    Method(
        "randlora",
        "scales of many random low-rank bases",
        "arXiv:2502.00987",
        (_rank(32),),
    ),
    Method(
        "vblora",
        "updates composed from one bank of vectors",
        "arXiv:2405.15179",
        (
            _rank(4),
            _count("num_vectors", 60, "vectors in the bank"),
            _count("vector_length", 64, "of each; divides the layer's inputs and outputs"),
        ),
    ),
    Method(
        "fourierft",
        "sparse updates in the frequency domain",
        "arXiv:2405.03003",
        (
            _count("n_frequency", 500, "entries trained a layer"),
            _scale("scaling", 150.0),
        ),
        lr=1e-2,
    ),
    Method(
        "waveft",
        "sparse updates in the wavelet domain",
        "arXiv:2505.12532",
        (_count("n_frequency", 500, "entries trained a layer"), _scale("scaling", 25.0)),
    ),
    Method(
        "c3a",
        "circular convolutions beside layers",
        "arXiv:2407.19342",
        (_count("block_size", 32, "of each convolution; divides inputs and outputs"),),
    ),
    Method(
        "road",
        "rotations of pairs of activations",
        "arXiv:2409.00119",
        (_count("group_size", 32, "activations rotated as one; divides the layer's outputs"),),
    ),
    Method(
        "delora",
        "normalised low-rank updates",
        "arXiv:2503.18225",
        (_rank(), _count("delora_lambda", 15, "bound of the update, in norms of the weights")),
    ),
    Method("miss", "shards of one small matrix", "arXiv:2409.15371", (_rank(),)),
    Method(
        "gralora",
        "low-rank updates block by block",
        "arXiv:2505.20355",
        (_rank(), _scale("alpha", 16)),
    ),
    Method(
        "shira",
        "sparse updates at random places",
        "arXiv:2406.13175",
        (_rank(),),
    ),
    Method("adamss", "low-rank updates in subspaces of weights", "PEFT's documentation of AdaMSS"),
    Method("beft", "biases beside layers", "arXiv:2509.15974"),
    Method(
        "deft",
        "low-rank updates along decomposed weights",
        "PEFT's documentation of DEFT",
        (_rank(),),
    ),
    Method(
        "frod",
        "rotations and sparse scales of a shared decomposition",
        "PEFT's documentation of FRoD",
    ),
    Method("glora", "low-rank, vector and constant terms", "arXiv:2306.07967", (_rank(),)),
    Method("lily", "low-rank updates shared across layers", "arXiv:2407.09946", (_rank(),)),
    Method("peanut", "small networks that transform weights", "arXiv:2410.01870", (_rank(),)),
    Method(
        "psoft",
        "orthogonal updates in a principal subspace",
        "openreview.net/forum?id=FSHrinMArK",
        (_rank(),),
    ),
    Method(
        "pvera",
        "VeRA with a distribution in place of its scales",
        "arXiv:2512.07703",
        (_rank(64),),
        lr=4e-3,
    ),
    Method("supertuning", "the largest weights of each layer", "arXiv:2607.09287"),
    Method("tinylora", "a few numbers that scale shared directions", "arXiv:2602.04118"),
    Method("unilora", "one vector for all layers", "arXiv:2506.00799", (_rank(4),)),
)
