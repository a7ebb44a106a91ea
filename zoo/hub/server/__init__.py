"""An embedded hub: enough of the Hugging Face Hub's HTTP API for its unmodified client.

Models only, and no Xet: stock clients that upload large files set ``HF_HUB_DISABLE_XET=1``.
"""

from zoo.hub.server.access import Access
from zoo.hub.server.hub import EmbeddedHub, Logged

__all__ = ["Access", "EmbeddedHub", "Logged"]
