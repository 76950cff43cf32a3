#!/usr/bin/env bash
# No include goes up: a file includes only its own folder and those before it in this list.
set -euo pipefail
layers=(base tensor kernels graph ops rewrite runtime autograd formats quant nn train report)
failed=0
for i in "${!layers[@]}"; do
  [ -d "octet/${layers[$i]}" ] || continue
  for above in "${layers[@]:$((i + 1))}" octet.h; do
    if grep -rnE "#include \"octet/$above(/|\")" "octet/${layers[$i]}" --include='*.h' --include='*.cpp'; then
      echo "octet/${layers[$i]} includes octet/$above, which stands above it" >&2
      failed=1
    fi
  done
  # Kernels know nothing of tensors: raw pointers and base only.
  if [ "${layers[$i]}" = kernels ] && grep -rn '#include "octet/tensor/' octet/kernels; then failed=1; fi
done
for folder in octet/*/; do
  name=$(basename "$folder")
  [[ " ${layers[*]} " == *" $name "* ]] || { echo "octet/$name is in no layer" >&2; failed=1; }
done
exit $failed
