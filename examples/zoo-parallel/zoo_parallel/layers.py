"""What is put beside a layer; both start at zero, so that nothing changes at first."""

from torch import Tensor, nn
from torch.nn import functional


class BesideConv(nn.Module):
    """A 1x1 convolution beside a larger one (Rebuffi et al. 2018, arXiv:1803.10082)."""

    def __init__(self, layer: nn.Conv2d) -> None:
        super().__init__()
        self.layer = layer
        self.beside = nn.Conv2d(
            layer.in_channels, layer.out_channels, 1, stride=layer.stride, bias=False
        )
        nn.init.zeros_(self.beside.weight)

    def forward(self, x: Tensor) -> Tensor:
        """As the layer's."""
        return self.layer(x) + self.beside(x)

    def merge(self) -> None:
        """A 1x1 kernel is the middle of a larger one."""
        high, wide = (size // 2 for size in self.layer.kernel_size)
        self.layer.weight.data[:, :, high, wide] += self.beside.weight.data[:, :, 0, 0]


class BesideLinear(nn.Module):
    """A bottleneck with a ReLU beside a linear layer (He et al. 2022, arXiv:2110.04366)."""

    def __init__(self, layer: nn.Linear, width: int) -> None:
        super().__init__()
        self.layer = layer
        self.down = nn.Linear(layer.in_features, width)
        self.up = nn.Linear(width, layer.out_features)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, x: Tensor) -> Tensor:
        """As the layer's."""
        return self.layer(x) + self.up(functional.relu(self.down(x)))


def fits(layer: nn.Module) -> bool:
    """Whether something can stand beside ``layer`` and see the same places of its input."""
    if isinstance(layer, nn.Conv2d):
        middles = tuple(size // 2 for size in layer.kernel_size)
        odd = all(size % 2 for size in layer.kernel_size)
        return odd and layer.padding == middles and layer.dilation == (1, 1) and layer.groups == 1
    return isinstance(layer, nn.Linear)
