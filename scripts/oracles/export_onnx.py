"""Exports models of random weights from PyTorch to ONNX, each as a folder of an ONNX test:

    python scripts/oracles/export_onnx.py DIR [NAME...]
    MLXC_ONNX_EXPORTS=DIR go test . -run ONNXExports -v

The outputs are PyTorch's, in f32 on the CPU. Made with torch 2.15.0, torchvision 0.29.2,
transformers 5.24.0, onnx 1.23.2 and onnxscript 0.7.2; nothing of it is kept.
"""

import os
import sys

import numpy as np
import onnx
import torch
import torchvision
import transformers


class Llama(torch.nn.Module):
    """A small Llama with grouped queries, from tokens to logits."""

    def __init__(self):
        super().__init__()
        config = transformers.LlamaConfig(
            hidden_size=64, intermediate_size=172, num_hidden_layers=2, num_attention_heads=8, num_key_value_heads=4,
            vocab_size=512, max_position_embeddings=128, attn_implementation="eager")
        self.model = transformers.LlamaForCausalLM(config)

    def forward(self, tokens):
        return self.model(input_ids=tokens, use_cache=False).logits


class WhisperEncoder(torch.nn.Module):
    """The encoder of a Whisper half as wide as its tiny one, from the spectrogram on."""

    def __init__(self):
        super().__init__()
        config = transformers.WhisperConfig(
            d_model=192, encoder_layers=2, encoder_attention_heads=6, encoder_ffn_dim=768, attn_implementation="eager")
        self.model = transformers.models.whisper.modeling_whisper.WhisperEncoder(config)

    def forward(self, mel):
        return self.model(mel).last_hidden_state


def image(size):
    return torch.randn(1, 3, size, size)


MODELS = {
    "resnet18": (torchvision.models.resnet18, lambda: image(224)),
    "mobilenet_v3_small": (torchvision.models.mobilenet_v3_small, lambda: image(224)),
    "vit_b_16": (torchvision.models.vit_b_16, lambda: image(224)),
    "llama": (Llama, lambda: torch.randint(0, 512, (1, 24))),
    "whisper_encoder": (WhisperEncoder, lambda: torch.randn(1, 80, 3000)),
}


def stir(model):
    """Gives running means and variances, and weights that begin as 0 or 1, other values."""
    with torch.no_grad():
        for name, t in list(model.named_parameters()) + list(model.named_buffers()):
            if t.dtype != torch.float32 or t.numel() < 2:
                continue
            if "running_var" in name:
                t.uniform_(0.5, 1.5)
            elif "running_mean" in name or t.max() == t.min():
                t.add_(torch.randn_like(t) * 0.1)


def export(folder, name):
    torch.manual_seed(1)
    make, draw = MODELS[name]
    model = make().eval()
    stir(model)
    x = draw()
    with torch.no_grad():
        y = model(x)
    data = os.path.join(folder, name, "test_data_set_0")
    os.makedirs(data, exist_ok=True)
    torch.onnx.export(model, (x,), os.path.join(folder, name, "model.onnx"), dynamo=True, external_data=True, verbose=False)
    for kind, t in [("input", x), ("output", y)]:
        with open(os.path.join(data, kind + "_0.pb"), "wb") as f:
            f.write(onnx.numpy_helper.from_array(t.numpy().astype(t.numpy().dtype), kind).SerializeToString())
    print(name, tuple(x.shape), "->", tuple(y.shape), "largest", float(np.abs(y.numpy()).max()))


if __name__ == "__main__":
    for name in sys.argv[2:] or MODELS:
        export(sys.argv[1], name)
