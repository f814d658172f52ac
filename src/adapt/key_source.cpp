#include "adapt/key_source.h"

#include <algorithm>
#include <array>
#include <ios>

#include "bank_source.h"
#include "core/check.h"
#include "package/sha256.h"

namespace glint::adapt {
namespace {

// Heads of ours that hand on what the image tower says of a picture as it is.
constexpr std::array<std::string_view, 4> kHandOn{"zero_shot", "coop", "cocoop", "tip_adapter"};

std::string digest_of(const std::string& text) {
  return sha256_hex(std::as_bytes(std::span(text)));
}

// Taken apart, so that a new field cannot be forgotten here.
std::string preprocess_text(const PreprocessSpec& spec) {
  const auto& [width, height, resize, geometry, interpolation, arithmetic, align_corners, rgb, crop,
               fill, rescale, channels, mean, std] = spec;
  std::string text = cat(width, " ", height, " ", static_cast<int>(fill), " ", align_corners);
  if (resize != 0) text += cat(" resize ", resize);  // keys of earlier caches know no resize
  for (const int choice :
       {static_cast<int>(geometry), static_cast<int>(interpolation), static_cast<int>(arithmetic),
        static_cast<int>(rgb), static_cast<int>(crop), static_cast<int>(rescale),
        static_cast<int>(channels)}) {
    text += cat(" ", choice);
  }
  for (const auto& three : {mean, std}) {
    for (const float value : three) text += cat(std::hexfloat, " ", value);
  }
  return text;
}

// MaPLe's prompts of the text tower change no key.
std::string image_prompts_text(const Package& package, const HeadSpec& head) {
  if (head.tensors.empty()) return {};
  const NamedTensors tensors = package.tensors(head.tensors);
  const auto found = tensors.find("image_prompts");
  if (found == tensors.end()) return {};
  return cat("prompts ", shape_text(found->second.shape()), " ",
             sha256_hex(std::as_bytes(found->second.floats())), "\n");
}

// An application's head may do anything, with any block that the package has.
std::string own_head_text(const Manifest& manifest, const HeadSpec& head) {
  std::string text = head_text(manifest, head);
  for (const auto& [name, tower] : manifest.towers) {
    if (name == "image" || name == "text") continue;
    text += cat("  ", name, " ", manifest.files.find(tower.file)->second, "\n");
  }
  return text;
}

std::string heads_text(const Package& package, const TaskSpec& task) {
  std::string text;
  for (const HeadSpec& head : task.heads) {
    if (std::ranges::find(kHandOn, head.type) != kHandOn.end()) continue;
    if (head.type == "maple") {
      text += image_prompts_text(package, head);
    } else if (head.type == "clip_adapter") {
      text += head_text(package.manifest(), head);
    } else {
      text += own_head_text(package.manifest(), head);
    }
  }
  return text;
}

}  // namespace

KeySource key_source_of(const Package& package) {
  const Manifest& manifest = package.manifest();
  const TaskSpec& task = manifest.tasks.find(kTask)->second;
  const TowerSpec& image = manifest.towers.find("image")->second;
  return {
      .image = manifest.files.find(image.file)->second,
      .preprocess = digest_of(preprocess_text(manifest.preprocess.find(task.preprocess)->second)),
      .heads = digest_of(heads_text(package, task))};
}

void check_key_source(const KeySource& source, const KeySource& own, std::string_view what) {
  check_maker(what, "another image tower", source.image, own.image);
  check_maker(what, "another preprocessing", source.preprocess, own.preprocess);
  check_maker(what, "other heads", source.heads, own.heads);
}

}  // namespace glint::adapt
