#!/usr/bin/env python3
"""Trains the digits model on pictures made by this folder's Go program.

    go run ./scripts/digits -o DIR
    python3 scripts/digits/train.py DIR testdata/digits

The epoch is chosen by the held-out styles in DIR. It writes digits.safetensors,
and reference.npz: the sample pictures, and the probabilities that PyTorch gives for
them.
Needs torch, numpy, safetensors and pillow; the README there says which versions
were used.
"""
import sys
import time

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn

NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
EPOCHS, BATCH = 6, 128


class Net(nn.Module):
    """Names and layout are those of digits.mlx; the last product reads its input
    channels last."""

    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16)
        self.conv2, self.bn2 = nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32)
        self.conv3, self.bn3 = nn.Conv2d(32, 64, 3, padding=1), nn.BatchNorm2d(64)
        self.fc = nn.Linear(3 * 3 * 64, 10)
        self.drop = nn.Dropout(0.3)

    def forward(self, x):  # [B, 1, 28, 28], pixels 0 to 255
        x = x / 255
        for conv, bn in ((self.conv1, self.bn1), (self.conv2, self.bn2), (self.conv3, self.bn3)):
            x = torch.max_pool2d(torch.relu(bn(conv(x))), 2)
        return self.fc(self.drop(x.permute(0, 2, 3, 1).flatten(1)))


def load(path):
    images = torch.from_numpy(np.load(path + "-images.npy"))[:, None]
    labels = torch.from_numpy(np.load(path + "-labels.npy")).long()
    return images, labels


@torch.no_grad()
def accuracy(net, images, labels):
    net.eval()
    right = sum((net(images[i : i + 1000].float()).argmax(1) == labels[i : i + 1000]).sum().item() for i in range(0, len(labels), 1000))
    return right / len(labels)


def main(data, out):
    torch.manual_seed(1)
    torch.set_num_threads(2)
    images, labels = load(data + "/train")
    held = load(data + "/held")
    net = Net()
    steps = EPOCHS * (len(labels) // BATCH)
    opt = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=1e-2)
    plan = torch.optim.lr_scheduler.OneCycleLR(opt, 3e-3, total_steps=steps)
    best, chosen = 0.0, None
    for epoch in range(EPOCHS):
        net.train()
        start = time.time()
        order = torch.randperm(len(labels))
        for i in range(len(labels) // BATCH):
            pick = order[i * BATCH : (i + 1) * BATCH]
            loss = nn.functional.cross_entropy(net(images[pick].float()), labels[pick], label_smoothing=0.05)
            opt.zero_grad()
            loss.backward()
            opt.step()
            plan.step()
        right = accuracy(net, *held)
        print(f"epoch {epoch + 1}: loss {loss.item():.4f}, held-out styles {100 * right:.2f} %, {time.time() - start:.0f} s", flush=True)
        if right > best:
            best, chosen = right, {k: v.clone().contiguous() for k, v in net.state_dict().items() if v.dtype == torch.float32}
    save_file({"net." + k: v for k, v in chosen.items()}, out + "/digits.safetensors")
    net.load_state_dict(chosen, strict=False)
    net.eval()
    samples = np.stack([np.asarray(Image.open(f"{out}/{n}.png")) for n in NAMES])
    with torch.no_grad():
        probs = net(torch.from_numpy(samples)[:, None].float()).softmax(1)
    np.savez_compressed(out + "/reference.npz", image=samples[:, :, :, None].astype(np.float32), probs=probs.numpy())
    print(f"chosen: held-out styles {100 * best:.2f} %; samples read as {probs.argmax(1).tolist()}")
    print(f"torch {torch.__version__}, numpy {np.__version__}, python {sys.version.split()[0]}")


if __name__ == "__main__":
    main(*sys.argv[1:])
