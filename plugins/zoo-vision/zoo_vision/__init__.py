"""timm backbones for zoo: `timm:<anything timm.create_model takes>`."""
