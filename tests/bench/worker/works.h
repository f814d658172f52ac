// The works of glint_worker, each made ready from a job of works.py.
#pragma once

#include "work.h"

namespace worker {

// towers.cpp
Work encode_image(const Json& job);
Work encode_text(const Json& job);
Work encode_texts(const Json& job);
Work encode_prompted(const Json& job);
Work encode_map(const Json& job);
Work load_package(const Json& job);

// classify.cpp
Work load_bank(const Json& job);
Work classify(const Json& job);
Work photo(const Json& job);

// segment.cpp
Work segment(const Json& job, bool head_alone);
Work segment_official(const Json& job);

// images.cpp
Work preprocess(const Json& job);
Work preprocess_jpeg(const Json& job);

// parts.cpp
Work tokenize(const Json& job);
Work search(const Json& job);
Work tune(const Json& job);

}  // namespace worker
