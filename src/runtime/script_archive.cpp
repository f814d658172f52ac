#include "runtime/script_archive.h"

#include <c10/core/CPUAllocator.h>
#include <caffe2/serialize/versions.h>
#include <torch/csrc/jit/frontend/source_range.h>
#include <torch/csrc/jit/operator_upgraders/upgraders_entry.h>
#include <torch/csrc/jit/serialization/import_source.h>
#include <torch/csrc/jit/serialization/unpickler.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/check.h"
#include "package/zip.h"

namespace glint {
namespace {

constexpr std::size_t kMaxTextBytes = std::size_t{256} << 20;  // of a pickle or a source file
constexpr std::size_t kAlignment = 16;                         // torch's own archives have 64
// Smaller tensors are copied: biases and the weights of norms become parts of what passes make, and
// would keep the archive.
constexpr std::size_t kLeastShared = std::size_t{64} << 10;  // bytes

// The reader of one archive.
class Reader {
 public:
  Reader(SharedArchive archive, std::string_view where, at::Device device)
      : archive_(std::move(archive)), where_(where), device_(device) {
    for (ZipEntry& entry : read_zip(archive_.bytes, where_)) {
      std::string name = entry.name.substr(entry.name.find('/') + 1);
      entries_.emplace(std::move(name), std::move(entry));
    }
    check_byte_order();
    importer_.emplace(
        unit_, &constants_, [this](const std::string& name) { return source(name); }, version());
  }

  torch::jit::Module read() {
    const c10::IValue constants = checked("constants");
    for (const c10::IValue& constant : constants.toTupleRef().elements()) {
      constants_.push_back(constant);
    }
    return torch::jit::Module(checked("data").toObject());
  }

 private:
  const ZipEntry& entry(const std::string& name) const {
    const auto found = entries_.find(name);
    if (found == entries_.end()) {
      fail(ErrorCode::kCorruptPackage, where_, ": expected an entry ", quote(name), ", got none");
    }
    return found->second;
  }

  std::string text(const std::string& name) const {
    const std::vector<std::byte> bytes = extract(entry(name), kMaxTextBytes, where_);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  void check_byte_order() const {
    if (!entries_.contains("byteorder")) return;
    const std::string said = text("byteorder");
    if (said != "little") {
      fail(ErrorCode::kCorruptPackage, where_, ": expected little-endian numbers, got ",
           quote(said));
    }
  }

  // Of the file format, which says how operators are to be understood.
  std::size_t version() const {
    const std::string said = text(entries_.contains("version") ? "version" : ".data/version");
    std::size_t number = 0;
    std::from_chars(said.data(), said.data() + said.size(), number);
    constexpr std::size_t kLeast = caffe2::serialize::kMinSupportedFileFormatVersion;
    constexpr std::size_t kMost = caffe2::serialize::kMaxSupportedFileFormatVersion;
    if (number < kLeast || number > kMost) {
      fail(ErrorCode::kCorruptPackage, where_, ": expected file format ", kLeast, " to ", kMost,
           ", got ", quote(said));
    }
    return number;
  }

  // Of a class, by its module's name: "__torch__.a.b" is in code/__torch__/a/b.py.
  std::shared_ptr<torch::jit::Source> source(std::string module) const {
    std::ranges::replace(module, '.', '/');
    const std::string name = cat("code/", module, ".py");
    if (!entries_.contains(name)) return nullptr;
    return std::make_shared<torch::jit::Source>(text(name), name, 1);
  }

  c10::intrusive_ptr<c10::ivalue::Object> object(const c10::StrongTypePtr& type,
                                                 const c10::IValue& state) const {
    const auto known = type.type_->expect<c10::ClassType>();
    if (known->findMethod("__setstate__") != nullptr) {
      fail(ErrorCode::kCorruptPackage, where_, ": expected a module that runs nothing while it is ",
           "loaded, got __setstate__ of ", quote(known->repr_str()));
    }
    const auto attributes = state.toGenericDict();
    auto made = c10::ivalue::Object::create(type, known->numAttributes());
    for (std::size_t i = 0; i < known->numAttributes(); ++i) {
      made->setSlot(i, attributes.at(known->getAttributeName(i)));
    }
    return made;
  }

  // On the device. A pickle says itself how large its storages are: what is larger than its entry
  // is found before anything reads it.
  c10::IValue checked(const std::string& name) {
    c10::IValue value = unpickle(name, at::kCPU);
    value.visit([&](const c10::IValue& part) {
      if (part.isTensor()) check_size(part.toTensor());
      return false;
    });
    return device_.is_cpu() ? value : unpickle(name, device_);
  }

  void check_size(const at::Tensor& tensor) const {
    if (!tensor.defined() || tensor.storage().nbytes() == 0) return;
    const auto found = sizes_.find(tensor.storage().data());
    if (found == sizes_.end() || tensor.storage().nbytes() > found->second) {
      fail(ErrorCode::kCorruptPackage, where_, ": expected tensors as large as their entries, got ",
           tensor.storage().nbytes(), " bytes of ", found == sizes_.end() ? 0 : found->second);
    }
  }

  c10::IValue unpickle(const std::string& name, at::Device device) {
    const std::string pickle = text(name + ".pkl");
    std::size_t at = 0;
    const auto next = [&](char* to, std::size_t count) {
      count = std::min(count, pickle.size() - at);
      std::memcpy(to, pickle.data() + at, count);
      at += count;
      return count;
    };
    const auto type = [&](const c10::QualifiedName& wanted) {
      return c10::StrongTypePtr(unit_, importer_->loadType(wanted));
    };
    const auto load = [&](const c10::StrongTypePtr& known, const c10::IValue& state) {
      return object(known, state);
    };
    const auto numbers = [&](const std::string& key) { return data(cat(name, "/", key)); };
    torch::jit::Unpickler unpickler(next, type, load, numbers, device);
    unpickler.set_version(version());
    return unpickler.parse_ivalue();
  }

  // The numbers of a tensor's storage: where they are in the archive, unless they are few or lie
  // askew.
  c10::DataPtr data(const std::string& name) {
    const ZipEntry& found = entry(name);
    GLINT_CHECK(!found.deflated);
    auto* const bytes = const_cast<std::byte*>(found.packed.data());
    c10::DataPtr numbers;
    const bool aligned = reinterpret_cast<std::uintptr_t>(bytes) % kAlignment == 0;
    if (aligned && found.packed.size() >= kLeastShared) {
      using Owner = std::shared_ptr<const void>;
      numbers = {bytes, new Owner(archive_.owner),
                 [](void* owner) { delete static_cast<Owner*>(owner); }, at::kCPU};
    } else {
      numbers = c10::GetCPUAllocator()->allocate(found.packed.size());
      std::memcpy(numbers.mutable_get(), bytes, found.packed.size());
    }
    sizes_[numbers.get()] = found.packed.size();
    return numbers;
  }

  SharedArchive archive_;
  std::string where_;
  at::Device device_;
  std::map<std::string, ZipEntry> entries_;   // by their names below the archive's folder
  std::map<const void*, std::size_t> sizes_;  // of the storages in bytes, by where they begin
  std::vector<c10::IValue> constants_;
  std::shared_ptr<torch::jit::CompilationUnit> unit_ =
      std::make_shared<torch::jit::CompilationUnit>();
  std::optional<torch::jit::SourceImporter> importer_;
};

}  // namespace

torch::jit::Module read_script(const SharedArchive& archive, std::string_view where,
                               at::Device device) {
  torch::jit::populate_upgraders_graph_map();  // what older file formats need
  return Reader(archive, where, device).read();
}

}  // namespace glint
