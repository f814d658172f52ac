// What a package can compute, as heads see it.
#pragma once

#include <glint/export.h>
#include <glint/image.h>
#include <glint/package.h>
#include <glint/tensor.h>

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace glint {

// Input of a text tower: either ids, or embeddings and eot; both or neither is an error.
struct TextInput {
  Tensor ids{};         // [B, L] i64; each row has an end token
  Tensor embeddings{};  // [B, L, width] f32, positions not added
  Tensor eot{};         // [B] i64: position of the end token in each row of embeddings
};

// The encoders and other learned blocks of a package, with their preprocessing and vocabulary.
// Shared and immutable: all methods may run concurrently, and equal calls give bit-identical
// results. Results are on the model's device. Errors: Error(kInvalidArgument) for a wrong shape,
// kNotFound for a tower, method or preprocess that the package lacks, kUnsupported for texts where
// it has no tokenizer, kOutOfMemory, and, when computing fails, kDevice on a GPU and
// kCorruptPackage on the CPU (sizes that the ports allow and the tower does not take are a tower's
// fault).
class GLINT_API Towers {
 public:
  virtual ~Towers();

  virtual const Manifest& manifest() const = 0;
  // Images that one call of a tower gets; callers with more split them. Of texts, which differ in
  // length, a call gets as many token rows as this number of texts of 32 ids have.
  virtual std::int64_t max_batch() const = 0;

  // images -> [B, 3, H, W] f32, by a named preprocess of the manifest.
  virtual Tensor pixels(std::span<const ImageView> images, std::string_view preprocess) const = 0;
  // text -> ids, start and end token included, not padded.
  virtual std::vector<std::int64_t> tokenize(std::string_view text) const = 0;
  // Runs a method of a tower as the manifest declares it. `inputs`: every input port by its name,
  // and no other tensor. The result has every output port by its name.
  virtual NamedTensors call(std::string_view tower, std::string_view method,
                            const NamedTensors& inputs) const = 0;

  // call() of what every package with an embedding has:
  // pixels [B, 3, H, W] f32 -> embeddings [B, D] f32, not normalised.
  Tensor image(const Tensor& pixels) const;
  // ids [B, L] i64 -> token embeddings [B, L, width] f32, positions not added.
  Tensor embed(const Tensor& ids) const;
  // -> embeddings [B, D] f32, not normalised.
  Tensor text(const TextInput& input) const;
};

}  // namespace glint
