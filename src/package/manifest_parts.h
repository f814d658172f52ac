// The sections of glint.json. Each reader notes the problems of its section, and returns what it
// could read; a value that is wrong stays at its default, which is never a valid one.
#pragma once

#include <glint/package.h>

#include <map>
#include <optional>
#include <string>

#include "package/json_reader.h"
#include "package/manifest.h"

namespace glint {

using FileTable = std::map<std::string, std::string, std::less<>>;  // path -> SHA-256
using PreprocessTable = std::map<std::string, PreprocessSpec, std::less<>>;

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

// manifest.cpp: the path of a file that the package lists; "" when it is not.
std::string read_listed_path(const JsonReader& json, const FileTable& files);

}  // namespace glint
