// What the factories of CoOp, CLIP-Adapter and Tip-Adapter refuse, through the registry.
#include <limits>

#include "needs_support.h"

namespace glint {
namespace {

using test::expect_error;
using test::head;
using test::Json;
using test::kCorrupt;
using test::kZeroShot;
using test::make;
using test::TensorFile;

void make_coop(const TensorFile& tensors, const Json& place = "end", bool classes = true) {
  make(Json::array({head("coop", {{"class_token_position", place}})}), tensors,
       classes ? test::as_it_is : test::without_classes);
}

TEST(CoopNeedsTest, TakesSharedAndOwnContexts) {
  for (const char* place : {"end", "middle", "front"}) {
    EXPECT_NO_THROW(make_coop(TensorFile().floats("context", {5, 6}), place, false));
    EXPECT_NO_THROW(make_coop(TensorFile().floats("context", {2, 3, 6}), place));
  }
}

TEST(CoopNeedsTest, RefusesContextsThatDoNotFitTheTextTower) {
  expect_error(kCorrupt, "heads[0]: expected tensor context f32 [any, 6], got f32 [3, 5]", [] {
    make_coop(TensorFile().floats("context", {3, 5}));
  });
  expect_error(kCorrupt,
               "expected a context of at most 5 vectors for the 8 ids of the text tower, "
               "got 6",
               [] {
                 make_coop(TensorFile().floats("context", {6, 6}));
               });
  expect_error(kCorrupt, "got 6", [] { make_coop(TensorFile().floats("context", {2, 6, 6})); });
  expect_error(kCorrupt, "[any, 6], got f32 [6]",
               [] { make_coop(TensorFile().floats("context", {6})); });
  expect_error(kCorrupt, "[any, 6], got i64 [2]", [] {
    make_coop(TensorFile().ints("context", {1, 2}));
  });
}

TEST(CoopNeedsTest, RefusesOwnContextsWithoutTheirClasses) {
  expect_error(kCorrupt, "expected tensor context f32 [2, any, 6], got f32 [3, 4, 6]", [] {
    make_coop(TensorFile().floats("context", {3, 4, 6}));
  });
  expect_error(kCorrupt, "expected classes.json", [] {
    make_coop(TensorFile().floats("context", {3, 4, 6}), "end", false);
  });
}

TEST(CoopNeedsTest, RefusesWhatItWouldIgnoreAndWhatIsMissing) {
  const auto context = TensorFile().floats("context", {3, 6});
  expect_error(kCorrupt,
               "parameters.class_token_position: expected one of end, middle, front, got "
               "\"behind\"",
               [&] { make_coop(context, "behind"); });
  expect_error(kCorrupt, "expected one of end, middle, front, got another type",
               [&] { make_coop(context, 3); });
  expect_error(kCorrupt, "expected parameters class_token_position, got no class_token_position",
               [&] { make(Json::array({head("coop", Json::object())}), context); });
  expect_error(kCorrupt, "expected parameters class_token_position, got \"csc\" too", [&] {
    make(Json::array({head("coop", {{"class_token_position", "end"}, {"csc", true}})}), context);
  });
  expect_error(kCorrupt, "expected tensors context, got no context", [] {
    make_coop(TensorFile().floats("ctx", {3, 6}));
  });
  expect_error(kCorrupt, "expected tensors context, got \"token_prefix\" too", [] {
    make_coop(TensorFile().floats("context", {3, 6}).floats("token_prefix", {2, 1, 6}));
  });
  expect_error(kCorrupt, "expected finite numbers in tensor context", [] {
    make_coop(TensorFile().floats("context", {3, 6}, std::numeric_limits<float>::infinity()));
  });
  Json with_templates = head("coop", {{"class_token_position", "end"}});
  with_templates["templates"] = "templates.json";
  expect_error(kCorrupt, "expected no templates for a head of type coop, got 2",
               [&] { make(Json::array({with_templates}), context); });
  expect_error(kCorrupt, "heads[1]: expected a head of type coop as the first one", [&] {
    make(Json::array({kZeroShot, head("coop", {{"class_token_position", "end"}})}), context);
  });
}

void make_adapter(const TensorFile& tensors, const Json& ratio = 0.2) {
  make(Json::array({kZeroShot, head("clip_adapter", {{"ratio", ratio}})}), tensors);
}

TEST(ClipAdapterNeedsTest, TakesABottleneckOfAnyWidth) {
  EXPECT_NO_THROW(make_adapter(TensorFile().floats("down", {1, 4}).floats("up", {4, 1})));
  EXPECT_NO_THROW(make_adapter(TensorFile().floats("down", {9, 4}).floats("up", {4, 9}), 1));
}

TEST(ClipAdapterNeedsTest, RefusesWhatDoesNotFit) {
  const auto sound = TensorFile().floats("down", {1, 4}).floats("up", {4, 1});
  expect_error(kCorrupt, "heads[1]: expected tensor down f32 [any, 4], got f32 [1, 5]", [] {
    make_adapter(TensorFile().floats("down", {1, 5}).floats("up", {4, 1}));
  });
  expect_error(kCorrupt, "expected tensor up f32 [4, 1], got f32 [4, 2]", [] {
    make_adapter(TensorFile().floats("down", {1, 4}).floats("up", {4, 2}));
  });
  expect_error(kCorrupt, "expected tensors down, up, got no up", [] {
    make_adapter(TensorFile().floats("down", {1, 4}));
  });
  expect_error(kCorrupt, "parameters.ratio: expected a number from 0 to 1, got 1.5",
               [&] { make_adapter(sound, 1.5); });
  expect_error(kCorrupt, "parameters.ratio: expected a number from 0 to 1, got another type",
               [&] { make_adapter(sound, "0.2"); });
  expect_error(kCorrupt, "expected a head before the one of type clip_adapter, got none", [&] {
    make(Json::array({head("clip_adapter", {{"ratio", 0.2}})}), sound);
  });
}

const Json kTip = {{"alpha", 1.17}, {"beta", 5.5}};

void make_tip(const TensorFile& tensors, const Json& parameters = kTip, bool classes = true) {
  make(Json::array({kZeroShot, head("tip_adapter", parameters)}), tensors,
       classes ? test::as_it_is : test::without_classes);
}

TensorFile cache(const std::vector<std::int64_t>& classes) {
  return TensorFile().floats("keys", {3, 4}).ints("classes", classes);
}

TEST(TipAdapterNeedsTest, TakesKeysInAnyOrderOfClasses) {
  EXPECT_NO_THROW(make_tip(cache({1, 0, 1})));
  EXPECT_NO_THROW(make_tip(cache({0, 0, 0})));
}

TEST(TipAdapterNeedsTest, RefusesWhatDoesNotFit) {
  expect_error(kCorrupt,
               "expected positions below 2, the classes of classes.json, in tensor "
               "classes, got 2",
               [] {
                 make_tip(cache({0, 2, 1}));
               });
  expect_error(kCorrupt, "got -1", [] { make_tip(cache({0, -1, 1})); });
  expect_error(kCorrupt, "expected tensor classes i64 [3], got i64 [2]", [] {
    make_tip(cache({0, 1}));
  });
  expect_error(kCorrupt, "expected tensor keys f32 [any, 4], got f32 [4, 3]", [] {
    make_tip(TensorFile().floats("keys", {4, 3}).ints("classes", {0, 0, 0, 0}));
  });
  expect_error(kCorrupt, "expected tensor classes i64 [3], got f32 [3]", [] {
    make_tip(TensorFile().floats("keys", {3, 4}).floats("classes", {3}));
  });
  expect_error(kCorrupt, "expected tensors keys, classes, got no classes", [] {
    make_tip(TensorFile().floats("keys", {3, 4}));
  });
  expect_error(kCorrupt, "expected classes.json with the cache's classes, got none", [] {
    make_tip(cache({0, 0, 1}), kTip, false);
  });
  expect_error(kCorrupt, "parameters.beta: expected a number of at least 0, got -1", [] {
    make_tip(cache({0, 0, 1}), {{"alpha", 1}, {"beta", -1}});
  });
  expect_error(kCorrupt, "expected parameters alpha, beta, got no beta", [] {
    make_tip(cache({0, 0, 1}), {{"alpha", 1}});
  });
  expect_error(kCorrupt, "expected a head before the one of type tip_adapter, got none", [] {
    make(Json::array({head("tip_adapter", kTip)}), cache({0, 0, 1}));
  });
}

}  // namespace
}  // namespace glint
