// A package: verified bytes and the manifest that describes them. The format is models/package.md.
#pragma once

#include <glint/export.h>
#include <glint/preprocess.h>
#include <glint/tensor.h>
#include <glint/tokenizer.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace glint {

// One input or output of a tower's method. A negative size is a symbol: any size.
struct Port {
  static constexpr std::int64_t kBatch = -1;   // "B"
  static constexpr std::int64_t kLength = -2;  // "L": up to the context length
  std::string name;
  DType dtype = DType::kF32;
  std::vector<std::int64_t> shape;
};

struct MethodSpec {
  std::vector<Port> inputs;
  std::vector<Port> outputs;
};

struct TowerSpec {
  std::string file;
  DType storage = DType::kF32;  // of the weights in the file; computing is f32
  std::map<std::string, MethodSpec, std::less<>> methods;
};

// One head of a task, with what its type needs.
struct HeadSpec {
  std::string type;                    // "zero_shot"
  std::vector<std::string> templates;  // each with one "{}"; {"{}"} when the package has none
};

struct TaskSpec {
  std::string preprocess;
  std::vector<HeadSpec> heads;  // applied in this order, at least one
};

struct LogitSpec {
  double scale = 0;  // already exponentiated
  double bias = 0;
};

// What the reference implementation computed, and how far from it a result may be.
struct ReferenceSpec {
  std::vector<std::string> images;  // paths inside the package
  std::vector<std::string> texts;
  std::string file;
  double embedding_tolerance = 0;  // max abs difference / max abs value
  double logit_tolerance = 0;      // absolute
  std::map<std::string, std::string, std::less<>> versions;
};

// glint.json, every field checked. Field names and meanings are models/package.md's.
struct Manifest {
  std::string name;
  std::string family;
  std::int64_t embed_dim = 0;
  std::string activation;
  std::map<std::string, PreprocessSpec, std::less<>> preprocess;
  std::optional<TokenizerSpec> tokenizer;
  std::string merges_file;  // of the tokenizer
  std::map<std::string, TowerSpec, std::less<>> towers;
  LogitSpec logit;
  std::map<std::string, TaskSpec, std::less<>> tasks;
  std::vector<std::string> classes;  // classes.json, or empty
  std::string licence;
  std::map<std::string, std::string, std::less<>> provenance;
  ReferenceSpec reference;
  std::map<std::string, std::string, std::less<>> files;  // path -> SHA-256, 64 hex digits
};

// An opened package. Immutable, cheap to copy, and all const methods may run concurrently.
class GLINT_API Package {
 public:
  // Reads the folder, checks every digest, the manifest and every file's outer form (safetensors
  // headers, TorchScript archives and the operators their code names) before LibTorch sees a byte.
  // All problems of the manifest are reported in one error, each with its JSON path.
  // Throws Error: kNotFound, kIo, kCorruptPackage, kUnsupported (a newer format_version).
  static Package open(const std::string& path);

  const Manifest& manifest() const;
  // The digest of the manifest's bytes, 64 hex digits: the identity of the package.
  const std::string& digest() const;
  // The path it was opened from.
  const std::string& path() const;

  // The bytes of a listed file; valid while any copy of this package lives. Throws kNotFound.
  std::span<const std::byte> file(std::string_view name) const;

  // The tensors of a listed safetensors file (f32, f16 widened to f32, i64).
  // Throws Error: kNotFound, kCorruptPackage.
  NamedTensors tensors(std::string_view name) const;

 private:
  struct Impl;
  explicit Package(std::shared_ptr<const Impl> impl);
  std::shared_ptr<const Impl> impl_;
};

}  // namespace glint
