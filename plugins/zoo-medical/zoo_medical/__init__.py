"""Medical backbones for zoo: encoders of images and of texts, all under `medical:`."""
