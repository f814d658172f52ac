// What the factories of heads ask of a package: all that a head needs, nothing that it would
// ignore. Everything here throws Error(kCorruptPackage).
#pragma once

#include <glint/head.h>

#include <cmath>
#include <functional>
#include <initializer_list>
#include <string_view>

namespace glint {

// These parameters, and no other but the optional ones.
void need_parameters(const HeadSpec& spec, std::initializer_list<std::string_view> names,
                     std::initializer_list<std::string_view> optional = {});

// true or false.
bool need_flag(const HeadSpec& spec, std::string_view name);

// true or false; `absent` when there is no such parameter.
bool flag_or(const HeadSpec& spec, std::string_view name, bool absent);

// A number for which `valid` holds; `range` is its description: "from 0 to 1".
double need_number(const HeadSpec& spec, std::string_view name, std::string_view range,
                   const std::function<bool(double)>& valid);

// A whole number in this range.
std::int64_t need_integer(const HeadSpec& spec, std::string_view name, std::int64_t lowest,
                          std::int64_t highest);

// Any string.
std::string need_string(const HeadSpec& spec, std::string_view name);

// A string that is one of `choices`; its position there.
std::size_t need_choice(const HeadSpec& spec, std::string_view name,
                        std::initializer_list<std::string_view> choices);

// A string that is a template with one "{}".
std::string need_template(const HeadSpec& spec, std::string_view name);

// Exactly these tensors, floating point ones finite.
NamedTensors need_tensors(const HeadContext& context,
                          std::initializer_list<std::string_view> names);

// At least one of these tensors and no other, floating point ones finite.
NamedTensors need_some_tensors(const HeadContext& context,
                               std::initializer_list<std::string_view> names);

// A tensor of this form, written as in "keys f32 [N, 512]". A size of 0 stands for any, but none is
// empty.
void need_shape(const NamedTensors& tensors, std::string_view name, DType dtype,
                std::initializer_list<std::int64_t> sizes);

// None but the bare label.
void need_no_templates(const HeadSpec& spec);

// Nothing before this head.
void need_to_be_first(const HeadContext& context);

// A head before this one.
void need_inner(const HeadContext& context);

// An image tower that has an embedding.
void need_image_embedding(const HeadContext& context);

// A port of a tower's method.
struct PortNeed {
  std::string_view name;
  std::size_t rank;
};

// Whether a method has exactly these inputs, and these outputs among its own.
bool has_ports(const MethodSpec& method, std::initializer_list<PortNeed> inputs,
               std::initializer_list<PortNeed> outputs);

// A method of a tower with exactly these inputs, and with these outputs among its own.
const MethodSpec& need_method(const HeadContext& context, std::string_view tower,
                              std::string_view method, std::initializer_list<PortNeed> inputs,
                              std::initializer_list<PortNeed> outputs);

// The size of a port that need_method has found; it may stand for any size.
const PortSize& size_of(const std::vector<Port>& ports, std::string_view port, std::size_t axis);

}  // namespace glint
