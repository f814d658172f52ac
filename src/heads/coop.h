// CoOp: learned vectors take the place of a template's words; the rest is zero-shot classification.
// Zhou et al. 2022 (arXiv:2109.01134); KaiyangZhou/CoOp trainers/coop.py, PromptLearner.
#pragma once

#include <span>
#include <string>

#include "heads/class_positions.h"
#include "heads/prompt_text.h"
#include "heads/zero_shot.h"

namespace glint {

// Where the name stands: behind the context, between its halves (the first has M / 2 vectors), or
// before it.
enum class NamePlace { kEnd, kMiddle, kFront };

class CoopHead final : public ZeroShotHead {
 public:
  // context [M, width] for any names, or [K, M, width] for the names in `classes`, in their order.
  CoopHead(std::string preprocess, Tensor context, NamePlace place,
           std::span<const std::string> classes);

  // For each label: start, context and "label." in one sequence, encoded and normalised. A "_" in a
  // label is read as a space. Start and what of one context for all names stands in front of these
  // are encoded once, where the text tower has the methods (heads/text_prefix.h).
  // Throws Error(kInvalidArgument): templates, which the context stands for; a prompt that is
  // longer than the text tower's context; a label that is not in `classes` when each has its own
  // context.
  TextState prepare(const TextQuery& query, const Towers& towers) const override;

 private:
  struct Layout;
  std::size_t vectors() const {
    return static_cast<std::size_t>(context_.dim(context_.shape().size() - 2));
  }
  std::span<const float> context_of(const std::string& label) const;
  Layout layout_of(const std::string& label, const PromptText& prompt, const Towers& towers) const;
  // Start and context at the beginning of all prompts, where computing them once pays; else 0.
  std::int64_t shared_rows(std::size_t prompts, const Towers& towers) const;
  Tensor place_contexts(const Tensor& embedded, std::span<const std::size_t> batch,
                        std::span<const Layout> layouts) const;

  Tensor context_;
  NamePlace place_;
  ClassPositions classes_;
};

// Throws Error(kCorruptPackage) when the package lacks what models/coop.md lists, or has more.
std::shared_ptr<const Head> make_coop(const HeadContext& context);

}  // namespace glint
