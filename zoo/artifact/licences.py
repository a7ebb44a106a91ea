"""Licences by the tags the Hub knows; it refuses a card with any other."""

from __future__ import annotations

# https://huggingface.co/docs/hub/repositories-licenses
# fmt: off
_TAGS = frozenset({
    "afl-3.0", "agpl-3.0", "apache-2.0", "artistic-2.0", "bsd", "bsd-2-clause", "bsd-3-clause",
    "bsd-3-clause-clear", "bsl-1.0", "cc", "cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0",
    "cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0",
    "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0", "cc-by-nd-4.0", "cc-by-sa-3.0",
    "cc-by-sa-4.0", "cc0-1.0", "cdla-permissive-2.0", "creativeml-openrail-m", "ecl-2.0",
    "epl-1.0", "epl-2.0", "etalab-2.0", "eupl-1.1", "eupl-1.2", "gemma", "gpl", "gpl-2.0",
    "gpl-3.0", "isc", "lgpl", "lgpl-2.1", "lgpl-3.0", "llama2", "llama3", "llama3.1",
    "llama3.2", "llama3.3", "mit", "mpl-2.0", "ms-pl", "ncsa", "odbl", "odc-by", "ofl-1.1",
    "openrail", "openrail++", "osl-3.0", "pddl", "postgresql", "unknown", "unlicense", "wtfpl",
    "zlib",
})
# fmt: on


def hub_licence(name: str | None) -> dict[str, str]:
    """The metadata fields for an SPDX identifier, a tag of the Hub's, or a licence it has not.

    >>> hub_licence("Apache-2.0")
    {'license': 'apache-2.0'}
    >>> hub_licence("GPL-3.0-or-later")
    {'license': 'gpl-3.0'}
    >>> hub_licence("Our own")
    {'license': 'other', 'license_name': 'Our own'}
    """
    if not name:
        return {"license": "unknown"}
    tag = name.lower().removesuffix("-only").removesuffix("-or-later")
    return {"license": tag} if tag in _TAGS else {"license": "other", "license_name": name}
