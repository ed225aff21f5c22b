"""Records what PyTorch computes for small language models of recurrent layers with drawn weights.

    python scripts/oracles/rnn.py testdata/models/rnn

The logits of a text in two pieces, and then the likeliest text behind its last word, up to the
word `end` in both of two texts.
"""

import sys

import torch
from draw import draw, fill, record, tokens
from torch import nn

WORDS, D, MOST = 30, 24, 20


class Model(nn.Module):
    def __init__(self, layers):
        super().__init__()
        self.encoder, self.rnn, self.decoder = nn.Embedding(WORDS, D), layers(D, D, 2, batch_first=True), nn.Linear(D, WORDS)

    def forward(self, text, state=None):
        y, state = self.rnn(self.encoder(text), state)
        return self.decoder(y), state


torch.set_default_dtype(torch.float64)
for name, layers, end in [("lstm", nn.LSTM, 27), ("gru", nn.GRU, 23)]:
    model, text = fill(Model(layers)), tokens("text", WORDS, 2, 7)
    logits, state = model(text[:, :6])
    word, written, n = text[:, 6], torch.zeros(2, MOST), 0
    while n < MOST and (word != end).any():
        again, state = model(word[:, None], state)
        word = again[:, 0].argmax(-1)
        written[:, n], n = word, n + 1
    record(f"{sys.argv[1]}-{name}", first=logits[:, :4], rest=logits[:, 4:], text=written, n=torch.tensor(n))
