// Learning on your own machine: Tip-Adapter caches of labelled images, without Python.
//
//   const auto shots = glint::adapt::read_labelled("pets");
//   const auto cache = glint::adapt::build_cache(glint::adapt::encode(model, shots));
//   glint::adapt::write_package(glint::adapt::with_cache(model, cache, {.name = "my-pets"}),
//                               "my-pets.glint");
//
// Zhang et al. 2022 (arXiv:2207.09519); gaopengcuhk/Tip-Adapter main.py, utils.py. What differs
// from the released code, and why, is in models/tip_adapter.md. All functions may run concurrently.
#pragma once

#include <glint/export.h>
#include <glint/head.h>
#include <glint/image.h>
#include <glint/model.h>
#include <glint/package.h>
#include <glint/progress.h>

#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace glint::adapt {

// The task that is adapted, and Tip-Adapter's scale of cosines, which its released code writes out.
inline constexpr const char* kTask = "classify";
inline constexpr double kLogitScale = 100.0;

// Pictures on disk, class by class.
struct LabelledFiles {
  std::vector<std::string> labels;    // distinct
  std::vector<std::string> files;     // paths
  std::vector<std::int64_t> classes;  // of each file: a position in labels
};

// FOLDER/CLASS/*.{jpg,jpeg,png,webp,bmp}, classes and files sorted by name. A label is its folder's
// name with "_" read as a space. Hidden folders are left out.
// Throws Error: kNotFound (no such folder), kIo, kInvalidArgument (no class folder, two of one
// label; all classes without an image are named).
GLINT_API LabelledFiles read_labelled(const std::string& folder);

// The images of one class: those of `folder` itself. Throws as read_labelled.
GLINT_API LabelledFiles read_class(const std::string& label, const std::string& folder);

// How an image is seen, after preprocessing and in this order.
enum class Views {
  kNone,     // as it is                                                                    1
  kFlip,     // and mirrored                                                                2
  kTenCrop,  // preprocessed 8/7 as large; its corners and its centre, the five mirrored   10
};
GLINT_API std::int64_t view_count(Views views);

struct EncodeShotsOptions {
  Views views = Views::kNone;
  bool skip_unreadable = false;  // leave pictures out that cannot be read; else all are reported
  DecodeOptions decode{};
  std::stop_token stop{};  // checked between pictures; Error(kCancelled)
  ProgressFn progress{};   // in pictures
};

// What embeddings of pictures were made by, as SHA-256 in hex; all empty: not known. What a package
// has learned for its words alone is not among it, so a cache may move between such packages.
struct KeySource {
  std::string image;       // the image tower
  std::string preprocess;  // what the tower gets of a picture
  std::string heads;       // those that change what the tower says: prompts in it, adapters behind
                           // it, and whatever heads of the application's own compute with
  bool operator==(const KeySource&) const = default;
};

// What a model's heads see of N pictures in V views each: the embedding that a cache behind them
// gets, so that of a prompted tower or of an adapter where the package has one.
struct Features {
  std::vector<std::string> labels;
  std::vector<std::int64_t> classes;  // [N]
  std::int64_t embed_dim = 0;         // D
  std::int64_t views = 1;             // V
  std::vector<float> values;          // [N, V, D], not normalised
  // [N, V, labels], of the model's own heads and brought to kLogitScale; empty unless asked for.
  std::vector<float> logits;
  KeySource source;                                          // of the model
  std::vector<std::pair<std::string, std::string>> skipped;  // files, and why

  std::int64_t count() const { return static_cast<std::int64_t>(classes.size()); }
};

// Reads and encodes pictures, a batch at a time; memory is what the result holds and one batch.
// Throws Error: kCorruptImage (pictures that cannot be read, all of them named), kInvalidArgument
// (a class of which none can, also with skip_unreadable), kUnsupported (a package without task
// "classify", or whose heads look at the picture itself), kCancelled, and what the towers throw.
GLINT_API Features encode(const Model& model, const LabelledFiles& pictures,
                          const EncodeShotsOptions& options = {});

// The same with logits of the model's heads for `labels`, which are then those of the result and
// contain every label of the pictures. Templates: the package's own unless given.
// Throws also kUnsupported: heads that do not classify, or of which the last is a cache, whose
// votes would count twice.
GLINT_API Features encode_with_logits(const Model& model, const LabelledFiles& pictures,
                                      const TextQuery& words,
                                      const EncodeShotsOptions& options = {});

// Keys with the votes they cast: what the head tip_adapter computes with.
struct Cache {
  std::vector<std::string> labels;    // K classes, of which some may have no key
  std::int64_t embed_dim = 0;         // D
  std::vector<float> keys;            // [N, D]; unit rows, but for fine-tuned ones
  std::vector<std::int64_t> classes;  // [N]: positions in labels
  double alpha = 1.17;  // weight of the votes, and their sharpness: where the released
  double beta = 1.0;    // configuration for ImageNet starts
  KeySource source;     // of the model whose embeddings the keys are
};

// Per picture the mean of its views, then unit length.
// Throws Error(kInvalidArgument): fewer than two classes, no pictures, an embedding of zeros.
GLINT_API Cache build_cache(const Features& shots);

