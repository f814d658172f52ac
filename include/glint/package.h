// A package: verified bytes and the manifest that describes them. The format is models/package.md.
#pragma once

#include <glint/export.h>
#include <glint/preprocess.h>
#include <glint/progress.h>
#include <glint/tensor.h>
#include <glint/tokenizer.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace glint {

// A size in the shape of a port: a number, or a symbol that stands for any size, the same one
// wherever it occurs in a call. "B" is the batch, "L" a text length of at most the context.
struct PortSize {
  PortSize(int fixed) : size(fixed) {}                   // NOLINT(google-explicit-constructor)
  PortSize(std::int64_t fixed) : size(fixed) {}          // NOLINT(google-explicit-constructor)
  PortSize(std::string any) : symbol(std::move(any)) {}  // NOLINT(google-explicit-constructor)
  PortSize(const char* any) : symbol(any) {}             // NOLINT(google-explicit-constructor)
  std::int64_t size = 0;
  std::string symbol;     // empty: `size` is the size
  std::int64_t most = 0;  // of a symbol: what it stands for at most; 0: anything
  bool operator==(const PortSize&) const = default;
};

// "224", "B" or "P<=12", as a manifest has it.
GLINT_API std::string to_string(const PortSize& size);

// One input or output of a tower's method.
struct Port {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<PortSize> shape;
};

// "pixels f32 [B, 3, 224, 224]"
GLINT_API std::string to_string(const Port& port);

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
  using Parameter = std::variant<bool, double, std::string>;
  std::string type;                    // "zero_shot", or one of ModelOptions::heads
  std::vector<std::string> templates;  // each with one "{}"; {"{}"} when the package has none
  std::map<std::string, Parameter, std::less<>> parameters;
  std::string tensors;  // a safetensors file of the package, or ""
};

struct TaskSpec {
  std::string preprocess;
  std::vector<HeadSpec> heads;  // each may ask the one before it; the last one answers
};

struct LogitSpec {
  double scale = 0;  // already exponentiated
  double bias = 0;
};

// What the reference implementation computed, and how far from it a result may be.
struct ReferenceSpec {
  std::vector<std::string> images;  // paths inside the package
  std::vector<std::string> texts;
  struct Call {  // of a method, with inputs and outputs in `file`
    std::string tower;
    std::string method;
  };
  std::vector<Call> calls;
  std::string file;
  double embedding_tolerance = 0;  // max abs difference / max abs value
  double logit_tolerance = 0;      // absolute
  std::map<std::string, std::string, std::less<>> versions;
};

// The package that another one extends.
struct BaseSpec {
  std::string name;
  std::string digest;                        // Package::digest() of it
  std::set<std::string, std::less<>> files;  // what it lends, by their path in both
};

// glint.json, every field checked. Field names and meanings are models/package.md's. Of a package
// that extends another one it is the whole: its own and what the base lends.
struct Manifest {
  std::string name;
  std::optional<BaseSpec> extends;
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

// The files of a package by their path in it.
using PackageFiles = std::map<std::string, std::vector<std::byte>, std::less<>>;

struct OpenOptions;

// An opened package. Immutable, cheap to copy, and all const methods may run concurrently.
class GLINT_API Package {
 public:
  // Reads the folder, checks every digest, the manifest and every file's outer form (safetensors
  // headers, TorchScript archives and the operators their code names) before LibTorch sees a byte.
  // All problems of the manifest are reported in one error, each with its JSON path.
  //
  // A package that extends another one takes it from OpenOptions::bases, or opens the folder
  // NAME.glint that has the stated digest, beside its own folder or in one of the folders of
  // GLINT_PACKAGE_PATH (separated by colons; read with getenv).
  // Throws Error: kNotFound (also of a base, with the places), kIo, kCorruptPackage, kUnsupported
  // (a newer format_version).
  static Package open(const std::string& path);
  static Package open(const std::string& path, const OpenOptions& options);

  // The same for files in memory, glint.json and its digest among them. `name` stands for the path.
  // A base comes from OpenOptions::bases only.
  static Package from_memory(PackageFiles files, const std::string& name = "memory");
  static Package from_memory(PackageFiles files, const std::string& name,
                             const OpenOptions& options);

  const Manifest& manifest() const;
  // The digest of the manifest's bytes, 64 hex digits: the identity of the package.
  const std::string& digest() const;
  // The path it was opened from, or the name it was given.
  const std::string& path() const;

  // The package that it extends, if it does.
  std::optional<Package> base() const;

  // The bytes of a file of manifest().files, a lent one too, or of glint.json; valid while any copy
  // of this package lives. Throws kNotFound; of without_towers(), kIo and kCorruptPackage, too.
  std::span<const std::byte> file(std::string_view name) const;

  // The same package in less memory: once no copy of this one is left, its towers' files and those
  // of its base are gone. file() reads them again when it is asked for one, and refuses one that
  // has changed. What was opened from memory stays there. Models hold their package in this form.
  Package without_towers() const;

  // The tensors of a listed safetensors file (f32, f16 widened to f32, i64).
  // Throws Error: kNotFound, kCorruptPackage.
  NamedTensors tensors(std::string_view name) const;

 private:
  struct Impl;
  explicit Package(std::shared_ptr<const Impl> impl);
  std::shared_ptr<const Impl> impl_;
};

struct OpenOptions {
  std::stop_token stop{};  // checked between files; Error(kCancelled)
  ProgressFn progress{};   // in bytes verified; of a base first, when one is opened
  int threads = 0;         // that read and verify files; 0: as many as the host has set
  // Found by their digest, before any folder is looked into: a base is opened and verified once,
  // and its bytes are shared by all that extend it.
  std::vector<Package> bases{};
  // The files of towers are taken from the system's file cache in place of a copy in memory, where
  // the system lets nobody change them meanwhile: a read lease (fcntl(2)), with which a program
  // that opens one of them for writing waits. For a package that is loaded and let go within
  // seconds, as Model::load of a path does: loading is faster, and its peak of memory a quarter
  // lower.
  bool in_place = false;
};

}  // namespace glint
