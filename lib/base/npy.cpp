#include "base/npy.h"

#include <bit>

#include "base/error.h"
#include "base/little_endian.h"

namespace lm {

std::string npy_header(std::int64_t rows, std::int64_t columns) {
  constexpr std::size_t kSize = 128;  // room for any two numbers
  constexpr std::size_t kBefore = 10;
  std::string header("\x93NUMPY\x01\x00", 8);
  header += little_bytes(static_cast<std::uint16_t>(kSize - kBefore));
  header +=
      "{'descr': '<f4', 'fortran_order': False, 'shape': (" + std::to_string(rows) + ", " + std::to_string(columns) + "), }";
  LM_CHECK(header.size() < kSize);
  header.resize(kSize - 1, ' ');
  return header + '\n';
}

NpyWriter::NpyWriter(OutputStream& output, std::int64_t columns, const std::string& spool_folder)
    : output_(output), columns_(columns) {
  if (!output.can_patch()) {
    spool_.emplace(spool_folder, columns);
    return;
  }
  output.write(npy_header(0, columns));
}

void NpyWriter::add(std::span<const float> row) {
  LM_CHECK(std::ssize(row) == columns_);
  ++rows_;
  if (spool_) return spool_->add(row);
  write(row);
}

void NpyWriter::write(std::span<const float> row) {
  bytes_.resize(row.size_bytes());
  for (std::size_t i = 0; i < row.size(); ++i)
    store_little(bytes_.data() + i * sizeof(float), std::bit_cast<std::uint32_t>(row[i]));
  output_.write(bytes_);
}

void NpyWriter::finish() {
  const std::string header = npy_header(rows_, columns_);
  if (!spool_) return output_.patch(0, header.data(), header.size());
  spool_->finish();
  output_.write(header);
  spool_->for_each([&](std::span<const float> row) { write(row); });
}

}  // namespace lm
