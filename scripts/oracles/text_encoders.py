"""Records what PyTorch computes for a small BERT and small text encoders of CLIP with drawn weights.

    python scripts/oracles/text_encoders.py testdata/models

The networks are written with torch.nn under the names of Hugging Face's BertModel and
CLIPTextModel, in float64.
"""

import math
import sys

import torch
import torch.nn.functional as F
from draw import draw, fill, record, tokens
from torch import nn

VOCAB, P, D, HIDDEN, LAYERS, HEADS = 60, 16, 32, 48, 2, 4


def attend(q, k, v, mask):
    q, k, v = (y.unflatten(-1, (HEADS, -1)).transpose(1, 2) for y in (q, k, v))
    p = (q @ k.transpose(-1, -2) / math.sqrt(D // HEADS) + mask).softmax(-1)
    return (p @ v).transpose(1, 2).flatten(2)


class Output(nn.Module):
    def __init__(self, cin):
        super().__init__()
        self.dense, self.LayerNorm = nn.Linear(cin, D), nn.LayerNorm(D, eps=1e-12)

    def forward(self, y, x):
        return self.LayerNorm(self.dense(y) + x)


class BertLayer(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention, self.intermediate = nn.ModuleDict({"self": nn.Module(), "output": Output(D)}), nn.Module()
        own = self.attention["self"]
        own.query, own.key, own.value = (nn.Linear(D, D) for _ in range(3))
        self.intermediate.dense, self.output = nn.Linear(D, HIDDEN), Output(HIDDEN)

    def forward(self, x, mask):
        own = self.attention["self"]
        x = self.attention["output"](attend(own.query(x), own.key(x), own.value(x), mask), x)
        return self.output(F.gelu(self.intermediate.dense(x)), x)


class Bert(nn.Module):
    def __init__(self):
        super().__init__()
        self.embeddings, self.encoder, self.pooler = nn.Module(), nn.Module(), nn.Module()
        e = self.embeddings
        e.word_embeddings, e.position_embeddings, e.token_type_embeddings = (nn.Embedding(n, D) for n in (VOCAB, P, 2))
        e.LayerNorm = nn.LayerNorm(D, eps=1e-12)
        self.encoder.layer = nn.ModuleList(BertLayer() for _ in range(LAYERS))
        self.pooler.dense = nn.Linear(D, D)

    def forward(self, text, kind, seen):
        e = self.embeddings
        x = e.LayerNorm(e.word_embeddings(text) + e.position_embeddings.weight[: text.shape[1]] + e.token_type_embeddings(kind))
        for layer in self.encoder.layer:
            x = layer(x, torch.where(seen, 0, -math.inf)[:, None, None])
        return x, self.pooler.dense(x[:, 0]).tanh()


class ClipLayer(nn.Module):
    def __init__(self, act):
        super().__init__()
        self.act = act
        self.self_attn, self.mlp = nn.Module(), nn.Module()
        a = self.self_attn
        a.q_proj, a.k_proj, a.v_proj, a.out_proj = (nn.Linear(D, D) for _ in range(4))
        self.layer_norm1, self.layer_norm2 = nn.LayerNorm(D), nn.LayerNorm(D)
        self.mlp.fc1, self.mlp.fc2 = nn.Linear(D, HIDDEN), nn.Linear(HIDDEN, D)

    def forward(self, x):
        h, a = self.layer_norm1(x), self.self_attn
        mask = torch.full((x.shape[1], x.shape[1]), -math.inf).triu(1)
        x = x + a.out_proj(attend(a.q_proj(h), a.k_proj(h), a.v_proj(h), mask))
        return x + self.mlp.fc2(self.act(self.mlp.fc1(self.layer_norm2(x))))


class Clip(nn.Module):
    def __init__(self, act):
        super().__init__()
        self.text_model = m = nn.Module()
        m.embeddings, m.encoder = nn.Module(), nn.Module()
        m.embeddings.token_embedding, m.embeddings.position_embedding = nn.Embedding(VOCAB, D), nn.Embedding(P, D)
        m.encoder.layers = nn.Sequential(*(ClipLayer(act) for _ in range(LAYERS)))
        m.final_layer_norm = nn.LayerNorm(D)

    def forward(self, text):
        m = self.text_model
        x = m.embeddings.token_embedding(text) + m.embeddings.position_embedding.weight[: text.shape[1]]
        return m.final_layer_norm(m.encoder.layers(x))


torch.set_default_dtype(torch.float64)
folder, text = sys.argv[1], tokens("text", VOCAB, 2, 9)
seen = torch.arange(9) < torch.tensor([[9], [6]])
hidden, pooled = fill(Bert())(text, tokens("kind", 2, 2, 9), seen)
record(folder + "/bert", hidden=hidden, pooled=pooled)
record(folder + "/clip", gelu=fill(Clip(F.gelu))(text), quick=fill(Clip(lambda x: x * (1.702 * x).sigmoid()))(text))
