// Texts that share beginnings and calls embed as each does alone.
#include <glint/glint.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "heads/text_prefix.h"
#include "support/expect_error.h"

namespace glint {
namespace {

const std::string kRoot = GLINT_TEST_DATA "/..";  // of the repository

// A model's towers, counted; without the methods of prefixes where asked.
class Watched final : public Towers {
 public:
  Watched(const Model& model, std::int64_t max_batch, bool prefixes = true)
      : towers_(model.towers()), manifest_(towers_.manifest()), max_batch_(max_batch) {
    if (!prefixes) manifest_.towers.find("text")->second.methods.erase("forward_suffix");
  }
  const Manifest& manifest() const override { return manifest_; }
  std::int64_t max_batch() const override { return max_batch_; }
  Tensor pixels(std::span<const ImageView> images, std::string_view preprocess) const override {
    return towers_.pixels(images, preprocess);
  }
  std::vector<std::int64_t> tokenize(std::string_view text) const override {
    return towers_.tokenize(text);
  }
  NamedTensors call(std::string_view tower, std::string_view method,
                    const NamedTensors& inputs) const override {
    ++calls[std::string(method)];
    return towers_.call(tower, method, inputs);
  }
  mutable std::map<std::string, int> calls;

 private:
  const Towers& towers_;
  Manifest manifest_;
  std::int64_t max_batch_;
};

// 4 templates of 40 names of one to four words, and some that have nothing in common with them.
std::vector<std::string> mixed_texts() {
  const std::vector<std::string> words{"cat",   "white", "horse",  "lorry", "pale",
                                       "green", "truck", "sailor", "old",   "boat"};
  std::vector<std::string> texts{"nothing", "a photo of", "", "a photo of a cat sitting on a boat"};
  for (std::size_t name = 0; name < 40; ++name) {
    std::string label = words[name % 10];
    for (std::size_t i = 0; i < name % 4; ++i) label += " " + words[(name / 4 + i * 3) % 10];
    for (const char* text :
         {"a photo of a {}.", "a bad photo of the {}.", "{}", "itap of my {} in the snow."}) {
      texts.push_back(fill_template(text, label));
    }
  }
  texts.push_back("a photo of a cat.");
  return texts;
}

void expect_near(const Tensor& rows, const Tensor& expected) {
  ASSERT_TRUE(std::ranges::equal(rows.shape(), expected.shape()));
  float largest = 0, most = 0;
  for (std::size_t i = 0; i < rows.floats().size(); ++i) {
    largest = std::max(largest, std::abs(expected.floats()[i]));
    most = std::max(most, std::abs(rows.floats()[i] - expected.floats()[i]));
  }
  EXPECT_LE(most, 1e-5F * largest);
}

class EncodeTextsTest : public testing::TestWithParam<const char*> {
 protected:
  const Model model_ = Model::load(kRoot + "/" + GetParam(), {.threads = 1});

  Tensor one_by_one(std::span<const std::string> texts) const {
    std::vector<float> rows;
    for (const std::string& text : texts) {
      const auto ids = model_.towers().tokenize(text);
      const Tensor row =
          model_.towers()
              .text({.ids = Tensor::from({1, static_cast<std::int64_t>(ids.size())}, ids)})
              .cpu();
      rows.insert(rows.end(), row.floats().begin(), row.floats().end());
    }
    return Tensor::from({static_cast<std::int64_t>(texts.size()), model_.manifest().embed_dim},
                        rows);
  }
};

TEST_P(EncodeTextsTest, TogetherTheyEmbedAsAlone) {
  const auto texts = mixed_texts();
  const Tensor expected = one_by_one(texts);
  for (const std::int64_t max_batch : {1, 3, 32}) {
    const Watched towers(model_, max_batch);
    ASSERT_TRUE(has_text_prefixes(towers.manifest()));
    expect_near(encode_texts(texts, towers), expected);
    EXPECT_GE(towers.calls["encode_prefix"], 2);
    EXPECT_GE(towers.calls["forward_suffix"], 3);
  }
}

TEST_P(EncodeTextsTest, ATowerWithoutThoseMethodsGetsWholeTexts) {
  const auto texts = mixed_texts();
  const Watched towers(model_, 32, false);
  expect_near(encode_texts(texts, towers), one_by_one(texts));
  EXPECT_EQ(towers.calls.size(), 1U);
  EXPECT_GE(towers.calls["forward"], 5);
}

TEST_P(EncodeTextsTest, OrderAndNeighboursDoNotMatter) {
  const auto texts = mixed_texts();
  const std::vector<std::string> reversed(texts.rbegin(), texts.rend());
  const auto rows = model_.encode_texts(texts), back = model_.encode_texts(reversed);
  ASSERT_EQ(rows.count, static_cast<std::int64_t>(texts.size()));
  for (std::int64_t i = 0; i < rows.count; ++i) {
    EXPECT_TRUE(std::ranges::equal(rows.row(i), back.row(rows.count - 1 - i))) << i;
  }
}

TEST_P(EncodeTextsTest, TellsItsProgressAndStopsBetweenCalls) {
  const auto texts = mixed_texts();
  std::stop_source source;
  std::vector<std::int64_t> steps;
  EncodeOptions options;
  options.stop = source.get_token();
  options.progress = [&](std::int64_t done, std::int64_t total) {
    EXPECT_EQ(total, static_cast<std::int64_t>(texts.size()));
    EXPECT_TRUE(steps.empty() || done > steps.back());
    steps.push_back(done);
  };
  model_.encode_texts(texts, options);
  EXPECT_EQ(steps.back(), static_cast<std::int64_t>(texts.size()));
  const std::size_t calls = steps.size();
  options.progress = [&](std::int64_t, std::int64_t) {
    source.request_stop();
    --steps.back();
  };
  test::expect_error(ErrorCode::kCancelled, "cancelled",
                     [&] { model_.encode_texts(texts, options); });
  EXPECT_EQ(steps.back(), static_cast<std::int64_t>(texts.size()) - 1);
  EXPECT_GT(calls, 2U);
}

INSTANTIATE_TEST_SUITE_P(Towers, EncodeTextsTest,
                         testing::Values("models/tiny-clip.glint", "models/tiny-vit.glint",
                                         "tests/golden/packages/random-vit.glint"),
                         [](const auto& tower) {
                           std::string name;
                           for (const char c : std::string(tower.param)) {
                             if (std::isalnum(static_cast<unsigned char>(c)) != 0) name += c;
                           }
                           return name;
                         });

}  // namespace
}  // namespace glint
