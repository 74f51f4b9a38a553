#!/usr/bin/env python3
"""Makes tests/golden/quantized.gguf: the tensors `values` and `importance`, and for each type T that is written the tensors T and
T.weighted, what ggml makes of the values without and with the importance. Needs numpy, gguf and a shared library of ggml with
quantize_q4_0() and its like (libggml-base.so of llama.cpp):

    make_quantized_golden.py LIBRARY
"""
import ctypes
import os
import sys

import gguf
import numpy as np

ROWS, COLUMNS = 6, 768
FUNCTIONS = {"Q8_0": "quantize_q8_0", "Q4_0": "quantize_q4_0", "Q4_1": "quantize_q4_1", "Q5_0": "quantize_q5_0",
             "Q4_K": "quantize_q4_K", "Q6_K": "quantize_q6_K"}


def make_values(random):
    """Rows as weights have them, and what is at the edges of the formats."""
    values = random.standard_normal((ROWS, COLUMNS)).astype(np.float32)
    values[1] *= 0.02
    values[1, ::37] *= 25  # outliers
    values[2] = np.abs(values[2])  # of one sign
    values[3] = np.round(values[3] * 2) / 8  # many ties in rounding
    values[4, :256] = 0
    values[4, 256:512] *= np.float32(1e-38)  # scales below the normal numbers
    values[4, 512:] *= np.float32(1e-43)
    values[5, :256] = 0.125  # all alike
    values[5, 256:512] = -0.25
    values[5, 512:] *= 1000
    return values


def pointer(array):
    return array.ctypes.data_as(ctypes.c_void_p)


def quantized(library, name, values, importance):
    function = getattr(library, FUNCTIONS[name])
    function.restype = ctypes.c_size_t
    function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p]
    block, size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[name]]
    data = np.zeros((ROWS, COLUMNS // block * size), dtype=np.uint8)
    written = function(pointer(values), pointer(data), ROWS, COLUMNS, None if importance is None else pointer(importance))
    assert written == data.nbytes
    return data


def main():
    library = ctypes.CDLL(sys.argv[1], mode=os.RTLD_LAZY)
    random = np.random.default_rng(180)
    values = make_values(random)
    importance = np.exp(2 * random.standard_normal(COLUMNS)).astype(np.float32)
    importance[::101] = 0
    folder = os.path.dirname(os.path.abspath(__file__))
    writer = gguf.GGUFWriter(os.path.join(folder, "quantized.gguf"), "llama")
    writer.add_tensor("values", values)
    writer.add_tensor("importance", importance)
    for name in FUNCTIONS:
        kind = gguf.GGMLQuantizationType[name]
        writer.add_tensor(name, quantized(library, name, values, None), raw_dtype=kind)
        writer.add_tensor(name + ".weighted", quantized(library, name, values, importance), raw_dtype=kind)
        if name[1:] in ("8_0", "4_0", "4_1", "5_0"):  # a second witness
            assert (gguf.quantize(values[:4], kind) == quantized(library, name, values, None)[:4]).all(), name
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


main()
