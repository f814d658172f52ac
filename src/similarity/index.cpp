#include <glint/index.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <variant>

#include "core/check.h"
#include "core/file.h"
#include "core/large_buffer.h"
#include "core/mapped_file.h"
#include "similarity/index_encoder.h"
#include "similarity/index_layout.h"
#include "similarity/search.h"

namespace glint {
namespace {

constexpr int kMaxThreads = 1024;
constexpr std::size_t kCheckedBytes = 16 << 20;  // between two looks at the stop token

template <typename T>
const T* at(std::span<const std::byte> file, const IndexLayout::Range& range) {
  return range.bytes == 0 ? nullptr : reinterpret_cast<const T*>(file.data() + range.at);
}

}  // namespace

std::string_view to_string(IndexStorage storage) {
  switch (storage) {
    case IndexStorage::kF32:
      return "f32";
    case IndexStorage::kBf16:
      return "bf16";
    case IndexStorage::kInt8:
      return "int8";
  }
  return "unknown";
}

// An index in memory is the bytes of its file.
struct Index::Impl {
  std::variant<LargeBuffer, std::unique_ptr<const MappedFile>> holder;
  std::string path;  // empty in memory
  std::span<const std::byte> bytes;
  IndexHeader header;
  IndexView view;

  explicit Impl(LargeBuffer buffer)
      : holder(std::move(buffer)),
        bytes(std::get<LargeBuffer>(holder).bytes()),
        header(read_header(bytes, "in memory")),
        view(make_view()) {}

  explicit Impl(const std::string& file)
      : holder(std::make_unique<const MappedFile>(file)),
        path(file),
        bytes(std::get<1>(holder)->bytes()),
        header(read_header(bytes, file)),
        view(make_view()) {
    if (header.layout.storage == IndexStorage::kF32) return;
    const IndexLayout::Range& rows = header.layout.sections[IndexLayout::kRows];
    std::get<1>(holder)->expect_scattered_reads(rows.at, rows.bytes);
  }

  IndexView make_view() const {
    const auto& sections = header.layout.sections;
    IndexView made;
    made.storage = header.layout.storage;
    made.n = static_cast<std::size_t>(header.layout.n);
    made.d = static_cast<std::size_t>(header.layout.d);
    made.rows = at<float>(bytes, sections[IndexLayout::kRows]);
    made.compact = at<std::byte>(bytes, sections[IndexLayout::kCompact]);
    made.scales = at<float>(bytes, sections[IndexLayout::kScales]);
    made.residuals = at<float>(bytes, sections[IndexLayout::kResiduals]);
    made.norms = at<float>(bytes, sections[IndexLayout::kNorms]);
    return made;
  }
};

Index::Index(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

Index Index::build(std::span<const float> rows, std::int64_t d, IndexStorage storage) {
  if (d < 1 || rows.size() % static_cast<std::size_t>(d) != 0) {
    fail(ErrorCode::kInvalidArgument, "expected rows of ", d, " numbers (at least 1), got ",
         rows.size(), " numbers");
  }
  const auto n = static_cast<std::int64_t>(rows.size() / static_cast<std::size_t>(d));
  const IndexLayout layout(storage, n, d);
  return within_memory("Index::build", [&] {
    LargeBuffer buffer(static_cast<std::size_t>(layout.file_bytes));
    IndexEncoder encoder(layout, [&](std::uint64_t place, std::span<const std::byte> bytes) {
      std::ranges::copy(bytes, buffer.bytes().subspan(static_cast<std::size_t>(place)).begin());
    });
    encoder.add(rows);
    encoder.finish();
    return Index(std::make_shared<const Impl>(std::move(buffer)));
  });
}

Index Index::open(const std::string& path) {
  return within_memory("Index::open", [&] { return Index(std::make_shared<const Impl>(path)); });
}

void Index::save(const std::string& path) const { write_file_atomically(path, impl_->bytes); }

void Index::check(const std::stop_token& stop) const {
  const IndexHeader& header = impl_->header;
  for (std::size_t i = 0; i < IndexLayout::kSections; ++i) {
    auto rest = impl_->bytes
                    .subspan(header.layout.sections[i].bytes == 0
                                 ? 0
                                 : static_cast<std::size_t>(header.layout.sections[i].at))
                    .first(static_cast<std::size_t>(header.layout.sections[i].bytes));
    std::uint32_t sum = 0;
    while (!rest.empty()) {
      if (stop.stop_requested()) fail(ErrorCode::kCancelled, "the check was cancelled");
      const auto some = rest.first(std::min(rest.size(), kCheckedBytes));
      sum = checksum(sum, some);
      rest = rest.subspan(some.size());
    }
    if (sum != header.checksums[i]) {
      fail(ErrorCode::kCorruptPackage, "the checksum of section ", i,
           " does not match, in the index ", quote(impl_->path));
    }
  }
}

std::int64_t Index::size() const { return impl_->header.layout.n; }
std::int64_t Index::dim() const { return impl_->header.layout.d; }
IndexStorage Index::storage() const { return impl_->header.layout.storage; }

std::span<const float> Index::row(std::int64_t i) const {
  if (i < 0 || i >= size()) {
    fail(ErrorCode::kInvalidArgument, "expected a row from 0 to ", size() - 1, ", got ", i);
  }
  const IndexView& view = impl_->view;
  return {view.rows + static_cast<std::size_t>(i) * view.d, view.d};
}

SearchResult Index::search(std::span<const float> queries, std::int64_t k,
                           const SearchOptions& options) const {
  const std::size_t d = impl_->view.d;
  if (queries.size() % d != 0) {
    fail(ErrorCode::kInvalidArgument, "expected queries of ", d, " numbers, got ", queries.size(),
         " numbers");
  }
  if (k < 0) fail(ErrorCode::kInvalidArgument, "expected k of at least 0, got ", k);
  if (options.threads < 0 || options.threads > kMaxThreads) {
    fail(ErrorCode::kInvalidArgument, "expected 0 to ", kMaxThreads, " threads, got ",
         options.threads);
  }
  const auto bad = std::ranges::find_if(queries, [](float v) { return !std::isfinite(v); });
  if (bad != queries.end()) {
    fail(ErrorCode::kInvalidArgument, "expected finite numbers in a query, got ", *bad,
         " in query ", static_cast<std::size_t>(bad - queries.begin()) / d);
  }
  return within_memory("Index::search", [&] {
    return search_index(impl_->view, queries, static_cast<std::size_t>(k), options);
  });
}

}  // namespace glint
