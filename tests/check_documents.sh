#!/usr/bin/env bash
# Every example in the documents: commands are run on the files of the demo, C++ is compiled, what stands in build/ is
# there, the verbs of ./dev exist, and the demo prints what README.md shows.
set -uo pipefail
build=$1 root=$PWD failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ln -s "$root/examples" "$work/examples"
ln -s "$build" "$work/build"
documents=(README.md CONTRIBUTING.md docs/*.md)
fail() {
  echo "$1" >&2
  failed=1
}

# Code of a document: lines indented by four, and those between fences (of the language $2 alone, if given).
code() {
  awk -v language="${2:-}" '
    /^ *```/ { inside = !inside; wanted = inside && (language == "" || $0 ~ "```" language "$"); next }
    inside ? wanted : language == "" && /^    / { sub(/^    /, ""); print }' "$1"
}

run_commands() {
  local line
  while IFS= read -r line; do
    line=${line#\$ }
    case "$line" in
      build/octet* | build/examples/*) ;;
      *) continue ;;
    esac
    echo "$1: $line"
    (cd "$work" && bash -c "$line") >"$work/log" 2>&1 </dev/null || { fail "$1: this fails: $line" && cat "$work/log" >&2; }
  done < <(code "$1")
}

# Each fence becomes a function of one file; what it includes goes to the top. fence() in awk starts a new one.
compile_snippets() {
  local compiler
  compiler=$(sed -n 's/^CMAKE_CXX_COMPILER:[A-Z]*=//p' "$build/CMakeCache.txt")
  awk '
    /^ *```cpp$/ { inside = 1; ++count; body[count] = ""; next }
    /^ *```/ { inside = 0 }
    inside && /^ *#include/ { print; next }
    inside { body[count] = body[count] $0 "\n" }
    END { for (i = 1; i <= count; ++i) printf "void snippet_%d();\nvoid snippet_%d() {\n%s}\n", i, i, body[i] }
  ' "$1" >"$work/snippets.cpp"
  [ -s "$work/snippets.cpp" ] || return 0
  echo "$1: $(grep -c '^void snippet_[0-9]*();' "$work/snippets.cpp") C++ snippets"
  "$compiler" -std=c++20 -Wall -Wextra -Werror -Wno-unused-variable -I "$root" -DFMT_SHARED -fsyntax-only "$work/snippets.cpp" ||
    fail "$1: its C++ does not compile"
}

for document in "${documents[@]}"; do
  run_commands "$document"
  compile_snippets "$document"
  for path in $(grep -oE '\bbuild/[A-Za-z0-9_/.-]*[A-Za-z0-9_]' "$document" | sort -u); do
    # Benches are built by ./dev bench alone: their sources are looked for.
    [[ $path == build/bench/* ]] && [ -n "$(find bench -name "${path##*/}.cpp")" ] && continue
    [ -e "$work/$path" ] || fail "$document names $path, which the build does not make"
  done
  for verb in $(grep -oE '\./dev [a-z]+' "$document" | sort -u | cut -d' ' -f2); do
    ./dev --help | grep -qE "^  $verb( |$)" || fail "$document names ./dev $verb, which does not exist"
  done
done

"$build/octet" demo >"$work/demo" 2>"$work/log" || { fail "octet demo fails" && cat "$work/log" >&2; }
header=$(grep -m1 method "$work/demo" | tr -s ' ')  # columns are as wide as the figures of the day
code README.md | tr -s ' ' | grep -qxF -- "$header" || fail "README.md does not show the table that the demo prints: $header"
exit $failed
