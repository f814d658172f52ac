// MaPLe, independent vision-language prompting and VPT: learned vectors beside the tokens of both
// towers, or of one, which come as inputs of the towers; in the first layers each has its own.
// Khattak et al. 2023 (arXiv:2210.03117); muzairkhattak/multimodal-prompt-learning
// trainers/{maple,independentVL,vpt}.py. Jia et al. 2022 (arXiv:2203.12119) is VPT.
#pragma once

#include <string>

#include "heads/zero_shot.h"

namespace glint {

class MapleHead final : public ZeroShotHead {
 public:
  // f32 on the CPU; one of them may be empty().
  struct Prompts {
    Tensor text{};   // [P, N, width]: N vectors in the place of the first words, of P layers
    Tensor image{};  // [Q, M, width]: M vectors behind the patches, of Q layers
  };
  // `words`: what stands behind the text's vectors, with one "{}" for the name.
  MapleHead(std::string preprocess, Prompts prompts, std::string words);

  // For each label: start, the vectors and the words, encoded and normalised; a "_" in a label is
  // read as a space. Throws Error: as make_prompt_texts.
  TextState prepare(const TextQuery& query, const Towers& towers) const override;

 private:
  Tensor embed_pixels(const Tensor& pixels, const Towers& towers) const override;

  Prompts prompts_;
  std::string words_;
};

// Throws Error(kCorruptPackage) when the package lacks what models/maple.md lists, or has more:
// prompts for more layers than a tower has, too.
std::shared_ptr<const Head> make_maple(const HeadContext& context);

}  // namespace glint
