"""The facts of the listed encoders: ``python measure.py`` measures and writes them.

Sizes are those of the configuration that each repo's card documents, built on the meta device. None
of the weights could be had where this was written, so every entry is ``unverified``; a licence is
stated by a repo's own card and read there when the weights are loaded.
"""

from __future__ import annotations

import json
from typing import Any

import torch

from zoo.torchvision_clash import mend_torchvision

mend_torchvision()

import transformers  # noqa: E402
from zoo_medical.hooks import CATALOGUE  # noqa: E402

DINO = {"image_size": 518}  # of facebook/dinov2-base, on which RAD-DINO goes on; 37 x 37 patches
LARGE_VIT = {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16}
SO400M = {
    "hidden_size": 1152,
    "intermediate_size": 4304,
    "num_hidden_layers": 27,
    "num_attention_heads": 16,
    "patch_size": 14,
    "image_size": 448,
}
CASED = {"vocab_size": 28996}
GREY = "one grey channel, given to all three"

# Name, repo, class, what differs from its defaults, summary, tags, channels, processor, pooling.
IMAGES: tuple[tuple[str, str, str, dict[str, Any], str, tuple[str, ...], int, str, str], ...] = (
    (
        "rad-dino",
        "microsoft/rad-dino",
        "Dinov2Model",
        DINO,
        "RAD-DINO: chest radiographs, trained without labels",
        ("radiology", "chest-x-ray", "dinov2", "self-supervised"),
        1,
        "BitImageProcessorPil",
        "cls",
    ),
    (
        "phikon",
        "owkin/phikon",
        "ViTModel",
        {"layer_norm_eps": 1e-12},
        "Phikon: tiles of stained tissue, trained without labels (iBOT)",
        ("histology", "pathology", "self-supervised"),
        3,
        "ViTImageProcessorPil",
        "cls",
    ),
    (
        "phikon-v2",
        "owkin/phikon-v2",
        "Dinov2Model",
        LARGE_VIT | {"image_size": 224, "patch_size": 16},
        "Phikon v2: tiles of stained tissue, trained without labels (DINOv2)",
        ("histology", "pathology", "dinov2", "self-supervised"),
        3,
        "BitImageProcessorPil",
        "cls",
    ),
    (
        "medsiglip",
        "google/medsiglip-448",
        "SiglipVisionModel",
        SO400M,
        "MedSigLIP's image tower: radiographs, skin, retina, histology, slices of CT and MRI",
        ("radiology", "dermatology", "ophthalmology", "histology", "siglip", "image-text"),
        3,
        "SiglipImageProcessorPil",
        "pooler",
    ),
)

# Name, repo, class, what differs from its defaults, summary, tags, lower-cases, pooling.
TEXTS: tuple[tuple[str, str, str, dict[str, Any], str, tuple[str, ...], bool, str], ...] = (
    (
        "biomedbert",
        "microsoft/BiomedNLP-BiomedBERT-base-uncased-abstract-fulltext",
        "BertModel",
        {},
        "BiomedBERT (PubMedBERT): abstracts and articles of PubMed",
        ("biomedical", "english", "bert"),
        True,
        "",
    ),
    (
        "pubmedbert-embeddings",
        "NeuML/pubmedbert-base-embeddings",
        "BertModel",
        {},
        "PubMedBERT embeddings: biomedical sentences and paragraphs to vectors",
        ("biomedical", "english", "sentence", "bert"),
        True,
        "mean",
    ),
    (
        "sapbert",
        "cambridgeltl/SapBERT-from-PubMedBERT-fulltext",
        "BertModel",
        {},
        "SapBERT: names of biomedical concepts to vectors",
        ("biomedical", "english", "sentence", "bert"),
        True,
        "cls",
    ),
    (
        "biobert",
        "dmis-lab/biobert-base-cased-v1.2",
        "BertModel",
        CASED,
        "BioBERT v1.2: abstracts of PubMed",
        ("biomedical", "english", "bert"),
        False,
        "",
    ),
    (
        "bio-clinicalbert",
        "emilyalsentzer/Bio_ClinicalBERT",
        "BertModel",
        CASED,
        "Bio+ClinicalBERT: notes of MIMIC-III, after BioBERT",
        ("clinical", "english", "bert"),
        False,
        "",
    ),
    (
        "bioclinical-modernbert",
        "thomas-sounack/BioClinical-ModernBERT-base",
        "ModernBertModel",
        {},
        "BioClinical ModernBERT, base: biomedical articles and clinical notes",
        ("biomedical", "clinical", "english", "modernbert"),
        False,
        "",
    ),
)


def built(kind: str, config: dict[str, Any]) -> Any:
    """The model of that class, on the device in force; without a pooler that no card speaks of."""
    model_class = getattr(transformers, kind)
    options = {"add_pooling_layer": False} if kind == "ViTModel" else {}
    return model_class(model_class.config_class(**config), **options).eval()


def measure() -> list[dict[str, Any]]:
    """Everything the catalogue says."""
    entries: list[dict[str, Any]] = []
    for name, repo, kind, config, summary, tags, channels, processor, pooling in IMAGES:
        options = {"processor": processor, "pooling": pooling}
        if kind == "SiglipVisionModel":
            options["tower"] = "vision_config"
        facts = {"pooling": pooling, "values": "8 bits a channel, 0 to 255"}
        entry = _entry(name, repo, kind, config, summary, tags) | {"modality": "image"}
        side = getattr(transformers, kind).config_class(**config).image_size
        entry |= {"input_size": [channels, side, side], "options": options}
        entries.append(entry | {"facts": facts | ({"channels": GREY} if channels == 1 else {})})
    for name, repo, kind, config, summary, tags, lower, pooling in TEXTS:
        entry = _entry(name, repo, kind, config, summary, tags) | {"modality": "text"}
        chosen = {"pooling": pooling} if pooling else {}
        entry |= {"input_size": [512], "options": chosen}
        entries.append(entry | {"facts": {"lower-cases": lower} | chosen})
    return entries


def _entry(
    name: str, repo: str, kind: str, config: dict[str, Any], summary: str, tags: tuple[str, ...]
) -> dict[str, Any]:
    with torch.device("meta"):
        model = built(kind, config)
    return {
        "name": f"medical:{name}",
        "source": repo,
        "summary": summary,
        "params": sum(parameter.numel() for parameter in model.parameters()),
        "feature_size": model.config.hidden_size,
        "tags": list(tags),
        "verified": "unverified",
    }


def main() -> None:
    """Write ``catalogue.json`` into the package, an entry a line."""
    entries = [json.dumps(entry) for entry in measure()]
    CATALOGUE.write_text("[\n" + ",\n".join(entries) + "\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
