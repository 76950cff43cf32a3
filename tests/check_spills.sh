#!/usr/bin/env bash
# usage: check_spills.sh BUILD_DIR: the inner loops of the kernels keep their sums in registers.
# Disassembles every instruction-set file of the kernels and fails on a loop of a core that stores a vector
# on the stack: a sum that did not fit. (Constants that are read from there cost no more than from elsewhere.)
# Depthwise sweeps hold the sums of up to five outputs: in the 16 registers of AVX2 and AVX-VNNI they cannot fit.
set -euo pipefail
build=${1:?build directory}
objdump=$(command -v llvm-objdump-19 || command -v llvm-objdump || command -v objdump) || { echo "no objdump: skipped"; exit 77; }
grep -q '^CMAKE_BUILD_TYPE:STRING=Release' "$build/CMakeCache.txt" || { echo "not a release build: skipped"; exit 77; }
grep -q '^OCTET_SANITIZE:STRING=..*' "$build/CMakeCache.txt" && { echo "instrumented build: skipped"; exit 77; }
# GCC spills in the widest tiles; the release compiler, which users are told of, is clang.
grep -q '^CMAKE_CXX_COMPILER:[A-Z]*=.*clang' "$build/CMakeCache.txt" || { echo "not built by clang: skipped"; exit 77; }

checked=0 failed=0
while read -r object; do
  # An innermost loop: from the target of a backward jump to that jump, with no other such loop inside.
  report=$("$objdump" -d --no-show-raw-insn "$object" | awk -v sixteen="$([[ $object == */avx2.cpp.o || $object == */avx_vnni.cpp.o ]] && echo 1 || echo 0)" '
    /^[0-9a-f]+ <.*>:$/ { core = ($0 ~ /core|byte_tile|float_tile|curve_tile/ && !(sixteen && $0 ~ /depthwise_row/)); count = 0; name = $2; next }
    core && /^ *[0-9a-f]+:/ {
      address = $1; sub(":", "", address); at[address] = ++count; text[count] = $0
      if (match($0, /[[:space:]]j[a-z]+[[:space:]]+(0x)?[0-9a-f]+/)) {
        split(substr($0, RSTART, RLENGTH), part); target = part[2]; sub("^0x", "", target)
        if (target in at && at[target] <= count && at[target] > last) {
          # Polynomials of a curve are fused multiply-adds too.
          product = name ~ /curve_tile/ ? "vpdp|vpmadd" : "vpdp|vfn?madd|vpmadd"
          products = 0  # a jump back without any is no inner loop: branches of an epilogue
          for (i = at[target]; i <= count; ++i) products += text[i] ~ product
          loops += products > 0
          for (i = at[target]; i <= count && products; ++i)
            if (text[i] ~ /%[xyz]mm[0-9]+, *-?(0x)?[0-9a-f]*\(%rsp[^)]*\)$/) print name " " text[i]
          last = count
        }
      }
    }
    /^$/ { delete at; last = 0; count = 0 }
    END { print "loops " loops + 0 }')
  loops=$(sed -n 's/^loops //p' <<<"$report")
  checked=$((checked + loops))
  if spills=$(grep -v '^loops ' <<<"$report"); then
    echo "$object: vectors on the stack in an inner loop:"; echo "$spills" | head -20
    failed=1
  fi
done < <(find "$build/layers/kernels/CMakeFiles/octet_kernels.dir" -name 'avx*.cpp.o')
echo "$checked inner loops of kernel cores looked at"
[ "$checked" -gt 0 ] && [ "$failed" -eq 0 ]
