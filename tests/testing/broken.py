"""What the rules of a method say of a class that breaks one of them."""


def verdicts(subject, rules, made, provided):
    """By rule, of a ``made`` that stands in for what ``provided`` gives.

    Args:
        subject: the class of subjects that the rules are asked of.
        rules: of the method.
        made: called with a spec and settings.
        provided: lends it both.
    """

    class Given(subject):
        def fresh(self):
            return made(self.spec, self.settings)

    given = Given(provided)
    return {rule.name: given.verdict(rule) for rule in rules}


def require_only(rule, found):
    """Fail unless this rule alone is broken."""
    assert found[rule].status == "failed", found[rule]
    assert all(v.status != "failed" for name, v in found.items() if name != rule)
