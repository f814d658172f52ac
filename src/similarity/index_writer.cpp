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

// A call that was refused leaves the writer as it was; what failed half way cannot go on, so the
// file goes at once.
template <typename Work>
void IndexWriter::guarded(const char* doing, const Work& work) {
  if (!impl_) fail(ErrorCode::kInvalidArgument, doing, ": expected a writer that has not failed");
  try {
    within_memory(doing, [&] { work(*impl_); });
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kInvalidArgument) impl_.reset();
    throw;
  }
}

void IndexWriter::add(std::span<const float> rows) {
  guarded("IndexWriter::add", [&](Impl& impl) { impl.encoder.add(rows); });
}

void IndexWriter::finish() {
  guarded("IndexWriter::finish", [](Impl& impl) {
    impl.encoder.finish();
    impl.file.commit();
  });
}

}  // namespace glint
