#include "bank_source.h"

#include <algorithm>

#include "core/check.h"
#include "package/sha256.h"

namespace glint {
namespace {

std::string digest_of(const std::string& text) {
  return sha256_hex(std::as_bytes(std::span(text)));
}

std::string parameter_text(const HeadSpec::Parameter& value) {
  if (const auto* const text = std::get_if<std::string>(&value))
    return cat(text->size(), ":", *text);
  if (const auto* const number = std::get_if<double>(&value)) return cat(std::hexfloat, *number);
  return std::get<bool>(value) ? "true" : "false";
}

// Tower files by their digest, and how the ids come about.
std::string text_digest(const Manifest& manifest) {
  const auto tower = manifest.towers.find("text");
  if (tower == manifest.towers.end() || !manifest.tokenizer) return {};
  const TokenizerSpec& spec = *manifest.tokenizer;
  return digest_of(cat(manifest.files.find(tower->second.file)->second, " ",
                       manifest.files.find(manifest.merges_file)->second, " ", spec.context_length,
                       " ", static_cast<int>(spec.overflow), " ", spec.start_id, " ", spec.end_id));
}

// Without the templates: a bank says itself which ones it was made of.
std::string heads_digest(const Manifest& manifest, const TaskSpec& task) {
  std::string text;
  for (const HeadSpec& head : task.heads) {
    text += head_text(manifest, head);
    if (head.tensors.empty()) continue;
    // What was learned may belong to the package's classes, in their order.
    for (const std::string& label : manifest.classes) text += cat("  ", label.size(), ":", label);
  }
  return digest_of(text);
}

}  // namespace

std::string head_text(const Manifest& manifest, const HeadSpec& head) {
  std::string text = cat("head ", head.type, "\n");
  for (const auto& [name, value] : head.parameters) {
    text += cat("  ", name, " = ", parameter_text(value), "\n");
  }
  if (!head.tensors.empty()) text += cat("  ", manifest.files.find(head.tensors)->second, "\n");
  return text;
}

void check_maker(std::string_view what, std::string_view maker, const std::string& source,
                 const std::string& own) {
  if (source.empty() || own.empty() || source == own) return;
  fail(ErrorCode::kInvalidArgument, "expected ", what, " of this model, got one that ", maker,
       " made (SHA-256 ", source.substr(0, 12), ", here ", own.substr(0, 12), ")");
}

BankSource bank_source_of(const Package& package, std::string_view task) {
  const Manifest& manifest = package.manifest();
  const TowerSpec& image = manifest.towers.find("image")->second;
  BankSource source;
  source.image = manifest.files.find(image.file)->second;
  source.text = text_digest(manifest);
  const TaskSpec& spec = manifest.tasks.find(task)->second;
  const bool learned =
      std::ranges::any_of(spec.heads, [](const HeadSpec& head) { return !head.tensors.empty(); });
  // Prompts and adapters of the image move its embeddings away from the banks of others.
  if (!source.text.empty() || learned) source.heads = heads_digest(manifest, spec);
  return source;
}

void check_bank_source(const BankSource& source, const BankSource& own) {
  constexpr std::string_view what = "a class bank";
  check_maker(what, "another image tower", source.image, own.image);
  check_maker(what, "another text tower or tokenizer", source.text, own.text);
  check_maker(what, "other heads", source.heads, own.heads);
}

}  // namespace glint
