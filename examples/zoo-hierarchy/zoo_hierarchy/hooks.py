"""What zoo-hierarchy provides. Imported to list it, so nothing heavy is imported here."""

from zoo.plugin import Setting, TaskSpec, hookimpl

ZOO_API = "0.1"  # the version of the plugin API that this was written for


@hookimpl
def zoo_tasks() -> list[TaskSpec]:
    """Classification of labels that stand in groups."""
    return [
        TaskSpec(
            name="hierarchy",
            loader="zoo_hierarchy.task:Hierarchy",
            summary="one label of several that stand in groups: animal:cat, animal:dog, plant:oak",
            settings=(
                Setting("separator", ":", "between the group and the rest of a label"),
                Setting(
                    "within",
                    0.6,
                    "weight of telling apart the labels of a group; 1: all mistakes cost the same",
                    minimum=0.0,
                    maximum=1.0,
                ),
            ),
        )
    ]
