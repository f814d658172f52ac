#include <span>

#include "works.h"

namespace worker {
namespace {

glint::Preprocessor preprocessor_of(const Json& job) {
  const auto package = glint::Package::open(job.at("package"));
  const auto& preprocess = package.manifest().tasks.begin()->second.preprocess;
  return glint::Preprocessor(package.manifest().preprocess.at(preprocess));
}

}  // namespace

// RGB [H, W, 3] u8 -> pixels of the package's preprocess.
Work preprocess(const Json& job) {
  Work work;
  const auto shape = job.at("shape").get<std::vector<std::int64_t>>();
  const glint::Preprocessor preprocessor = preprocessor_of(job);
  const auto picture = std::make_shared<glint::Image>(
      shape.at(1), shape.at(0), glint::PixelMode::kRGB, read_npy<std::uint8_t>(job.at("input")));
  work.result->floats.resize(static_cast<std::size_t>(preprocessor.size()));
  work.call = [picture, preprocessor, out = work.result] {
    preprocessor(picture->view(), out->floats);
  };
  return work;
}

// A JPEG file's bytes -> the same.
Work preprocess_jpeg(const Json& job) {
  Work work;
  const glint::Preprocessor preprocessor = preprocessor_of(job);
  work.result->floats.resize(static_cast<std::size_t>(preprocessor.size()));
  work.call = [file = read_file(job.at("input")), preprocessor, out = work.result] {
    const glint::Image picture = glint::decode_image(std::as_bytes(std::span(file)));
    preprocessor(picture.view(), out->floats);
  };
  return work;
}

}  // namespace worker
