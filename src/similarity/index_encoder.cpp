#include "similarity/index_encoder.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"
#include "similarity/quantize.h"

namespace glint {
namespace {

constexpr std::size_t kBlockRows = 1024;  // encoded at once: bounds the extra memory

}  // namespace

void IndexEncoder::check(std::span<const float> rows) const {
  const auto d = static_cast<std::size_t>(header_.layout.d);
  if (finished_ || rows.size() % d != 0 ||
      rows.size() / d > static_cast<std::uint64_t>(header_.layout.n) - done_) {
    fail(ErrorCode::kInvalidArgument, "expected whole rows of ", d, " numbers, at most ",
         static_cast<std::uint64_t>(header_.layout.n) - done_, " more, got ", rows.size(),
         " numbers", finished_ ? " after the index was finished" : "");
  }
  const auto bad = std::ranges::find_if(rows, [](float v) { return !std::isfinite(v); });
  if (bad != rows.end()) {
    const auto at = static_cast<std::size_t>(bad - rows.begin());
    fail(ErrorCode::kInvalidArgument, "expected finite numbers for an index, got ", *bad,
         " in row ", done_ + at / d, ", column ", at % d);
  }
}

void IndexEncoder::put(IndexLayout::Section section, std::span<const std::byte> bytes) {
  const std::uint64_t at =
      header_.layout.sections[section].at + done_ * header_.layout.row_bytes(section);
  put_(at, bytes);
  header_.checksums[section] = checksum(header_.checksums[section], bytes);
}

void IndexEncoder::add(std::span<const float> rows) {
  check(rows);
  const auto d = static_cast<std::size_t>(header_.layout.d);
  const auto width = static_cast<std::size_t>(header_.layout.row_bytes(IndexLayout::kCompact));
  for (std::size_t first = 0; first < rows.size(); first += kBlockRows * d) {
    const auto block = rows.subspan(first, std::min(kBlockRows * d, rows.size() - first));
    const std::size_t count = block.size() / d;
    compact_.resize(count * width);
    scales_.resize(count);
    residuals_.resize(count);
    norms_.resize(count);
    for (std::size_t i = 0; i < count; ++i) {
      const RowBound bound = quantize_row(block.subspan(i * d, d), header_.layout.storage,
                                          std::span(compact_).subspan(i * width, width));
      scales_[i] = bound.scale;
      residuals_[i] = bound.residual;
      norms_[i] = bound.norm;
    }
    put(IndexLayout::kRows, std::as_bytes(block));
    put(IndexLayout::kCompact, compact_);
    put(IndexLayout::kScales, std::as_bytes(std::span(scales_)));
    put(IndexLayout::kResiduals, std::as_bytes(std::span(residuals_)));
    put(IndexLayout::kNorms, std::as_bytes(std::span(norms_)));
    done_ += count;
  }
}

void IndexEncoder::finish() {
  if (finished_ || done_ != static_cast<std::uint64_t>(header_.layout.n)) {
    fail(ErrorCode::kInvalidArgument, "expected ", header_.layout.n, " rows for an index, got ",
         done_, finished_ ? ", and it was finished before" : "");
  }
  finished_ = true;
  put_(0, write_header(header_));
}

}  // namespace glint
