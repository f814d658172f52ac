// A whole, valid package of a few kilobytes in memory, and ways to damage it.
//
// Its archives have the form of TorchScript modules and pass every check of the reader, but hold
// no real module: what runs a tower needs a package made by the exporter.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace glint::test {

using Bytes = std::vector<std::byte>;
using Files = std::map<std::string, Bytes, std::less<>>;

// embed_dim 4, pixels [3, 8, 8], text width 6, context 8, two pictures, two texts, templates and
// classes.
Files tiny_package();

std::string manifest_of(const Files& files);
// Replaces the manifest and its digest file.
void set_manifest(Files& files, std::string_view json);
// Adds or replaces a file, with its digest in the manifest.
void set_file(Files& files, const std::string& name, Bytes content);

// Writes the files below `folder`, which is made.
void write_files(const Files& files, const std::string& folder);

// The files below `folder`, which is a package.
Files read_files(const std::string& folder);

// A package on disk, without text tower and tokenizer: banks stand for words.
Files image_only(Files files);

Bytes to_bytes(std::string_view text);
std::string to_text(std::span<const std::byte> bytes);

// One entry of an archive. What differs from torch's own form is said by the fields.
struct ArchiveEntry {
  std::string name;
  Bytes content;
  bool descriptor = true;          // sizes and checksum behind the content, as torch writes
  std::uint16_t method = 0;        // what the headers state; the content is stored either way
  std::uint16_t flags = 0x0800;    // bit 3 is added by descriptor
  std::string local_name{};        // when the local header shall name another one
  std::int64_t stated_bytes = -1;  // when the headers shall state another size
};

// A zip archive; `zip64`: with the ZIP64 end records that torch writes.
Bytes make_archive(const std::vector<ArchiveEntry>& entries, bool zip64 = true);

// The entries of a sound archive whose one source file is `code`.
std::vector<ArchiveEntry> tower_entries(std::string_view code);
// Source of a module that names some harmless operators.
std::string_view tower_code();

// A safetensors file: its header's JSON, and its data.
Bytes make_safetensors(std::string_view header, std::span<const std::byte> data);

}  // namespace glint::test
