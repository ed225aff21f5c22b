"""Records what PyTorch computes for a small Whisper with drawn weights.

    python scripts/oracles/whisper.py testdata/models/whisper

The network is written with torch.nn under the names of the checkpoints of Hugging Face, in
float64. It has no cache: the logits at each position are those of the whole text.
"""

import math
import sys

import numpy as np
import torch
import torch.nn.functional as F
from draw import draw, fill, record, tokens
from torch import nn

D, MELS, A, P, VOCAB, LAYERS, EARS, HEADS = 32, 20, 24, 12, 50, 2, 2, 4


class Attention(nn.Module):
    def __init__(self, heads):
        super().__init__()
        self.heads = heads
        self.q_proj, self.v_proj, self.out_proj = (nn.Linear(D, D) for _ in range(3))
        self.k_proj = nn.Linear(D, D, bias=False)

    def forward(self, x, other, mask=0.0):
        q, k, v = (y.unflatten(-1, (self.heads, -1)).transpose(1, 2) for y in (self.q_proj(x), self.k_proj(other), self.v_proj(other)))
        p = (q @ k.transpose(-1, -2) / math.sqrt(D // self.heads) + mask).softmax(-1)
        return self.out_proj((p @ v).transpose(1, 2).flatten(2))


class Layer(nn.Module):
    """Of the encoder or, with attention to the sound, of the decoder."""

    def __init__(self, heads, decoder):
        super().__init__()
        self.self_attn, self.self_attn_layer_norm = Attention(heads), nn.LayerNorm(D)
        if decoder:
            self.encoder_attn, self.encoder_attn_layer_norm = Attention(heads), nn.LayerNorm(D)
        self.fc1, self.fc2, self.final_layer_norm = nn.Linear(D, 4 * D), nn.Linear(4 * D, D), nn.LayerNorm(D)

    def forward(self, x, audio=None, mask=0.0):
        h = self.self_attn_layer_norm(x)
        x = x + self.self_attn(h, h, mask)
        if audio is not None:
            x = x + self.encoder_attn(self.encoder_attn_layer_norm(x), audio)
        return x + self.fc2(F.gelu(self.fc1(self.final_layer_norm(x))))


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv1d(MELS, D, 3, padding=1), nn.Conv1d(D, D, 3, stride=2, padding=1)
        self.layers = nn.ModuleList(Layer(EARS, False) for _ in range(LAYERS))
        self.layer_norm = nn.LayerNorm(D)

    def forward(self, mel):
        x = F.gelu(self.conv2(F.gelu(self.conv1(mel.transpose(1, 2))))).transpose(1, 2)
        angle = torch.arange(A)[:, None] * 10000.0 ** (-torch.arange(D // 2) / (D // 2 - 1))
        x = x + torch.cat([angle.sin(), angle.cos()], 1)
        for layer in self.layers:
            x = layer(x)
        return self.layer_norm(x)


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed_tokens, self.embed_positions = nn.Embedding(VOCAB, D), nn.Embedding(P, D)
        self.layers = nn.ModuleList(Layer(HEADS, True) for _ in range(LAYERS))
        self.layer_norm = nn.LayerNorm(D)

    def forward(self, text, audio):
        n = text.shape[1]
        x = self.embed_tokens(text) + self.embed_positions.weight[:n]
        mask = torch.full((n, n), -math.inf).triu(1)
        for layer in self.layers:
            x = layer(x, audio, mask)
        return self.layer_norm(x) @ self.embed_tokens.weight.T


class Whisper(nn.Module):
    def __init__(self):
        super().__init__()
        self.model = nn.Module()
        self.model.encoder, self.model.decoder = Encoder(), Decoder()


def pitch(hz):
    """Slaney's mel scale."""
    return hz * 3 / 200 if hz < 1000 else 15 + 27 * math.log(hz / 1000) / math.log(6.4)


def filters():
    """Triangles over the pitches from 0 to 8000 Hz; numpy.interp inverts the scale."""
    fine = np.linspace(0, 8000, 200_001)
    edges = np.interp(np.linspace(0, pitch(8000), MELS + 2), [pitch(f) for f in fine], fine)
    f = np.arange(201) * 40.0
    rows = [np.interp(f, edges[i : i + 3], [0, 1, 0], left=0, right=0) * 2 / (edges[i + 2] - edges[i]) for i in range(MELS)]
    return torch.from_numpy(np.array(rows))


def hear(sound):
    z = torch.stft(sound, 400, 160, window=torch.hann_window(400), return_complex=True)[:, :, :-1]
    x = (filters() @ z.abs() ** 2).clamp(min=1e-10).log10()
    x = torch.maximum(x, x.amax((1, 2), keepdim=True) - 8)
    return (x.transpose(1, 2) + 4) / 4


torch.set_default_dtype(torch.float64)
whisper = fill(Whisper()).model
sound = draw("sound", 2, 320 * A)
sound[:, 160 * A :] = 0
audio = whisper.encoder(draw("mel", 2, 2 * A, MELS))
logits = whisper.decoder(tokens("text", VOCAB, 2, 7), audio)
record(sys.argv[1], mel=hear(sound), audio=audio, prompt=logits[:, 4], fifth=logits[:, 5], sixth=logits[:, 6])
