#include "base/row_spool.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/error.h"

namespace lm {

RowSpool::RowSpool(const std::string& folder, std::int64_t columns) : columns_(columns), file_(create_unlinked(folder)) {
  LM_CHECK(columns > 0);
  output_ = output_beside(file_);
}

void RowSpool::add(std::span<const float> row) {
  LM_CHECK(!written_ && std::ssize(row) == columns_);
  output_->write(row.data(), row.size_bytes());
  ++rows_;
}

void RowSpool::finish() {
  output_->close();
  rewind_file(file_);
  std::string name = file_.name();
  written_.emplace(std::move(file_), std::move(name));
}

void RowSpool::for_each(const VisitRow& visit) const {
  constexpr std::int64_t kPieceFloats = std::int64_t{1} << 16;
  LM_CHECK(written_);
  const auto columns = static_cast<std::size_t>(columns_);
  const std::int64_t most = std::max<std::int64_t>(1, kPieceFloats / columns_);
  std::vector<float> piece(static_cast<std::size_t>(std::min(most, rows_)) * columns);
  for (std::int64_t first = 0; first < rows_; first += most) {
    const auto count = static_cast<std::size_t>(std::min(most, rows_ - first));
    written_->read(static_cast<std::uint64_t>(first) * columns * sizeof(float), piece.data(),
                   count * columns * sizeof(float));
    for (std::size_t i = 0; i < count; ++i) visit(std::span<const float>(piece).subspan(i * columns, columns));
  }
}

}  // namespace lm
