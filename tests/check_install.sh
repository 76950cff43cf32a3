#!/usr/bin/env bash
# A program outside builds against the installed tree with find_package(Octet) and runs.
set -euo pipefail
build=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$build" --prefix "$work/prefix" >/dev/null
mkdir "$work/program"
cat >"$work/program/CMakeLists.txt" <<'TEXT'
cmake_minimum_required(VERSION 3.22)
project(Program LANGUAGES CXX)
find_package(Octet CONFIG REQUIRED)
add_executable(program main.cpp)
target_link_libraries(program PRIVATE Octet::octet)
TEXT
cat >"$work/program/main.cpp" <<'TEXT'
#include <octet/octet.h>
int main() {
  octet::Graph graph;
  graph.opsets[""] = 17;
  graph.outputs = {graph.add_node("Relu", {graph.add_input("x", octet::DType::f32, {2})})};
  octet::Session session(graph, {.threads = 1});
  const auto y = session.run({{"x", octet::Tensor::from<float>({2}, {-1, 3})}});
  return y[0].data<float>()[0] == 0 && y[0].data<float>()[1] == 3 ? 0 : 1;
}
TEXT
compiler=$(sed -n 's/^CMAKE_CXX_COMPILER:[A-Z]*=//p' "$build/CMakeCache.txt")
cmake -S "$work/program" -B "$work/build" -G Ninja -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_PREFIX_PATH="$work/prefix" >"$work/log" 2>&1 ||
  { cat "$work/log" >&2; exit 1; }
cmake --build "$work/build" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
"$work/build/program"
