"""ResNet-20 for 32x32 images (He et al. 2015, arXiv:1512.03385, section 4.2), without its classifier.

Where a stage halves the side and doubles the channels, the shortcut has no parameters: every second
pixel, and zeros for the new channels (option A of the paper).
"""

from torch import Tensor, nn
from torch.nn import functional

SIDE = 32  # pixels
WIDTHS = (16, 32, 64)
BLOCKS = 3  # a stage
FEATURES = WIDTHS[-1]


class BasicBlock(nn.Module):
    """Two convolutions, and a shortcut around them."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.stride = stride
        self.missing = (outputs - inputs) // 2  # channels, on each side

    def forward(self, x: Tensor) -> Tensor:
        """``[batch, inputs, side, side]`` to ``[batch, outputs, side / stride, …]``."""
        inner = functional.relu(self.bn1(self.conv1(x)))
        shortcut = x[:, :, :: self.stride, :: self.stride]
        shortcut = functional.pad(shortcut, (0, 0, 0, 0, self.missing, self.missing))
        return functional.relu(self.bn2(self.conv2(inner)) + shortcut)


class ResNet20(nn.Module):
    """A convolution, three stages of three blocks, and the mean over the picture.

    Names are those of the published weights.
    """

    def __init__(self) -> None:
        super().__init__()
        first, second, third = WIDTHS
        self.conv1 = nn.Conv2d(3, first, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(first)
        self.layer1 = _stage(first, first, stride=1)
        self.layer2 = _stage(first, second, stride=2)
        self.layer3 = _stage(second, third, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """``[batch, 3, 32, 32]`` to features ``[batch, 64]``."""
        x = functional.relu(self.bn1(self.conv1(x)))
        return self.layer3(self.layer2(self.layer1(x))).mean((2, 3))


def _stage(inputs: int, outputs: int, *, stride: int) -> nn.Sequential:
    rest = (BasicBlock(outputs, outputs, 1) for _ in range(BLOCKS - 1))
    return nn.Sequential(BasicBlock(inputs, outputs, stride), *rest)
