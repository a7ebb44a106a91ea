"""What zoo-cifar provides. Imported to list it, so nothing heavy is imported here."""

from zoo.plugin import BackboneSpec, hookimpl

ZOO_API = "0.1"  # the version of the plugin API that this was written for
SOURCE = "zoo-mirror/cifar10_resnet20"  # a Hub repo that holds model.safetensors


@hookimpl
def zoo_backbones() -> list[BackboneSpec]:
    """One network; `tiny` tells the conformance kit to try this one."""
    return [
        BackboneSpec(
            name="cifar:resnet20",
            loader="zoo_cifar.backbone:load",
            modality="image",
            source=SOURCE,
            summary="ResNet-20 trained on CIFAR-10: tiny photos of ten kinds of things",
            license="bsd-2-clause",
            params=269_072,
            feature_size=64,
            input_size=(3, 32, 32),
            tags=("cnn", "tiny"),
            verified="architecture",
        )
    ]
