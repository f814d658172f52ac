// Pictures of OpenCV as ours, without copying. Header-only and not part of glint.h: it is the one
// header that needs more than the standard library (opencv2/core.hpp, 3.0 or newer).
#pragma once

#include <glint/error.h>
#include <glint/image.h>
#include <opencv2/core.hpp>

#include <string>

namespace glint {

// `mat` as pixels of `mode`. The view holds no reference to the matrix's memory: keep `mat`.
// Regions (cv::Mat with a cv::Rect) are views too; rows may be padded.
// Throws Error(kInvalidArgument) unless mat has two dimensions, at least one element, 8 unsigned
// bits and as many channels as the mode; a palette (kP) cannot come from a matrix.
inline ImageView view_of(const cv::Mat& mat, PixelMode mode) {
  if (mat.dims != 2 || mat.empty() || mat.depth() != CV_8U || mode == PixelMode::kP ||
      mat.channels() != channels(mode)) {
    throw Error(ErrorCode::kInvalidArgument,
                "cv::Mat: expected a matrix of 2 dimensions, 8 unsigned bits and " +
                    std::to_string(channels(mode)) + " channels, got " + std::to_string(mat.dims) +
                    " dimensions, depth " + std::to_string(mat.depth()) + " and " +
                    std::to_string(mat.channels()) + " channels, " + std::to_string(mat.rows) +
                    " rows and " + std::to_string(mat.cols) + " columns");
  }
  return {.data = mat.data,
          .width = mat.cols,
          .height = mat.rows,
          .row_stride_bytes = static_cast<std::int64_t>(mat.step[0]),
          .mode = mode};
}

// The same in the modes that OpenCV's own readers give: CV_8UC1 grey, CV_8UC3 BGR, CV_8UC4 BGRA.
inline ImageView view_of(const cv::Mat& mat) {
  switch (mat.channels()) {
    case 1:
      return view_of(mat, PixelMode::kL);
    case 4:
      return view_of(mat, PixelMode::kBGRA);
    default:
      return view_of(mat, PixelMode::kBGR);
  }
}

// A view of a temporary may outlive its pixels.
ImageView view_of(cv::Mat&& mat, PixelMode mode) = delete;
ImageView view_of(cv::Mat&& mat) = delete;

}  // namespace glint
