// Everything, for programs that use the whole library:
//
//   const auto model  = glint::Model::load("clip-vit-b-32.glint");
//   const auto labels = model.prepare({"cat", "dog", "truck"});
//   const auto answer = model.predict(glint::load_image("cat.jpg"), labels);
#pragma once

#include <glint/adapt.h>
#include <glint/class_bank.h>
#include <glint/device.h>
#include <glint/error.h>
#include <glint/head.h>
#include <glint/image.h>
#include <glint/index.h>
#include <glint/model.h>
#include <glint/package.h>
#include <glint/precision.h>
#include <glint/prediction.h>
#include <glint/preprocess.h>
#include <glint/progress.h>
#include <glint/report.h>
#include <glint/resize.h>
#include <glint/segmentation.h>
#include <glint/similarity.h>
#include <glint/tensor.h>
#include <glint/tokenizer.h>
#include <glint/towers.h>
#include <glint/verify.h>
#include <glint/version.h>
