// CoCoOp's states, and what it refuses.
#include "prompts_package.h"
#include "support/expect_error.h"

namespace glint {
namespace {

using test::everything;
using test::expect_error;
using test::Labels;
using test::load_prompts;
using test::logits_of;
using test::prepare_prompts;
using test::prompts_classes;
using test::prompts_model;
using test::prompts_picture;

constexpr auto kInvalid = ErrorCode::kInvalidArgument;

TEST(CocoopTest, OneStateAnswersManyQuestionsInAnyOrder) {
  const PredictOptions options = everything("cocoop");
  const ImageState state = prompts_model().encode(prompts_picture(), options);
  const Labels names = prompts_classes();
  const auto all = logits_of(prompts_model().predict(state, prepare_prompts("cocoop"), options));
  const auto some = prepare_prompts("cocoop", {names[5], names[2], names[0]});
  const auto few = logits_of(prompts_model().predict(state, some, options));
  EXPECT_NEAR(few[0], all[5], 1e-4);
  EXPECT_NEAR(few[1], all[2], 1e-4);
  EXPECT_NEAR(few[2], all[0], 1e-4);
}

// A golden that cannot tell images apart would prove nothing: the text of each is its own.
TEST(CocoopTest, TheImageChangesItsTexts) {
  const auto images = test::pictures_of(prompts_model());
  const PredictOptions options = everything("cocoop");
  ImageState state = prompts_model().encode(images[0], options);
  const auto own = logits_of(prompts_model().predict(state, prepare_prompts("cocoop"), options));
  state.tensors = prompts_model().encode(images[1], options).tensors;
  EXPECT_NE(logits_of(prompts_model().predict(state, prepare_prompts("cocoop"), options)), own);
}

TEST(CocoopTest, TellsItsProgressInLabelsAndStopsBetweenCalls) {
  const Model single = load_prompts(1);
  const Labels names{"a", "b", "cat", "white horse", "c", "d", "e", "f", "g", "h", "i", "j"};
  const auto text = single.prepare(TextQuery{.labels = names}, "cocoop");
  PredictOptions options = everything("cocoop");
  const ImageState state = single.encode(prompts_picture(), options);
  std::vector<std::int64_t> steps;
  std::stop_source source;
  options.stop = source.get_token();
  options.progress = [&](std::int64_t done, std::int64_t total) {
    EXPECT_EQ(total, 12);
    steps.push_back(done);
  };
  single.predict(state, text, options);
  // 32 rows a call: ten texts of 8 rows in three calls, the two longer ones together.
  EXPECT_EQ(steps, (std::vector<std::int64_t>{3, 6, 10, 12}));
  steps.clear();
  options.progress = [&](std::int64_t done, std::int64_t) {
    steps.push_back(done);
    source.request_stop();
  };
  expect_error(ErrorCode::kCancelled, "cancelled", [&] { single.predict(state, text, options); });
  EXPECT_EQ(steps.size(), 1U);
}

TEST(CocoopTest, RefusesStatesThatItDidNotMake) {
  const PredictOptions options = everything("cocoop");
  const ImageState state = prompts_model().encode(prompts_picture(), options);
  expect_error(kInvalid, "expected prompts that wait for an image, got words",
               [&] { prompts_model().predict(state, ClassBank{}, options); });
  const ImageState plain = prompts_model().encode(prompts_picture(), everything("classify"));
  expect_error(kInvalid,
               "expected an image's state that a head of type cocoop made, got one "
               "without keys",
               [&] { prompts_model().predict(plain, prepare_prompts("cocoop"), options); });
  const ImageState shorter = prompts_model().encode(prompts_picture(), everything("cocoop_one"));
  expect_error(kInvalid, "expected an image's state with keys of 5 tokens, got [3, 2, 2, 8]",
               [&] { prompts_model().predict(shorter, prepare_prompts("cocoop"), options); });
  expect_error(kInvalid, "expected prompts that a head of type cocoop made, got one without ids",
               [&] {
                 prompts_model().predict(state, PromptSet{{"cat"}, {}}, options);
               });
  expect_error(kInvalid, "expected an image embedding of 8 numbers", [&] {
    ImageState bare = state;
    bare.embedding = {};
    prompts_model().predict(bare, prepare_prompts("cocoop"), options);
  });
}

TEST(CocoopTest, RefusesPromptsThatWereChanged) {
  const PredictOptions options = everything("cocoop");
  const ImageState state = prompts_model().encode(prompts_picture(), options);
  const auto sound = std::get<PromptSet>(prepare_prompts("cocoop", {"cat", "hen"}));
  const auto ints = [](std::vector<std::int64_t> values) {
    return Tensor::from({static_cast<std::int64_t>(values.size())}, values);
  };
  for (const auto& [name, tensor] :
       {std::pair("labels", ints({0, 2})), std::pair("labels", ints({0, -1})),
        std::pair("labels", ints({0})), std::pair("lengths", ints({1, 1})),
        std::pair("lengths", ints({-3, 5})), std::pair("lengths", ints({0, 4})),
        std::pair("lengths", Tensor::from({2}, std::vector<float>{1, 2})),
        std::pair("ids", ints({})), std::pair("ids", ints({1}))}) {
    PromptSet changed = sound;
    changed.tensors.insert_or_assign(name, tensor);
    expect_error(kInvalid, "expected prompts whose ids, labels and lengths agree",
                 [&] { prompts_model().predict(state, changed, options); });
  }
  PromptSet none = sound;
  none.labels.clear();
  expect_error(kInvalid, "agree, got others for 0 labels",
               [&] { prompts_model().predict(state, none, options); });
  PromptSet foreign = sound;
  foreign.tensors.insert_or_assign(
      "ids", ints(std::vector<std::int64_t>(
                 static_cast<std::size_t>(sound.tensors.at("ids").dim(0)), 999999)));
  expect_error(kInvalid, "expected ids of 0 to",
               [&] { prompts_model().predict(state, foreign, options); });
}

// A task with a longer context may be shown the prompts of one with a shorter.
TEST(CocoopTest, RefusesPromptsTooLongForItsOwnContext) {
  std::string name = "x";
  for (int i = 1; i < 73; ++i) name += " x";
  const auto text = prepare_prompts("cocoop_one", {name});
  EXPECT_NO_THROW(prompts_model().predict(prompts_picture(), text, everything("cocoop_one")));
  expect_error(kInvalid, "expected prompts of at most 77 ids, got 80",
               [&] { prompts_model().predict(prompts_picture(), text, everything("cocoop")); });
}

}  // namespace
}  // namespace glint
