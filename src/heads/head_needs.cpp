#include "heads/head_needs.h"

#include <algorithm>

#include "core/check.h"
#include "package/labels.h"
#include "package/ports.h"

namespace glint {
namespace {

constexpr auto kCorrupt = ErrorCode::kCorruptPackage;

// "a, b", or "none"
std::string list_text(std::initializer_list<std::string_view> names) {
  std::string text;
  for (const std::string_view name : names) text += (text.empty() ? "" : ", ") + std::string(name);
  return text.empty() ? "none" : text;
}

template <typename Map>
void need_no_others(const Map& map, std::initializer_list<std::string_view> names,
                    std::string_view what) {
  for (const auto& [name, value] : map) {
    if (std::ranges::find(names, name) == names.end()) {
      fail(kCorrupt, "expected ", what, " ", list_text(names), ", got ", quote(name), " too");
    }
  }
}

// Both ways: nothing is missing, nothing is left over.
template <typename Map>
void need_names(const Map& map, std::initializer_list<std::string_view> names,
                std::string_view what) {
  for (const std::string_view name : names) {
    if (!map.contains(name))
      fail(kCorrupt, "expected ", what, " ", list_text(names), ", got no ", name);
  }
  need_no_others(map, names, what);
}

template <typename T>
const T& need_type(const HeadSpec& spec, std::string_view name, std::string_view type) {
  const auto found = spec.parameters.find(name);
  const T* const value = found == spec.parameters.end() ? nullptr : std::get_if<T>(&found->second);
  if (value == nullptr) {
    fail(kCorrupt, "parameters.", name, ": expected ", type, ", got ",
         found == spec.parameters.end() ? "none" : "another type");
  }
  return *value;
}

// The head's tensors, none if it names no file.
NamedTensors finite_tensors(const HeadContext& context) {
  NamedTensors tensors;
  if (!context.spec.tensors.empty()) tensors = context.package.tensors(context.spec.tensors);
  for (const auto& [name, tensor] : tensors) {
    if (tensor.dtype() != DType::kF32) continue;
    if (!std::ranges::all_of(tensor.floats(), [](float value) { return std::isfinite(value); })) {
      fail(kCorrupt, "expected finite numbers in tensor ", name, ", got NaN or infinity");
    }
  }
  return tensors;
}

bool are_among(std::initializer_list<PortNeed> needs, const std::vector<Port>& ports) {
  return std::ranges::all_of(needs, [&](const PortNeed& need) {
    const auto found = std::ranges::find(ports, need.name, &Port::name);
    return found != ports.end() && found->shape.size() == need.rank;
  });
}

}  // namespace

void need_parameters(const HeadSpec& spec, std::initializer_list<std::string_view> names,
                     std::initializer_list<std::string_view> optional) {
  auto others = spec.parameters;
  for (const std::string_view name : optional) {
    if (const auto found = others.find(name); found != others.end()) others.erase(found);
  }
  need_names(others, names, "parameters");
}

bool need_flag(const HeadSpec& spec, std::string_view name) {
  return need_type<bool>(spec, name, "true or false");
}

bool flag_or(const HeadSpec& spec, std::string_view name, bool absent) {
  return spec.parameters.contains(name) ? need_flag(spec, name) : absent;
}

double need_number(const HeadSpec& spec, std::string_view name, std::string_view range,
                   const std::function<bool(double)>& valid) {
  const double value = need_type<double>(spec, name, cat("a number ", range));
  if (!valid(value)) {
    fail(kCorrupt, "parameters.", name, ": expected a number ", range, ", got ", value);
  }
  return value;
}

std::int64_t need_integer(const HeadSpec& spec, std::string_view name, std::int64_t lowest,
                          std::int64_t highest) {
  const std::string range = cat("that is whole, from ", lowest, " to ", highest);
  return static_cast<std::int64_t>(need_number(spec, name, range, [&](double value) {
    return value >= static_cast<double>(lowest) && value <= static_cast<double>(highest) &&
           value == std::floor(value);
  }));
}

std::string need_string(const HeadSpec& spec, std::string_view name) {
  return need_type<std::string>(spec, name, "a string");
}

std::size_t need_choice(const HeadSpec& spec, std::string_view name,
                        std::initializer_list<std::string_view> choices) {
  const std::string all = cat("one of ", list_text(choices));
  const auto& value = need_type<std::string>(spec, name, all);
  const auto* const found = std::ranges::find(choices, value);
  if (found == choices.end()) {
    fail(kCorrupt, "parameters.", name, ": expected ", all, ", got ", quote(value));
  }
  return static_cast<std::size_t>(found - choices.begin());
}

std::string need_template(const HeadSpec& spec, std::string_view name) {
  const auto& text = need_type<std::string>(spec, name, "a template with one {}");
  if (!is_template(text)) {
    fail(kCorrupt, "parameters.", name, ": expected a template with one {}, got ", quote(text));
  }
  return text;
}

NamedTensors need_tensors(const HeadContext& context,
                          std::initializer_list<std::string_view> names) {
  NamedTensors tensors = finite_tensors(context);
  need_names(tensors, names, "tensors");
  return tensors;
}

NamedTensors need_some_tensors(const HeadContext& context,
                               std::initializer_list<std::string_view> names) {
  NamedTensors tensors = finite_tensors(context);
  if (tensors.empty()) {
    fail(kCorrupt, "expected some of the tensors ", list_text(names), ", got none");
  }
  need_no_others(tensors, names, "tensors");
  return tensors;
}

void need_shape(const NamedTensors& tensors, std::string_view name, DType dtype,
                std::initializer_list<std::int64_t> sizes) {
  const Tensor& tensor = tensors.find(name)->second;
  const auto shape = tensor.shape();
  const bool fits = std::ranges::equal(shape, sizes, [](std::int64_t got, std::int64_t wanted) {
    return wanted == 0 ? got > 0 : got == wanted;
  });
  if (fits && tensor.dtype() == dtype) return;
  std::string wanted;
  for (const std::int64_t size : sizes) {
    wanted += (wanted.empty() ? "" : ", ") + (size == 0 ? "any" : std::to_string(size));
  }
  fail(kCorrupt, "expected tensor ", name, " ", to_string(dtype), " [", wanted, "], got ",
       to_string(tensor.dtype()), " ", shape_text(shape));
}

void need_no_templates(const HeadSpec& spec) {
  if (spec.templates.size() != 1 || spec.templates.front() != kTemplateSlot) {
    fail(kCorrupt, "expected no templates for a head of type ", spec.type, ", got ",
         spec.templates.size());
  }
}

void need_to_be_first(const HeadContext& context) {
  if (context.inner) {
    fail(kCorrupt, "expected a head of type ", context.spec.type,
         " as the first one, got one behind another head");
  }
}

void need_inner(const HeadContext& context) {
  if (!context.inner) {
    fail(kCorrupt, "expected a head before the one of type ", context.spec.type, ", got none");
  }
}

void need_image_embedding(const HeadContext& context) {
  const auto& towers = context.package.manifest().towers;
  if (!has_output(towers.find("image")->second, "forward", "embedding")) {
    fail(kCorrupt, "expected an image tower with an output embedding, got none");
  }
}

bool has_ports(const MethodSpec& method, std::initializer_list<PortNeed> inputs,
               std::initializer_list<PortNeed> outputs) {
  return method.inputs.size() == inputs.size() && are_among(inputs, method.inputs) &&
         are_among(outputs, method.outputs);
}

const MethodSpec& need_method(const HeadContext& context, std::string_view tower,
                              std::string_view method, std::initializer_list<PortNeed> inputs,
                              std::initializer_list<PortNeed> outputs) {
  const auto& towers = context.package.manifest().towers;
  const auto found = towers.find(tower);
  if (found == towers.end()) {
    fail(kCorrupt, "expected a tower ", tower, " with a method ", method, ", got no such tower");
  }
  const auto spec = found->second.methods.find(method);
  if (spec == found->second.methods.end()) {
    fail(kCorrupt, "expected the ", tower, " tower to have a method ", method,
         ", got one without; ",
         "an older package of a transformer gets it when it is exported again");
  }
  if (!has_ports(spec->second, inputs, outputs)) {
    fail(kCorrupt, "expected towers.", tower, ".", method, " with the ports of models/",
         context.spec.type, ".md, got others");
  }
  return spec->second;
}

const PortSize& size_of(const std::vector<Port>& ports, std::string_view port, std::size_t axis) {
  return std::ranges::find(ports, port, &Port::name)->shape[axis];
}

}  // namespace glint