struct SearchOptions {
  double beta_end = 7;  // betas 0.1 + i (beta_end - 0.1) / beta_steps, the end left out
  double alpha_end = 3;
  int beta_steps = 200;
  int alpha_steps = 20;
  int threads = 0;         // 0: as many as the machine has
  std::stop_token stop{};  // Error(kCancelled)
  ProgressFn progress{};   // in pictures
};

struct SearchResult {
  double alpha = 0;
  double beta = 0;
  double accuracy = 0;  // top-1 of the pictures, of 1
};

// The pair of the grid with the best accuracy; of equals the first, beta before alpha. Exactly what
// trying every pair gives, from one pass over the keys a picture: N + beta_steps * K (alpha_steps +
// 1) operations and two exponentials a key.
// `validation`: with logits; its labels are the cache's in their order. The first view is used.
// Throws Error(kInvalidArgument): features of other labels, without logits, or of another model;
// options out of range.
GLINT_API SearchResult search(const Cache& cache, const Features& validation,
                              const SearchOptions& options = {});

// The accuracy of the cache as it is. Throws as search.
GLINT_API double accuracy(const Cache& cache, const Features& pictures);

struct FineTuneOptions {
  int epochs = 20;
  double learning_rate = 1e-3;
  std::int64_t batch = 256;
  std::uint64_t seed = 1;  // of the order of pictures and of the view that an epoch sees of each
  int threads = 0;         // 0: as many as the host has set
  std::stop_token stop{};  // checked between steps; Error(kCancelled)
  ProgressFn progress{};   // in steps
};

struct FineTuneResult {
  Cache cache;                     // with the keys of the epoch that was kept
  std::vector<double> losses;      // of each epoch: the mean over its batches
  std::vector<double> accuracies;  // of each epoch on the validation pictures, if any
  int epoch = 0;                   // the one that was kept, from 0
};

// Tip-Adapter-F: trains the keys on `shots`, whose logits and labels are as in search. AdamW with
// eps 1e-4 and weight decay 0.01, cosine schedule to 0 over all steps, cross-entropy. Keeps the
// first epoch with the best accuracy on `validation` (the released code: on the test set), or
// without it the last. Equal seeds and threads give equal keys.
// Throws Error: as search, and kInvalidArgument when a loss is not finite.
GLINT_API FineTuneResult fine_tune(const Cache& cache, const Features& shots,
                                   const Features* validation = nullptr,
                                   const FineTuneOptions& options = {});

// The cache with the keys of one more class, or of more pictures for one that has none. Here and in
// remove_class "guinea_pig" means "guinea pig", unless the cache has both.
// Throws Error(kInvalidArgument): a class that has keys, features of another model, or of another
// number of classes than one.
GLINT_API Cache add_class(const Cache& cache, const Features& shots);

// Throws Error: kNotFound (no such class), kInvalidArgument (fewer than two would be left).
GLINT_API Cache remove_class(const Cache& cache, const std::string& label);

// The cache of a package whose last head of "classify" is tip_adapter.
// Throws Error: kUnsupported when it is another, kCorruptPackage when the package lacks what that
// head needs.
GLINT_API Cache read_cache(const Package& package);

struct NewPackage {
  std::string name;                      // [a-z0-9][a-z0-9._-]*, at most 64 bytes
  std::vector<std::string> templates{};  // of a zero-shot head; none: the package's own
};

// An extension of `model`'s package, or of the base that it extends, whose task "classify" has the
// same heads and this cache behind them; its logit scale is 100. It carries what the package has
// beyond its base, lies in memory and is verified; Model::load takes it.
// Throws Error: kInvalidArgument (a name, a cache of another model, labels that are not those which
// the package's heads have learned), kUnsupported (a package without such a task, or which has a
// cache), and what the towers throw.
GLINT_API Package with_cache(const Model& model, const Cache& cache, const NewPackage& made);

// What with_cache would throw of the model and of `made`, before any work is done for it.
GLINT_API void check_new_package(const Model& model, const NewPackage& made);

// The package, which has a cache, with another one: after add_class or remove_class. Nothing else
// of it changes but its name and classes. `heads`: as in ModelOptions. Throws as with_cache;
// kInvalidArgument also when another head has learned something for each class, kUnsupported also
// for a head that is neither glint's nor among `heads`, kCorruptPackage when the package lacks what
// its heads need.
GLINT_API Package replace_cache(const Package& package, const Cache& cache, std::string name,
                                const HeadFactories& heads = {});

// Writes the package's own files to the folder `path`: whole or not at all. Its base stays where it
// is; readers look for it beside `path` and in GLINT_PACKAGE_PATH.
// Throws Error: kInvalidArgument (a path that does not end in .glint or lies inside a package,
// something there already: with `replace` only what is no package, and the package's base),
// kNotFound (no folder to write it into), kIo.
GLINT_API void write_package(const Package& package, const std::string& path, bool replace = false);

// What write_package would throw for `path`, before any work is done for it.
GLINT_API void check_output(const std::string& path, bool replace = false);

}  // namespace glint::adapt
