#include "cli/image_files.h"

#include "cli/text_input.h"
#include "core/check.h"

namespace glint::cli {
namespace {

constexpr std::size_t kMaxBatchBytes = std::size_t{256} << 20;  // of decoded pixels

// Failures that are this picture's own, so that the next may still succeed.
bool is_about_the_image(const Error& error) {
  switch (error.code()) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kNotFound:
    case ErrorCode::kCorruptImage:
    case ErrorCode::kUnsupported:
    case ErrorCode::kIo:
      return true;
    default:
      return false;
  }
}

class BatchReader {
 public:
  using Use = std::function<void(std::span<const NamedImage>)>;

  BatchReader(const std::vector<std::string>& paths, const CommonOptions& options,
              const Context& context, const Use& use)
      : paths_(paths), options_(options), context_(context), use_(use) {}

  std::int64_t run() {
    for (std::size_t i = 0; i < paths_.size(); ++i) {
      check_interrupt(context_);
      read(i);
      if (batch_.size() >= static_cast<std::size_t>(options_.batch_size) ||
          batch_bytes_ >= kMaxBatchBytes) {
        offer_batch();
      }
    }
    offer_batch();
    return failed_;
  }

 private:
  void read(std::size_t position) {
    try {
      batch_.push_back({position, read_image(paths_[position], options_, context_)});
      batch_bytes_ += batch_.back().image.pixels().size();
    } catch (const Error& error) {
      // Memory that one huge picture wanted may be there for the next.
      if (!is_about_the_image(error) && error.code() != ErrorCode::kOutOfMemory) throw;
      report(error);
    }
  }

  void offer_batch() {
    if (batch_.empty()) return;
    try {
      use_(batch_);
    } catch (const Error& error) {
      if (!is_about_the_image(error)) throw;
      offer_singly();
    }
    batch_.clear();
    batch_bytes_ = 0;
  }

  void offer_singly() {
    for (const NamedImage& image : batch_) {
      try {
        use_(std::span(&image, 1));
      } catch (const Error& error) {
        if (!is_about_the_image(error)) throw;
        report(Error(error.code(), cat(error.what(), ", in ", quote(paths_[image.position]))));
      }
    }
  }

  void report(const Error& error) {
    context_.console.error(error.what());
    ++failed_;
  }

  const std::vector<std::string>& paths_;
  const CommonOptions& options_;
  const Context& context_;
  const Use& use_;
  std::vector<NamedImage> batch_;
  std::size_t batch_bytes_ = 0;
  std::int64_t failed_ = 0;
};

}  // namespace

Image read_image(const std::string& path, const CommonOptions& options, const Context& context) {
  if (path != "-") return load_image(path, decode_options(options));
  const std::string bytes = read_all(path, context.stop);
  try {
    return decode_image(std::as_bytes(std::span(bytes)), decode_options(options));
  } catch (const Error& error) {
    fail(error.code(), error.what(), ", in standard input");
  }
}

std::int64_t for_each_batch(const std::vector<std::string>& paths, const CommonOptions& options,
                            const Context& context,
                            const std::function<void(std::span<const NamedImage>)>& use) {
  return BatchReader(paths, options, context, use).run();
}

std::vector<ImageView> views(std::span<const NamedImage> images) {
  std::vector<ImageView> all;
  all.reserve(images.size());
  for (const NamedImage& named : images) all.push_back(named.image.view());
  return all;
}

}  // namespace glint::cli
