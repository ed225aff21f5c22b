"""Records what PyTorch computes for classifiers of pictures with drawn weights.

    python scripts/oracles/classifiers.py testdata/models

A perceptron, LeNet-5, and ResNet-18 from its paper under torchvision's names, in float64.
"""

import sys

import torch
import torch.nn.functional as F
from draw import draw, fill, record
from torch import nn


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x.flatten(1))))))


class BasicBlock(nn.Module):
    def __init__(self, cin, cout, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(cin, cout, 3, stride, 1, bias=False), nn.BatchNorm2d(cout)
        self.conv2, self.bn2 = nn.Conv2d(cout, cout, 3, 1, 1, bias=False), nn.BatchNorm2d(cout)
        if stride != 1 or cin != cout:
            self.downsample = nn.Sequential(nn.Conv2d(cin, cout, 1, stride, bias=False), nn.BatchNorm2d(cout))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (self.downsample(x) if hasattr(self, "downsample") else x))


class ResNet18(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, width, 7, 2, 3, bias=False), nn.BatchNorm2d(width)
        self.layer1 = nn.Sequential(BasicBlock(width, width, 1), BasicBlock(width, width, 1))
        for i in (1, 2, 3):
            w = width * 2**i
            setattr(self, f"layer{i + 1}", nn.Sequential(BasicBlock(w // 2, w, 2), BasicBlock(w, w, 1)))
        self.fc = nn.Linear(8 * width, 1000)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        return self.fc(self.layer4(self.layer3(self.layer2(self.layer1(x)))).mean((2, 3)))


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(784, 32), nn.Linear(32, 10)

    def forward(self, x):
        return self.fc2(F.relu(self.fc1(x)))


def pictures(*shape):
    return draw("x", *shape).permute(0, 3, 1, 2)


torch.set_default_dtype(torch.float64)
folder = sys.argv[1]
record(folder + "/mlp", probs=fill(MLP())(draw("x", 3, 784)).softmax(-1))
record(folder + "/lenet", logits=fill(LeNet())(pictures(2, 28, 28, 1)))
record(folder + "/resnet18", logits=fill(ResNet18(16))(pictures(2, 64, 64, 3)))
