"""A convolutional network of 23,408 parameters for 8x8 grey images."""

from __future__ import annotations

from torch import Tensor, nn

SIDE = 8  # pixels
WIDTHS = (16, 32, 64)
FEATURES = WIDTHS[-1] * (SIDE // 4) ** 2


class Stage(nn.Module):
    """Convolution, batch norm, ReLU; halves the side where ``pool`` is set."""

    def __init__(self, inputs: int, outputs: int, *, pool: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        self.act = nn.ReLU()
        self.pool = nn.MaxPool2d(2) if pool else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """``[batch, inputs, side, side]`` to ``[batch, outputs, side or side / 2, …]``."""
        out: Tensor = self.pool(self.act(self.norm(self.conv(x))))
        return out


class DigitNet(nn.Module):
    """Three stages. Where a stroke lies matters, so that features keep a 2x2 grid."""

    def __init__(self) -> None:
        super().__init__()
        first, second, third = WIDTHS
        self.stage1 = Stage(1, first, pool=False)
        self.stage2 = Stage(first, second, pool=True)
        self.stage3 = Stage(second, third, pool=True)

    def forward(self, x: Tensor) -> Tensor:
        """``[batch, 1, 8, 8]`` in 0 to 1, to features ``[batch, 256]``."""
        out: Tensor = self.stage3(self.stage2(self.stage1(x)))
        return out.flatten(1)
