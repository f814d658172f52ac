#include <glint/towers.h>

#include "works.h"

namespace worker {

Work encode_image(const Json& job) {
  Work work;
  const auto shape = job.at("shape").get<std::vector<std::int64_t>>();
  const auto pixels = glint::Tensor::from(shape, read_npy<float>(job.at("input")));
  work.call = [model = load(job), pixels, out = work.result] {
    keep(model.towers().image(pixels), *out);
  };
  return work;
}

Work encode_text(const Json& job) {
  Work work;
  const auto shape = job.at("shape").get<std::vector<std::int64_t>>();
  const glint::TextInput input{
      .ids = glint::Tensor::from(shape, read_npy<std::int64_t>(job.at("input")))};
  work.call = [model = load(job), input, out = work.result] {
    keep(model.towers().text(input), *out);
  };
  return work;
}

// Texts, one a line -> the embeddings of one of every N, not normalised.
Work encode_texts(const Json& job) {
  Work work;
  const auto texts = read_lines(job.at("input"));
  const std::size_t every = job.at("every");
  work.call = [model = load(job), texts, every, out = work.result] {
    const auto rows = model.encode_texts(texts, {.normalize = false});
    out->floats.clear();
    for (std::size_t i = 0; i < texts.size(); i += every) {
      const auto row = rows.row(static_cast<std::int64_t>(i));
      out->floats.insert(out->floats.end(), row.begin(), row.end());
    }
  };
  return work;
}

// The same with MaPLe's learned prompts [P, N, width] f32, which "prompts" names.
Work encode_prompted(const Json& job) {
  Work work;
  const auto tensor = [&](const char* shape, const char* file) {
    return glint::Tensor::from(job.at(shape).get<std::vector<std::int64_t>>(),
                               read_npy<float>(job.at(file)));
  };
  const glint::NamedTensors inputs = {{"pixels", tensor("shape", "input")},
                                      {"prompts", tensor("prompts_shape", "prompts")}};
  work.call = [model = load(job), inputs, out = work.result] {
    keep(model.towers().call("image", "forward_prompted", inputs).at("embedding"), *out);
  };
  return work;
}

// pixels [1, 3, H, W] f32 -> the map of an LSeg image tower.
Work encode_map(const Json& job) {
  Work work;
  const auto shape = job.at("shape").get<std::vector<std::int64_t>>();
  const auto pixels = glint::Tensor::from(shape, read_npy<float>(job.at("input")));
  work.call = [model = load(job), pixels, out = work.result] {
    keep(model.towers().call("image", "forward", {{"pixels", pixels}}).at("map"), *out);
  };
  return work;
}

// The package's folder -> how the digests of its files begin, in the order of their paths.
Work load_package(const Json& job) {
  Work work;
  work.call = [job, out = work.result] {
    const auto model = load(job);
    out->ints.clear();
    for (const auto& [path, digest] : model.manifest().files) {
      out->ints.push_back(
          static_cast<std::int64_t>(std::stoull(digest.substr(0, 16), nullptr, 16)));
    }
  };
  return work;
}

}  // namespace worker
