#!/usr/bin/env python3
"""Makes tests/golden/blocks.gguf: random blocks of every quantized type, and beside each tensor T the values T.values that the gguf
package dequantizes it to. Needs gguf and numpy."""
import os

import gguf
import numpy as np

TYPES = ["F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS", "MXFP4"]
# Where blocks have 16-bit floats: those must be finite.
HALVES = {"Q8_0": [0], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2],
          "Q5_K": [0, 2], "Q6_K": [208], "IQ4_NL": [0], "IQ4_XS": [0]}

random = np.random.default_rng(18)
writer = gguf.GGUFWriter(os.path.join(os.path.dirname(os.path.abspath(__file__)), "blocks.gguf"), "llama")
for name in TYPES:
    kind = gguf.GGMLQuantizationType[name]
    values, size = gguf.GGML_QUANT_SIZES[kind]
    blocks = {1: 512, 32: 16, 256: 4}[values]
    data = random.integers(0, 256, (blocks, size), dtype=np.uint8)
    if name == "F16":  # every exponent but that of infinity, then zeros and the smallest
        numbers = data.view(np.uint16).ravel()
        numbers[(numbers >> 10) % 32 == 31] &= 0x83FF
        numbers[:4] = [0, 0x8000, 1, 0x8001]
    elif name == "BF16":
        numbers = data.view(np.uint16).ravel()
        numbers[(numbers >> 7) % 256 == 255] &= 0x807F
    elif name == "MXFP4":
        data[:, 0] = list(range(3)) + [40, 100, 117, 126, 127, 128, 130, 140, 200, 250, 1, 2, 90]
    for at in HALVES.get(name, []):
        scale = (random.standard_normal(blocks) * 0.02).astype(np.float16)
        scale[:3] = [0, 6e-8, -3e-6]  # zero, and below the normal numbers
        data[:, at:at + 2] = scale.view(np.uint8).reshape(blocks, 2)
    row = data.reshape(1, -1)
    writer.add_tensor(name, row.view(np.float16) if name == "F16" else row, raw_dtype=kind)
    expected = gguf.dequantize(row, kind).astype(np.float32)
    assert np.isfinite(expected).all(), name
    writer.add_tensor(name + ".values", expected)
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
