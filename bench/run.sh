#!/usr/bin/env bash
# usage: bench/run.sh [--rounds N] [--only kernels|networks] : measures kernels beside oneDNN and the networks
# of OCTET_SHARED (default ../shared) end to end, beside ONNX Runtime, OpenVINO and PyTorch where
# PEERS_PYTHON (default python3) has them, and writes docs/benchmarks.md and docs/benchmarks.json.
# Quantized networks and what the peers prepare are kept in build/bench-data.
set -euo pipefail
cd "$(dirname "$0")/.."
shared=${OCTET_SHARED:-../shared} python=${PEERS_PYTHON:-python3} octet=build/octet out=build/bench-data
rounds=30 only=
while [ $# -gt 0 ]; do
  case "$1" in
    --rounds) rounds=$2 ;;
    --only) only=$2 ;;
    *) sed -n '2,5s/^# //p' "$0" >&2 && exit 2 ;;
  esac
  shift 2
done
mkdir -p "$out"
models=$shared/models data=$shared/data
if [ ! -d "$out/cifar10" ] && [ -s "$data/cifar10-jpeg/cifar10-jpeg.tar.gz" ]; then
  mkdir "$out/cifar10" && tar -xzf "$data/cifar10-jpeg/cifar10-jpeg.tar.gz" -C "$out/cifar10"
fi
cifar="--calibrate $out/cifar10/train --samples 300 --seed 1"
photographs="--calibrate $data/imagenet-500/images --samples 100 --seed 1"

# name | float network | how it is quantized | shapes
networks() {
  cat <<TABLE
resnet20|$models/resnet20-cifar10/resnet20.onnx|$cifar|
resnet56|$models/resnet56-cifar10/resnet56.onnx|$cifar|
squeezenet1.1|$models/squeezenet1.1-imagenet/squeezenet1.1.onnx|$photographs|
efficientnet-lite0|$models/efficientnet-lite0/efficientnet_lite0.onnx|$photographs|
minilm|$models/all-minilm-l6-v2/all_minilm_l6_v2.onnx|--dynamic|seq=128
nsnet2|$models/nsnet2/nsnet2_16k.onnx|--dynamic|input=1x100x161
dtln_1|$models/dtln/dtln_1.onnx|--dynamic|
dtln_2|$models/dtln/dtln_2.onnx|--dynamic|
TABLE
}

# The quantized form of a network: one of the environment's BENCH_QUANTIZED/NAME.onnx, or made here once.
quantized() {
  local name=$1 float=$2 method=$3 file=$out/$1.int8.onnx
  [ -n "${BENCH_QUANTIZED:-}" ] && [ -s "$BENCH_QUANTIZED/$name.onnx" ] && file=$BENCH_QUANTIZED/$name.onnx
  # shellcheck disable=SC2086
  [ -s "$file" ] || "$octet" quantize "$float" -o "$file" $method >&2 || return 1
  echo "$file"
}

if [ "$only" != networks ]; then
  OMP_NUM_THREADS=1 build/bench/kernels/octet_kernels_bench --json "$out/kernels.json"
fi

if [ "$only" != kernels ]; then
  : >"$out/networks.jsonl"
  while IFS='|' read -r name float method shape; do
    [ -s "$float" ] || { echo "$name: $float is not there: left out" >&2; continue; }
    file=$(quantized "$name" "$float" "$method") || { echo "$name: not quantized: left out" >&2; continue; }
    for threads in 1 2; do
      for batch in 1 16; do
        options=(--against "$float" --threads "$threads" --batch "$batch" --rounds "$rounds" --json)
        [ "$threads$batch" = 11 ] && options+=(--profile)
        [ -n "$shape" ] && options+=(--shape "$shape")
        if line=$("$octet" bench "$file" "${options[@]}" 2>"$out/error.txt"); then
          echo "{\"name\":\"$name\",\"result\":$line}" >>"$out/networks.jsonl"
        else
          echo "$name, batch $batch: $(head -1 "$out/error.txt"): left out" >&2
        fi
      done
    done
  done < <(networks)
  if "$python" -c 'import onnxruntime, openvino' 2>/dev/null && [ -s "$shared/tools/peers/peers.py" ]; then
    PEERS_CACHE=${PEERS_CACHE:-$PWD/$out/peers} OCTET_SHARED=$shared "$python" "$shared/tools/peers/peers.py" \
      --what latency --rounds 5 --json "$out/peers.json" \
      --models resnet20-cifar10,resnet56-cifar10,squeezenet1.1-imagenet,efficientnet-lite0,all-minilm-l6-v2 \
      --engines ort-fp32,ort-static-u8s8-pc,ort-dynamic,ov-fp32,ov-nncf-mixed,ov-nncf-transformer >"$out/peers.md" ||
      echo "peers: some failed; see $out/peers.md" >&2
  else
    echo "peers: $python has no onnxruntime and openvino (PEERS_PYTHON): left out" >&2
  fi
fi
build/bench/page/octet_bench_page "$out" docs/benchmarks
