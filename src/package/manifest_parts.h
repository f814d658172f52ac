// The sections of glint.json. Each reader notes the problems of its section, and returns what it
// could read; a value that is wrong stays at its default, which is never a valid one.
#pragma once

#include <glint/package.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "package/json_reader.h"
#include "package/manifest.h"

namespace glint {

inline constexpr std::int64_t kFormatVersion = 1;

using FileTable = std::map<std::string, std::string, std::less<>>;  // path -> SHA-256
using PreprocessTable = std::map<std::string, PreprocessSpec, std::less<>>;

// manifest.cpp
std::string read_listed_path(const JsonReader& json, const FileTable& files);  // "": not listed
FileTable read_files(const JsonReader& json);
LogitSpec read_logit(const JsonReader& json);
void read_identity(const JsonObject& fields, Manifest& manifest);  // name, licence, provenance
ReferenceSpec read_reference(const JsonReader& json, const Manifest& manifest);

// manifest_extends.cpp: a manifest with `extends`, and what the base lends.
void read_extension(const JsonReader& root, const FindBase& find_base, ParsedManifest& parsed);

// manifest_inputs.cpp
PreprocessTable read_preprocess(const JsonReader& json);
// Sets merges_file too.
TokenizerSpec read_tokenizer(const JsonReader& json, const FileTable& files,
                             std::string& merges_file);

// manifest_tasks.cpp: fills tasks and the paths of their templates.
void read_tasks(const JsonReader& json, ParsedManifest& parsed);

// manifest_towers.cpp: against the table of ports, embed_dim and the sizes of the preprocesses.
// `with_text`: a text tower is required, not only allowed.
std::map<std::string, TowerSpec, std::less<>> read_towers(const JsonReader& json,
                                                          const Manifest& manifest, bool with_text);

// The towers that an extending package adds to those of `manifest`, its base's.
std::map<std::string, TowerSpec, std::less<>> read_blocks(const JsonReader& json,
                                                          const Manifest& manifest);

// Every preprocess makes the pixels that the image tower takes; problems are of `json`.
void check_pixels(const JsonReader& json, const TowerSpec& image,
                  const PreprocessTable& preprocess);

}  // namespace glint
