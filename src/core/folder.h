// What lies in a folder.
#pragma once

#include <string>
#include <vector>

namespace glint {

// The .jpg, .jpeg, .png, .webp and .bmp files of a folder (case ignored), sorted by name.
// Throws Error: kNotFound, kIo.
std::vector<std::string> image_files(const std::string& folder);

// The folders of a folder, sorted by name; hidden ones left out. Throws Error: kNotFound, kIo.
std::vector<std::string> subfolders(const std::string& folder);

// A class's name as it is read: "_" stands for a space, which folders seldom have.
std::string spaced(std::string name);

// The images of one class: FOLDER/CLASS/*.jpg.
struct ClassFolder {
  std::string label;  // the folder's name, spaced
  std::vector<std::string> files;
};

// The class folders of a folder, sorted by name; some may be empty.
// Throws Error: kNotFound, kIo, kInvalidArgument (two folders of one label).
std::vector<ClassFolder> class_folders(const std::string& folder);

}  // namespace glint
