"""Records what PyTorch's recurrent layers give: testdata/recurrent.

PyTorch 2.x, run as: python scripts/oracles/recurrent.py
"""
import pathlib

import numpy as np
import torch
from safetensors.numpy import save_file

to = pathlib.Path(__file__).parents[2] / "testdata" / "recurrent"
torch.manual_seed(1)
lstm = torch.nn.LSTM(6, 5, num_layers=2, batch_first=True)
gru = torch.nn.GRU(6, 5, batch_first=True)
weights = {"lstm." + k: v for k, v in lstm.state_dict().items()} | {"gru." + k: v for k, v in gru.state_dict().items()}
save_file({k: v.detach().numpy() for k, v in weights.items()}, to / "recurrent.safetensors")

x, h, c = torch.randn(3, 9, 6), torch.randn(2, 3, 5), torch.randn(2, 3, 5)
ys, (hn, cn) = lstm.double()(x.double(), (h.double(), c.double()))
gs, gn = gru.double()(x.double(), h[:1].double())
for name, a in dict(x=x, h=h, c=c, lstm_ys=ys, lstm_h=hn, lstm_c=cn, gru_ys=gs, gru_h=gn[0]).items():
    np.save(to / f"{name}.npy", a.detach().numpy().astype(np.float32))
print("torch", torch.__version__)
