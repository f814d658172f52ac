// Folders of labelled pictures -> what a model's heads see of them.
#include <cmath>

#include "adapt/adapt_packages.h"
#include "support/expect_error.h"

namespace glint::adapt {
namespace {

using test::expect_error;
using test::load;
using test::Pictures;
using test::with_task;

const Model& plain() {
  static const Model loaded = load(with_task("adapters.glint", "classify"));
  return loaded;
}

TEST(ShotsTest, ClassesAndFilesComeSorted) {
  Pictures pictures({{"sea_lion", {3, 1}}, {"ant", {2}}});
  pictures.spoil(".hidden", "0.png");
  std::ofstream(pictures.folder("ant") + "/notes.txt") << "no picture";
  const LabelledFiles found = read_labelled(pictures.folder());
  EXPECT_EQ(found.labels, (std::vector<std::string>{"ant", "sea lion"}));
  EXPECT_EQ(found.classes, (std::vector<std::int64_t>{0, 1, 1}));
  EXPECT_EQ(found.files, (std::vector<std::string>{pictures.folder("ant") + "/2.png",
                                                   pictures.folder("sea_lion") + "/1.png",
                                                   pictures.folder("sea_lion") + "/3.png"}));
  const LabelledFiles one = read_class("a_b", pictures.folder("ant"));
  EXPECT_EQ(one.labels, (std::vector<std::string>{"a_b"}));
  EXPECT_EQ(one.files.size(), 1U);
}

TEST(ShotsTest, RefusesFoldersWithoutWhatIsNeeded) {
  Pictures pictures;
  expect_error(ErrorCode::kNotFound, "expected a folder",
               [&] { read_labelled(pictures.folder("nowhere")); });
  expect_error(ErrorCode::kInvalidArgument, "a folder for each class",
               [&] { read_labelled(pictures.folder("cat")); });
  std::filesystem::create_directories(pictures.folder("a"));
  std::filesystem::create_directories(pictures.folder("b_c"));
  expect_error(ErrorCode::kInvalidArgument, "got none of \"a\", \"b c\"",
               [&] { read_labelled(pictures.folder()); });
  expect_error(ErrorCode::kInvalidArgument, "expected images in",
               [&] { read_class("a", pictures.folder("a")); });
  expect_error(ErrorCode::kInvalidArgument, "expected a class, got an empty one",
               [&] { read_class(" ", pictures.folder("cat")); });
  std::filesystem::create_directories(pictures.folder("b c"));
  expect_error(ErrorCode::kInvalidArgument, "both mean \"b c\"",
               [&] { read_labelled(pictures.folder()); });
}

TEST(EncodeShotsTest, IsWhatTheModelSees) {
  const Pictures pictures;
  const LabelledFiles files = read_labelled(pictures.folder());
  const Features seen = encode(plain(), files);
  ASSERT_EQ(seen.count(), 6);
  EXPECT_EQ(seen.labels, (std::vector<std::string>{"cat", "hen", "ship"}));
  EXPECT_EQ(seen.classes, (std::vector<std::int64_t>{0, 0, 1, 2, 2, 2}));
  EXPECT_TRUE(seen.logits.empty());
  PredictOptions options;
  options.task = "classify";
  for (std::size_t i = 0; i < 6; ++i) {
    const Image image = load_image(files.files[i]);
    const auto wanted = plain().encode(image, options);
    for (std::size_t d = 0; d < 8; ++d) {
      EXPECT_NEAR(seen.values[i * 8 + d], wanted.embedding.floats()[d], 1e-5) << i;
    }
  }
}

// A cache behind an adapter or behind prompts is made of what these make of a picture.
TEST(EncodeShotsTest, SeesThroughTheHeadsOfThePackage) {
  const Pictures pictures;
  const LabelledFiles files = read_labelled(pictures.folder());
  const Features bare = encode(plain(), files);
  for (const auto& [package, task] : {std::pair{"adapters.glint", "clip_adapter"},
                                      {"prompts.glint", "maple_4"},
                                      {"prompts.glint", "vpt"}}) {
    const Model model = load(with_task(package, task));
    const Features seen = encode(model, files);
    PredictOptions options;
    options.task = "classify";
    const auto wanted = model.encode(load_image(files.files[3]), options);
    for (std::size_t d = 0; d < 8; ++d) {
      EXPECT_NEAR(seen.values[3 * 8 + d], wanted.embedding.floats()[d], 1e-5) << task;
    }
    EXPECT_NE(seen.values, bare.values) << task;
    EXPECT_NE(seen.source, bare.source) << task;
  }
}

TEST(EncodeShotsTest, LogitsAreTheModelsAtTheCachesScale) {
  const Pictures pictures({{"cat", {0, 1}}, {"ship", {2, 3, 4}}});
  const LabelledFiles files = read_labelled(pictures.folder());
  test::Files changed = test::read_files(test::kPackages + "adapters.glint");
  auto manifest = nlohmann::json::parse(test::manifest_of(changed));
  manifest["logit"] = {{"scale", 20}, {"bias", -3}};
  manifest["tasks"] = {{"classify", manifest["tasks"]["classify"]}};
  test::set_manifest(changed, manifest.dump());
  const Model other = load(Package::from_memory(changed));
  const std::vector<std::string> labels{"ship", "hen", "cat"};
  const Features one = encode_with_logits(plain(), files, {.labels = labels});
  const Features two = encode_with_logits(other, files, {.labels = labels});
  EXPECT_EQ(one.labels, labels);
  EXPECT_EQ(one.classes, (std::vector<std::int64_t>{2, 2, 0, 0, 0}));
  ASSERT_EQ(one.logits.size(), 15U);
  const TextState text = plain().prepare(labels, {}, "classify");
  PredictOptions options;
  options.task = "classify";
  options.top_k = 0;
  for (std::size_t i = 0; i < 5; ++i) {
    const auto answer =
        std::get<Classification>(plain().predict(load_image(files.files[i]), text, options));
    for (const ClassScore& score : answer.scores) {
      const std::size_t at = i * 3 + static_cast<std::size_t>(score.index);
      EXPECT_NEAR(one.logits[at], score.logit, 1e-3);
      EXPECT_NEAR(two.logits[at], one.logits[at], 1e-3);
    }
  }
}

TEST(EncodeShotsTest, BatchesChangeNothingButTheLastBits) {
  const Pictures pictures;
  const LabelledFiles files = read_labelled(pictures.folder());
  for (const Views views : {Views::kNone, Views::kFlip, Views::kTenCrop}) {
    const Features wanted = encode(plain(), files, {.views = views});
    ASSERT_EQ(wanted.views, view_count(views));
    ASSERT_EQ(wanted.values.size(), static_cast<std::size_t>(6 * 8 * wanted.views));
    for (const std::int64_t max_batch : {1, 3, 8}) {
      const Model model = load(plain().package(), max_batch);
      const Features seen = encode(model, files, {.views = views});
      ASSERT_EQ(seen.values.size(), wanted.values.size());
      for (std::size_t i = 0; i < seen.values.size(); ++i) {
        EXPECT_NEAR(seen.values[i], wanted.values[i], 1e-5);
      }
    }
  }
}

TEST(EncodeShotsTest, NamesEveryPictureThatCannotBeRead) {
  Pictures pictures;
  pictures.spoil("cat", "bad.png");
  pictures.spoil("ship", "worse.jpg");
  const LabelledFiles files = read_labelled(pictures.folder());
  expect_error(ErrorCode::kCorruptImage, "expected 8 images that can be read, got 2",
               [&] { encode(plain(), files); });
  expect_error(ErrorCode::kCorruptImage, "bad.png", [&] { encode(plain(), files); });
  expect_error(ErrorCode::kCorruptImage, "worse.jpg", [&] { encode(plain(), files); });
  const Features seen = encode(plain(), files, {.skip_unreadable = true});
  EXPECT_EQ(seen.count(), 6);
  ASSERT_EQ(seen.skipped.size(), 2U);
  EXPECT_EQ(seen.values, encode(plain(), read_labelled(Pictures().folder())).values);
}

TEST(EncodeShotsTest, OfManyPicturesTenAreNamed) {
  Pictures pictures;
  for (int i = 0; i < 12; ++i) pictures.spoil("cat", "bad" + std::to_string(i) + ".png");
  expect_error(ErrorCode::kCorruptImage, "and 2 more",
               [&] { encode(plain(), read_labelled(pictures.folder())); });
}

TEST(EncodeShotsTest, AClassWithoutAReadablePictureIsRefused) {
  Pictures pictures;
  pictures.spoil("moth", "bad.png");
  expect_error(ErrorCode::kInvalidArgument, "got none of \"moth\"", [&] {
    encode(plain(), read_labelled(pictures.folder()), {.skip_unreadable = true});
  });
}

TEST(EncodeShotsTest, StopsAndReports) {
  const Pictures pictures;
  std::stop_source stop;
  std::int64_t last = 0;
  EncodeShotsOptions options{.stop = stop.get_token()};
  options.progress = [&](std::int64_t done, std::int64_t total) {
    EXPECT_EQ(total, 6);
    last = done;
    if (done == 2) stop.request_stop();
  };
  expect_error(ErrorCode::kCancelled, "",
               [&] { encode(plain(), read_labelled(pictures.folder()), options); });
  EXPECT_EQ(last, 2);
}

TEST(EncodeShotsTest, RefusesWhatIsNotAsked) {
  const Pictures pictures;
  const LabelledFiles files = read_labelled(pictures.folder());
  expect_error(ErrorCode::kInvalidArgument, "got some of \"hen\"", [&] {
    encode_with_logits(plain(), files, {.labels = {"cat", "ship"}});
  });
  LabelledFiles wrong = files;
  wrong.classes[2] = 3;
  expect_error(ErrorCode::kInvalidArgument, "positions below 3", [&] { encode(plain(), wrong); });
  wrong.classes.pop_back();
  expect_error(ErrorCode::kInvalidArgument, "a class for each", [&] { encode(plain(), wrong); });
  test::Files other = test::read_files(test::kPackages + "adapters.glint");
  auto manifest = nlohmann::json::parse(test::manifest_of(other));
  manifest["tasks"] = {{"segment", manifest["tasks"]["classify"]}};
  test::set_manifest(other, manifest.dump());
  const Model segments = load(Package::from_memory(other));
  expect_error(ErrorCode::kUnsupported, "a task \"classify\"", [&] { encode(segments, files); });
}

}  // namespace
}  // namespace glint::adapt
