// A class bank on disk: a safetensors file that Python reads too.
#include <glint/class_bank.h>

#include <bit>

#include "core/check.h"
#include "core/file.h"
#include "package/json.h"
#include "package/json_reader.h"
#include "package/safetensors.h"
#include "package/sha256.h"

namespace glint {
namespace {

constexpr const char* kFormat = "glint class bank 1";
constexpr std::int64_t kMaxBytes = std::int64_t{4} << 30;
constexpr std::size_t kMaxItems = 1'000'000;

static_assert(std::endian::native == std::endian::little, "rows are written as they lie in memory");

// Everything that a bank holds, each part behind its length, so that no two banks read the same.
std::string fingerprint_of(const ClassBank& bank) {
  std::string all;
  const auto add = [&](std::string_view part) {
    all += std::to_string(part.size());
    all += ':';
    all += part;
  };
  const auto add_list = [&](const std::vector<std::string>& list) {
    add(std::to_string(list.size()));
    for (const std::string& item : list) add(item);
  };
  add_list(bank.labels);
  add_list(bank.templates);
  add_list({bank.source.image, bank.source.text, bank.source.heads});
  const auto rows = std::as_bytes(bank.rows.floats());
  add({reinterpret_cast<const char*>(rows.data()), rows.size()});
  return sha256_hex(std::as_bytes(std::span(all)));
}

void check_bank(ErrorCode code, const ClassBank& bank) {
  const auto count = static_cast<std::int64_t>(bank.labels.size());
  const auto shape = bank.rows.empty() ? std::span<const std::int64_t>{} : bank.rows.shape();
  if (count == 0 || shape.size() != 2 || shape[0] != count || shape[1] < 1) {
    fail(code, "expected a row for each of ", count, " labels, got rows ", shape_text(shape));
  }
}

std::vector<std::string> read_list(const Metadata& metadata, std::string_view key) {
  const auto found = metadata.find(key);
  if (found == metadata.end()) fail(ErrorCode::kCorruptPackage, "expected ", key, ", got none");
  const JsonNode tree = parse_json(std::as_bytes(std::span(found->second)), kListLimits, key);
  Problems problems;
  std::vector<std::string> list;
  for (const JsonReader& item : JsonReader(tree, problems).items(0, kMaxItems)) {
    list.push_back(item.string(0, kListLimits.bytes).value_or(""));
  }
  problems.throw_if_any(ErrorCode::kCorruptPackage, key);
  return list;
}

std::string read_digest(const Metadata& metadata, std::string_view key) {
  const auto found = metadata.find(key);
  if (found == metadata.end() || (!found->second.empty() && !is_sha256_hex(found->second))) {
    fail(ErrorCode::kCorruptPackage, "expected a SHA-256 as ", key, ", got ",
         found == metadata.end() ? "none" : quote(found->second));
  }
  return found->second;
}

ClassBank parse_bank(std::span<const std::byte> file) {
  const Metadata metadata = parse_safetensors_metadata(file, "header");
  const auto format = metadata.find("format");
  if (format == metadata.end() || format->second != kFormat) {
    fail(ErrorCode::kCorruptPackage, "expected a file of format ", quote(kFormat), ", got ",
         format == metadata.end() ? "another safetensors file" : quote(format->second));
  }
  ClassBank bank;
  bank.labels = read_list(metadata, "labels");
  bank.templates = read_list(metadata, "templates");
  bank.source = {read_digest(metadata, "image"), read_digest(metadata, "text"),
                 read_digest(metadata, "heads")};
  const StoredTensors tensors = parse_safetensors(file, "tensors");
  const auto rows = tensors.find("rows");
  if (tensors.size() != 1 || rows == tensors.end() || rows->second.dtype != DType::kF32) {
    fail(ErrorCode::kCorruptPackage, "expected one tensor, rows F32");
  }
  bank.rows = Tensor::from(rows->second.shape, stored_floats(rows->second));
  check_bank(ErrorCode::kCorruptPackage, bank);
  const std::string fingerprint = fingerprint_of(bank);
  if (read_digest(metadata, "fingerprint") != fingerprint) {
    fail(ErrorCode::kCorruptPackage, "expected the fingerprint ", fingerprint,
         " of its content, got another: it was changed after it was written");
  }
  return bank;
}

}  // namespace

void save_class_bank(const ClassBank& bank, const std::string& path) {
  within_memory("saving a class bank", [&] {
    check_bank(ErrorCode::kInvalidArgument, bank);
    const auto rows = bank.rows.floats();
    const auto shape = bank.rows.shape();
    const StoredTensors tensors = {{"rows",
                                    {.dtype = DType::kF32,
                                     .shape = {shape.begin(), shape.end()},
                                     .count = shape[0] * shape[1],
                                     .bytes = std::as_bytes(rows)}}};
    const Metadata metadata = {{"format", kFormat},
                               {"labels", json_array(bank.labels)},
                               {"templates", json_array(bank.templates)},
                               {"image", bank.source.image},
                               {"text", bank.source.text},
                               {"heads", bank.source.heads},
                               {"fingerprint", fingerprint_of(bank)}};
    const std::vector<std::byte> file = make_safetensors(tensors, metadata);
    try {
      parse_bank(file);
    } catch (const Error& error) {
      fail(ErrorCode::kInvalidArgument, "expected a class bank that a file can hold, got one that ",
           "could not be read back: ", error.what());
    }
    write_file_atomically(path, file);
  });
}

ClassBank load_class_bank(const std::string& path) {
  return within_memory("loading a class bank", [&] {
    const std::vector<std::byte> file = read_file(path, kMaxBytes);
    try {
      return parse_bank(file);
    } catch (const Error& error) {
      fail(error.code(), "class bank ", quote(path), ": ", error.what());
    }
  });
}

}  // namespace glint
