// Class embeddings that are computed once and kept.
#pragma once

#include <glint/export.h>
#include <glint/tensor.h>

#include <string>
#include <vector>

namespace glint {

// What the rows of a bank were made by, as SHA-256 in hex; all empty: not known. A model that
// differs in anything it has itself refuses the bank.
struct BankSource {
  std::string image;  // the image tower: it decides the space that the rows live in
  std::string text;   // the text tower and the tokenizer
  std::string heads;  // the task's heads: types, parameters and tensors
  bool operator==(const BankSource&) const = default;
};

// Class embeddings.  rows [K, D] f32 on the CPU, unit rows.
struct ClassBank {
  std::vector<std::string> labels;
  Tensor rows;
  std::vector<std::string> templates{};  // that the labels were put into
  BankSource source{};                   // filled by Model::prepare
};

// A bank as a safetensors file: tensor "rows", and labels, templates, source and a fingerprint over
// all of it (SHA-256) as metadata. Written whole or not at all.
// Throws Error: kInvalidArgument (labels and rows that do not agree, or more than 16 MiB of
// labels), kIo.
GLINT_API void save_class_bank(const ClassBank& bank, const std::string& path);

// Throws Error: kNotFound, kIo, kInvalidArgument (larger than 4 GiB), kCorruptPackage (not a bank,
// or changed since it was written).
GLINT_API ClassBank load_class_bank(const std::string& path);

}  // namespace glint
