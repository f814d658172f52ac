#include <glint/index.h>

#include "core/check.h"
#include "core/file.h"
#include "similarity/index_encoder.h"

namespace glint {

struct IndexWriter::Impl {
  AtomicFile file;
  IndexEncoder encoder;

  Impl(const std::string& path, const IndexLayout& layout)
      : file(path), encoder(layout, [this](std::uint64_t at, std::span<const std::byte> bytes) {
          file.write_at(at, bytes);
        }) {}
};

IndexWriter::IndexWriter(const std::string& path, std::int64_t n, std::int64_t d,
                         IndexStorage storage) {
  const IndexLayout layout(storage, n, d);
  impl_ = within_memory("IndexWriter", [&] { return std::make_unique<Impl>(path, layout); });
}

IndexWriter::~IndexWriter() = default;
IndexWriter::IndexWriter(IndexWriter&&) noexcept = default;
IndexWriter& IndexWriter::operator=(IndexWriter&&) noexcept = default;

void IndexWriter::add(std::span<const float> rows) {
  within_memory("IndexWriter::add", [&] { impl_->encoder.add(rows); });
}

void IndexWriter::finish() {
  impl_->encoder.finish();
  impl_->file.commit();
}

}  // namespace glint
