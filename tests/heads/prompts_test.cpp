// CoCoOp and MaPLe against what their released code answers, and MaPLe's own ways.
#include <glint/similarity.h>

#include "heads/maple.h"
#include "heads/tip_adapter.h"
#include "prompts_package.h"
#include "support/expect_error.h"
#include "support/tiny_package.h"

namespace glint {
namespace {

using test::answers_of;
using test::everything;
using test::expect_embeddings;
using test::expect_error;
using test::expect_logits;
using test::Json;
using test::Labels;
using test::load_prompts;
using test::logits_of;
using test::prepare_prompts;
using test::prompts_classes;
using test::prompts_golden;
using test::prompts_model;
using test::prompts_picture;

constexpr auto kInvalid = ErrorCode::kInvalidArgument;
const std::vector<std::string> kMaple{"maple_1", "maple_2", "maple_4", "ivlp", "ivlp_text", "vpt"};

class PromptParityTest : public testing::TestWithParam<std::int64_t> {};

// Of eight pictures; of seven labels, too: with a batch of 1 a call of the text tower gets a few.
TEST_P(PromptParityTest, AnswersAsTheReleasedCodeInAnyBatch) {
  const Model used = load_prompts(GetParam());
  for (const auto& [task, expected] : prompts_golden()["logits"].items()) {
    SCOPED_TRACE(task);
    const bool fresh = task.ends_with(".new");
    const Labels names = prompts_golden()[fresh ? "new_classes" : "classes"];
    expect_logits(answers_of(used, fresh ? task.substr(0, task.size() - 4) : task, names),
                  expected);
  }
}

INSTANTIATE_TEST_SUITE_P(Batches, PromptParityTest, testing::Values(1, 3, 8));

TEST(PromptsTest, TheReferenceHoldsInTheTowers) {
  for (const VerifyStage& stage : verify(prompts_model()).stages) {
    EXPECT_TRUE(stage.passed) << stage.name << " " << stage.difference << " at " << stage.where;
  }
}

TEST(PromptsTest, PreprocessedPixelsGiveTheAnswerOfThePicture) {
  const Image image = prompts_picture();
  const ImageView view = image;
  const Tensor pixels = prompts_model().towers().pixels({&view, 1}, "default");
  for (const std::string task : {"cocoop", "maple_2", "vpt"}) {
    const auto states = prompts_model().encode_pixels(pixels, everything(task));
    ASSERT_EQ(states.size(), 1U);
    EXPECT_EQ(
        logits_of(prompts_model().predict(states[0], prepare_prompts(task), everything(task))),
        logits_of(prompts_model().predict(image, prepare_prompts(task), everything(task))));
  }
}

TEST(PromptsTest, RefuseTemplatesAndPromptsThatDoNotFit) {
  std::string name = "x";  // an id, as is the full stop
  for (int i = 1; i < 70; ++i) name += " x";
  for (const std::string task : {"cocoop", "maple_4", "ivlp_text"}) {
    expect_error(kInvalid, "expected no templates, which the learned context replaces", [&] {
      prompts_model().prepare(TextQuery{.labels = {"cat"}, .templates = {"a {}."}}, task);
    });
    EXPECT_NO_THROW(prepare_prompts(task, {name}));
    expect_error(kInvalid, "expected prompts of at most 77 ids, got 78 with 4 vectors of context",
                 [&] { prepare_prompts(task, {name + " x"}); });
  }
}

TEST(MapleTest, EmbeddingsAreThoseOfTheReleasedTowers) {
  const auto images = test::pictures_of(prompts_model());
  for (const std::string& task : kMaple) {
    SCOPED_TRACE(task);
    std::vector<float> rows;
    for (const Image& image : images) {
      const ImageState state = prompts_model().encode(image, everything(task));
      rows.insert(rows.end(), state.embedding.floats().begin(), state.embedding.floats().end());
      EXPECT_EQ(state.width, image.width());
    }
    expect_embeddings(rows, prompts_golden()["images"][task]);
    const auto bank = std::get<ClassBank>(prepare_prompts(task));
    expect_embeddings(bank.rows.floats(), prompts_golden()["texts"][task]);
  }
}

// One image tower serves them all, and the plain one; a bank is for the prompts it was made with.
TEST(MapleTest, BanksAreRefusedByOtherPromptsAndByThePlainTower) {
  const Image image = prompts_picture();
  for (const std::string made : {"classify", "maple_2", "vpt"}) {
    for (const std::string used : {"classify", "maple_2", "vpt"}) {
      const auto ask = [&] {
        prompts_model().predict(image, prepare_prompts(made), everything(used));
      };
      if (made == used) {
        EXPECT_NO_THROW(ask());
      } else {
        expect_error(kInvalid, "other heads made", ask);
      }
    }
  }
}

// Its banks stand for the words; the text's prompts only say which banks are its own.
TEST(MapleTest, ServesAPackageWithoutATextTower) {
  auto files = test::image_only(test::read_files(test::kPrompts));
  auto manifest = nlohmann::ordered_json::parse(test::manifest_of(files));
  for (const char* task : {"cocoop", "cocoop_one"}) manifest["tasks"].erase(task);
  test::set_manifest(files, manifest.dump());
  const Model images = Model::load(Package::from_memory(std::move(files)));
  const Image image = prompts_picture();
  const auto got = images.predict(image, prepare_prompts("maple_2"), everything("maple_2"));
  expect_logits({logits_of(got)}, Json::array({prompts_golden()["logits"]["maple_2"][0]}));
  expect_error(kInvalid, "other heads made",
               [&] { images.predict(image, prepare_prompts("classify"), everything("maple_2")); });
  expect_error(ErrorCode::kUnsupported, "has no text tower",
               [&] { images.prepare(TextQuery{.labels = {"cat"}}, "maple_2"); });
}

TEST(MapleTest, RefusesPromptsOfAnotherKindOfHead) {
  expect_error(kInvalid, "expected class embeddings, got prompts of another head", [] {
    prompts_model().predict(prompts_picture(), prepare_prompts("cocoop"), everything("maple_2"));
  });
}

TEST(MapleTest, StopsBetweenTexts) {
  const Model single = load_prompts(1);
  std::stop_source source;
  TextQuery query{.labels = {"a", "b", "c", "d", "e", "f", "g", "h"}, .stop = source.get_token()};
  std::int64_t steps = 0;
  query.progress = [&](std::int64_t done, std::int64_t total) {
    EXPECT_EQ(total, 8);
    EXPECT_LT(done, 8);
    ++steps;
    source.request_stop();
  };
  expect_error(ErrorCode::kCancelled, "cancelled", [&] { single.prepare(query, "maple_2"); });
  EXPECT_EQ(steps, 1);
}

// The embedding of its states is the prompted one, so a cache of those serves.
TEST(MapleTest, TipAdapterAroundItSeesThePromptedEmbedding) {
  const NamedTensors prompts = prompts_model().package().tensors("tensors/maple_2.safetensors");
  const auto maple = std::make_shared<const MapleHead>(
      "default", MapleHead::Prompts{prompts.at("text_prompts"), prompts.at("image_prompts")},
      "of a {}.");
  std::vector<float> keys;
  for (const Json& row : prompts_golden()["images"]["maple_2"]) {
    for (const Json& value : row) keys.push_back(value);
  }
  normalize_rows(keys, 8);
  const double alpha = 2, beta = 3;
  const Labels names = prompts_classes();
  const TipAdapterHead tip(
      maple, {{names, "of the cache"}, Tensor::from({8, 8}, keys), {0, 1, 2, 3, 4, 5, 6, 0}}, alpha,
      beta);
  const Image image = prompts_picture();
  const ImageView view = image;
  const auto state = tip.encode({&view, 1}, prompts_model().towers(), {}).front();
  const auto text = tip.prepare({.labels = names}, prompts_model().towers());
  const auto logits = logits_of(tip.predict(state, text, prompts_model().towers(), everything("")));
  std::vector<double> expected(names.size());
  for (std::size_t k = 0; k < names.size(); ++k) {
    expected[k] = prompts_golden()["logits"]["maple_2"][0][k].get<double>();
  }
  for (std::size_t n = 0; n < 8; ++n) {
    double cosine = 0;
    for (std::size_t d = 0; d < 8; ++d) cosine += double{keys[d]} * keys[n * 8 + d];
    expected[n % 7] += alpha * std::exp(-beta * (1 - cosine));
  }
  for (std::size_t k = 0; k < names.size(); ++k) EXPECT_NEAR(logits[k], expected[k], 1e-4) << k;
}

}  // namespace
}  // namespace glint
