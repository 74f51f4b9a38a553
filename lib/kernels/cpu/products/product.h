// Matrix products: the words of this room, its layers, and what they hand to each other.
//
//                                  n
//                       +-------+-------+-------+--
//                       | panel |       |       |     b (depth, n), packed: panel after panel, each of depth lines of as
//                 depth |   |   |       |       |     many columns as two vectors hold
//                       |   v   |       |       |
//                       +-------+-------+-------+--
//              depth
//            +--------+ +-------+-------+-------+--
//      block | unit > | | sums  |       |       |     a block of c: a few rows, whose sums by one panel stay in registers
//            +--------+ +-------+-------+-------+--   while a micro-kernel runs along depth
//      m     |        | |       |       |       |
//            +--------+ +-------+-------+-------+--
//            |        | |       |       |       |     c (m, n) = a b: a tile of a larger matrix
//            +--------+ +-------+-------+-------+--
//           a (m, depth)
//
// unit    what is read of a at a time and broadcast over a panel's columns: a number in fp32, 32 bits in a 16-bit format
//         (two neighbours along depth in bf16, one number twice in fp16)
// panel   columns of b, packed so that a micro-kernel reads them from front to back; zeros fill the last one
// block   rows of a and c that a micro-kernel takes at once, as many as have room in registers. A left factor that lies in
//         memory as its transpose is packed into blocks, too: depth lines of a block's rows
// tile    the part of a product that one thread computes, a few hundred rows and columns
// part    a piece of depth: a long sum is cut into parts so that a panel stays in the caches. If depth is the rows of a
//         batch, in a weight's gradient, it is called a slice
//
// A product is made in five layers, from the outside in, because five things change for reasons of their own: what is asked
// for, the threads and the last-level cache, the precision, the first-level cache, the registers.
//
// 1. matmul.cpp           a linear layer: checks shapes, chooses by type, tier, precision and rows, packs weights
// 2. tiled_product.h      cut c into tiles for the threads, and depth into parts, by shapes only and never by the number of
//    weight_gradient.h    threads: so the bits do not depend on it
// 3. factors.h            fp32 and 16-bit factors behind one set of names: how they are rounded, scaled and packed.
//                         Attention, too, is written over them
// 4. multiply_panels()    walks over a tile: a panel serves a pass of blocks while it is in the first-level cache
//    (simd/gemm.cpp, half/product.h)
// 5. micro_kernel()       computes a block by a panel in registers, then stores the sums and what is added to them
//    (in the same files)
//
// Every element of c is one chain over depth, cut at places that depend on depth only. So its bits do not depend on where it
// is in a tile or on how many rows there are. After Goto and van de Geijn, "Anatomy of high-performance matrix
// multiplication", 2008.
//
// In double, and if vectors are narrow (the portable tier), OpenBLAS computes the tiles: multiply_tile.h chooses.
//
// A new kind of factor, such as a quantized weight, is
//   - a value of Precision (kernels/precision.h), and its copies of a matrix beside HalfWeight (kernels/matmul.h), which
//     round_weight() (matmul_half_weight.cpp) fills and LinearLayers (model/linear_layers.h) owns
//   - a table of kernels beside half_kernels.h; of a 16-bit format, a file beside half/product_bf16.cpp
//   - a class beside HalfFactors in factors.h, a branch of with_factors() there, and one for each pass in matmul.cpp
// Generating text is apart: its weights are packed once, for any number of rows (kernels/packed.h, simd/packed.h).
#pragma once

#include <cstdint>

#include "kernels/cpu/strided.h"

namespace lm {

/// Shape of a product: c (m, n) = a (m, depth) b (depth, n).
struct ProductShape {
  std::int64_t m, n, depth;
};

/// A factor as it lies in memory, or its transpose.
template <class T>
struct Operand {
  const T* data;
  std::int64_t stride;
  bool transposed = false;
};

/// What a product is added to: rows (m, n), `stride` elements apart, and one row (n) for all of them; either may be null.
/// The rows may be the result's own.
template <class T>
struct Addends {
  const T* rows = nullptr;
  std::int64_t stride = 0;
  const T* each_row = nullptr;
};

/// What a thread reads next: `rows` rows of `bytes` bytes, `stride` bytes apart. Products prefetch it while they compute.
struct ReadNext {
  const char* data = nullptr;
  std::int64_t stride = 0;
  std::int64_t rows = 0;
  std::int64_t bytes = 0;
};

}  // namespace lm
