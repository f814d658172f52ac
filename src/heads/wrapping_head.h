// A head around another one, which does whatever a derived class does not.
#pragma once

#include <glint/head.h>

#include <memory>

namespace glint {

class WrappingHead : public Head {
 public:
  explicit WrappingHead(std::shared_ptr<const Head> inner) : inner_(std::move(inner)) {}

  TextState prepare(const TextQuery& query, const Towers& towers) const override {
    return inner_->prepare(query, towers);
  }
  std::vector<ImageState> encode(std::span<const ImageView> images, const Towers& towers,
                                 const PredictOptions& options) const override {
    return inner_->encode(images, towers, options);
  }
  std::vector<ImageState> encode_pixels(const Tensor& pixels, const Towers& towers,
                                        const PredictOptions& options) const override {
    return inner_->encode_pixels(pixels, towers, options);
  }
  Prediction predict(const ImageState& image, const TextState& text, const Towers& towers,
                     const PredictOptions& options) const override {
    return inner_->predict(image, text, towers, options);
  }

 protected:
  const Head& inner() const { return *inner_; }

 private:
  std::shared_ptr<const Head> inner_;
};

}  // namespace glint
