# Sourced by the other scripts: installs what is missing and moves to the top of the source tree.
#
#   LIBTORCH_ROOT     a LibTorch folder to use instead of the one in the torch wheel
#   GLINT_PIP_INDEX   another package index for pip
#   GLINT_PYTHON      the Python that makes .venv (default python3; 3.10 or newer)
#   GLINT_NO_APT      set: never install system packages, only say which are missing

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

packages=(g++ cmake ninja-build pkg-config python3-venv libjpeg-dev libpng-dev libwebp-dev
  zlib1g-dev nlohmann-json3-dev libcli11-dev libgtest-dev libopencv-core-dev)

step() { printf '== %s\n' "$*" >&2; }

install_packages() {
  command -v dpkg-query > /dev/null || return 0 # not Debian: CMake will name what is missing
  local missing=() package
  for package in "${packages[@]}"; do
    # python3-venv is only needed where the chosen Python lacks its own.
    [[ $package == python3-venv ]] && "${GLINT_PYTHON:-python3}" -c 'import venv, ensurepip' \
      2> /dev/null && continue
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2> /dev/null) == installed ]] ||
      missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  if [[ -n ${GLINT_NO_APT:-} ]]; then
    echo "error: these packages are missing: ${missing[*]}" >&2
    exit 1
  fi
  step "installing ${missing[*]}"
  local sudo=()
  ((EUID == 0)) || sudo=(sudo)
  "${sudo[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -y -qq --no-install-recommends \
    "${missing[@]}" > /dev/null
}

# .venv holds exactly scripts/requirements.txt; its stamp is a copy of that file.
install_python() {
  cmp -s scripts/requirements.txt .venv/requirements.stamp && return 0
  step "installing Python packages into .venv (about 6 GB, mostly torch)"
  "${GLINT_PYTHON:-python3}" -m venv .venv
  .venv/bin/python -m pip install -q --disable-pip-version-check \
    ${GLINT_PIP_INDEX:+--index-url "$GLINT_PIP_INDEX"} -r scripts/requirements.txt
  cp scripts/requirements.txt .venv/requirements.stamp
}

configure() { # PRESET
  [[ -f build/$1/build.ninja ]] && return 0
  step "configuring build/$1"
  cmake --preset "$1" > "build-$1.log" 2>&1 || {
    cat "build-$1.log" >&2
    rm -f "build-$1.log"
    exit 1
  }
  mkdir -p "build/$1" && mv "build-$1.log" "build/$1/configure.log"
}
