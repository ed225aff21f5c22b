"""Records what numpy.fft and torch.stft compute.

    python scripts/oracles/fft.py .

ir/testdata/oracle/fft.json has the op, in the format of ops.py; testdata/fft has
arrays of float32 for other transforms and what is made of them, of the signal of
`signal`, which the test computes as well.
"""

import json
import sys

import numpy as np
import torch

rng = np.random.default_rng(11)


def pairs(z):
    return np.stack([z.real, z.imag], -1)


def tensor(x, dtype="f32"):
    return f"{dtype}{list(x.shape)}: {' '.join(repr(float(v)) for v in x.flatten())}"


def case(shape, inverse, dtype="f64"):
    x = np.round(rng.standard_normal([*shape, 2]) * 64) / 64
    want = (np.fft.ifft if inverse else np.fft.fft)(x[..., 0] + 1j * x[..., 1])
    return {"op": "fft", "attrs": f"inverse={str(inverse).lower()}, acc=invalid", "args": [tensor(x, dtype)], "want": tensor(pairs(want), dtype)}


def signal(*shape):
    j = np.arange(np.prod(shape)).reshape(shape)
    return ((j * j * 7 + j * 13) % 101 - 50) / 64


cases = [case(s, inverse, "f32") for s in [[1], [2], [3, 4]] for inverse in (False, True)]  # of quarters of a circle, which are exact
cases += [case(s, inverse) for s in [[2, 3], [8], [2, 1, 12], [31], [33], [35], [64], [97], [400]] for inverse in (False, True)]
versions = {"python": sys.version.split()[0], "numpy": np.__version__, "torch": torch.__version__}
with open(f"{sys.argv[1]}/ir/testdata/oracle/fft.json", "w") as f:
    f.write('{"made by": "scripts/oracles/fft.py", "versions": ' + json.dumps(versions) + ', "cases": [\n')
    f.write(",\n".join(json.dumps(c) for c in cases) + "\n]}\n")

z = np.fft.rfft(signal(3, 15))
speech = torch.from_numpy(signal(2, 1000))
stft = lambda x, n, hop, window, center: torch.stft(x, n, hop, window=window, center=center, return_complex=True)
hann = torch.hann_window(400, dtype=torch.float64)
spectrum = stft(speech, 400, 160, hann, True) * (1 + 2j)  # which is that of no signal
spectrum[..., 0, :] = spectrum[..., 0, :].real  # as NumPy takes it, and so has PyTorch
spectrum[..., -1, :] = spectrum[..., -1, :].real
uneven = torch.linspace(0.25, 1, 16, dtype=torch.float64)
inside = stft(speech, 16, 5, uneven, False) * (2 - 1j)
inside[..., 0, :], inside[..., -1, :] = inside[..., 0, :].real, inside[..., -1, :].real
spectrum, inside = (z.to(torch.complex64).to(torch.complex128) for z in (spectrum, inside))
istft = lambda z, n, hop, window, center, length: torch.istft(z, n, hop, window=window, center=center, length=length)
arrays = {
    "fft512": pairs(np.fft.fft(signal(512))), "fft1024": pairs(np.fft.fft(signal(1024))), "fft4096": pairs(np.fft.fft(signal(4096))),
    "rfft": pairs(z), "z": pairs(z * (1 + 2j)), "irfft": np.fft.irfft(z * (1 + 2j), 15), "irfft_even": np.fft.irfft(z * (1 + 2j)),
    "stft": pairs(stft(speech, 400, 160, hann, True).numpy().swapaxes(-1, -2)),
    "spectrum": pairs(spectrum.numpy().swapaxes(-1, -2)), "istft": istft(spectrum, 400, 160, hann, True, 1000).numpy(),
    "inside": pairs(inside.numpy().swapaxes(-1, -2)), "istft_inside": istft(inside, 16, 5, uneven, False, 990).numpy(),
    "stft_inside": pairs(stft(speech, 16, 5, torch.linspace(0, 1, 16, dtype=torch.float64), False).numpy().swapaxes(-1, -2)),
}
for name, x in arrays.items():
    np.save(f"{sys.argv[1]}/testdata/fft/{name}.npy", x.astype(np.float32))
