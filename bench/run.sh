#!/usr/bin/env bash
# usage: ./dev bench [--rounds N] [--only SECTION] [--page PAGE]
#   SECTION: kernels, linear, networks, avx2, limits, overheads or training; the figures of the others are kept.
#   PAGE: what is written, PAGE.md and PAGE.json (default docs/benchmarks).
# Measures ours beside the peers in interleaved rounds, with what the machine gives before and after each section.
# Networks, data and the peers' tools are those of OCTET_SHARED (default ../shared); ONNX Runtime, OpenVINO and PyTorch
# those of PEERS_PYTHON (default python3). What is missing is left out by name. Quantized networks are taken from
# BENCH_QUANTIZED (NAME.onnx, the names below) or made once; they and what the peers prepare (PEERS_CACHE) are kept in
# build/bench-data. About 20 minutes with everything prepared.
set -euo pipefail
cd "$(dirname "$0")/.."
shared=${OCTET_SHARED:-../shared} python=${PEERS_PYTHON:-python3} octet=build/octet out=build/bench-data
export OCTET_SHARED=$shared PEERS_CACHE=${PEERS_CACHE:-$PWD/$out/peers}
rounds=4 only='' page=docs/benchmarks
sections=(kernels linear networks avx2 limits overheads training)
while [ $# -gt 1 ]; do
  case "$1" in
    --rounds) rounds=$2 ;;
    --only) only=$2 ;;
    --page) page=$2 ;;
    *) break ;;
  esac
  shift 2
done
if [ $# -gt 0 ] || { [ -n "$only" ] && [[ " ${sections[*]} " != *" $only "* ]]; }; then
  sed -n '2,9s/^# //p' "$0" >&2
  exit 2
fi
mkdir -p "$out/quantized" "$(dirname "$page")"
models=$shared/models data=$shared/data tools=$shared/tools/peers

say() { echo "$(date +%T) $*" >&2; }

# The folder of the peers' tools, or "-" where they or their packages are missing.
peers=-
if [ ! -s "$tools/peers.py" ]; then
  say "peers: $tools/peers.py is not there: left out (OCTET_SHARED)"
elif ! "$python" -c 'import onnxruntime, openvino, nncf, onnx, numpy' 2>/dev/null; then
  say "peers: $python has no onnxruntime, openvino and nncf: left out (PEERS_PYTHON)"
else
  peers=$tools
fi

# name | float network | how it is quantized ("feeds": calibrated on the feeds of the peers' harness) | shape |
# batches | int8 forms of the peers
networks() {
  local cnn=ort-static-u8s8-pc,ov-nncf-mixed transformer=ort-static-u8s8-pc,ort-dynamic,ov-nncf-mixed,ov-nncf-transformer
  local old=ort-static-u8s8-pc-op17,ov-nncf-mixed  # of files older than opset 13
  local photographs="--calibrate $data/imagenet-500/images --samples 100 --seed 1"
  local cifar="--calibrate $out/cifar10/train --samples 300 --seed 1"
  cat <<TABLE
resnet20-cifar10|$models/resnet20-cifar10/resnet20.onnx|$cifar||1 16|$cnn,torch-fx-onednn
resnet56-cifar10|$models/resnet56-cifar10/resnet56.onnx|$cifar||1 16|$cnn,torch-fx-onednn
squeezenet1.1-imagenet|$models/squeezenet1.1-imagenet/squeezenet1.1.onnx|$photographs||1 16|$cnn,torch-fx-onednn
efficientnet-lite0|$models/efficientnet-lite0/efficientnet_lite0.onnx|$photographs||1 16|$cnn,torch-fx-onednn
pplcnet-orientation|$models/pplcnet-orientation/pplcnet_orientation.onnx|$photographs||1 16|$cnn
all-minilm-l6-v2|$models/all-minilm-l6-v2/all_minilm_l6_v2.onnx|feeds|seq=128|1 16|$transformer
all-minilm-l6-v2.dynamic|$models/all-minilm-l6-v2/all_minilm_l6_v2.onnx|--dynamic|seq=128|1 16|
ppocr-rec|$models/ppocr-rec/ch_PP-OCRv4_rec_infer.onnx|feeds|x=1x3x48x320|1|$old
silero-vad|$models/silero-vad/silero_vad_16k_op15.onnx|feeds|input=1x576|1|$cnn,ort-dynamic
nsnet2|$models/nsnet2/nsnet2_16k.onnx|--dynamic|input=1x100x161|1|$old,ort-dynamic
dtln_1|$models/dtln/dtln_1.onnx|--dynamic||1|$old,ort-dynamic
dtln_2|$models/dtln/dtln_2.onnx|--dynamic||1|$old,ort-dynamic
TABLE
}

# The options of `octet quantize`; fails where the data is missing.
method_of() {
  local name=$1 method=$2
  if [ "$method" = feeds ]; then
    [ "$peers" != - ] || return 1
    [ -d "$out/$name.feeds" ] || "$python" bench/peers/networks.py "$peers" --calibration "$name" "$out/$name.feeds" >&2 || return 1
    method="--calibrate $out/$name.feeds"
  fi
  if [ ! -d "$out/cifar10" ] && [[ $method == *cifar10* ]]; then
    [ -s "$data/cifar10-jpeg/cifar10-jpeg.tar.gz" ] || return 1
    mkdir -p "$out/cifar10" && tar -xzf "$data/cifar10-jpeg/cifar10-jpeg.tar.gz" -C "$out/cifar10"
  fi
  echo "$method"
}

# The quantized form of a network: one of the environment's, or made here once.
quantized() {
  local name=$1 float=$2 method file=$out/quantized/$1.onnx
  [ -n "${BENCH_QUANTIZED:-}" ] && [ -s "$BENCH_QUANTIZED/$name.onnx" ] && file=$BENCH_QUANTIZED/$name.onnx
  if [ ! -s "$file" ]; then
    method=$(method_of "$name" "$3") || return 1
    # shellcheck disable=SC2086 # options, split at spaces
    "$octet" quantize "$float" -o "$file" $method >&2 || return 1
  fi
  echo "$file"
}

# Calls "$1 NAME INT8 FLOAT SHAPE BATCHES PEERS" for every network that is there.
each_network() {
  local name float method shape batches engines file
  while IFS='|' read -r name float method shape batches engines; do
    if [ ! -s "$float" ]; then
      say "$name: $float is not there: left out"
    elif ! file=$(quantized "$name" "$float" "$method"); then
      say "$name: not quantized: left out"
    else
      "$1" "$name" "$file" "$float" "$shape" "$batches" "$engines" </dev/null || say "$name: failed: left out"
    fi
  done < <(networks)
}

# Appends {"name": .., "result": what a command printed} to a file.
keep() {
  local file=$1 name=$2 line
  shift 2
  if line=$("$@" 2>"$out/error.txt"); then
    echo "{\"name\":\"$name\",\"result\":$line}" >>"$file"
  else
    say "$name: $(head -1 "$out/error.txt"): left out"
  fi
}

kernels() {
  [ -x build/bench/kernels_bench ] || { say "kernels: built without oneDNN: left out"; return; }
  OMP_NUM_THREADS=1 build/bench/kernels_bench --seconds "${rounds}e-1" --json "$out/kernels.json" >&2
}

linear() {
  "$python" bench/peers/linear.py "$peers" build/bench/linear_bench "$out/linear.json" --rounds "$rounds"
  : >"$out/weights.jsonl"
  for _ in $(seq "$rounds"); do
    keep "$out/weights.jsonl" weights build/bench/linear_bench --method weights --m 1 --k 2048 --n 5632 --seconds 0.1
  done
}

# All cells of a network: the peers and ours in turns. PyTorch's float form, slow everywhere, at batch 1 only.
network() {
  local name=$1 file=$2 float=$3 shape=$4 batches=$5 engines=$6 command options=() spec=${1%.dynamic} batch
  [ -n "$shape" ] && options=(--shape "$shape")
  command="$octet bench {model} --threads {threads} --batch {batch} --rounds {rounds} ${options[*]} --json"
  for batch in $batches; do
    if [ "$peers" = - ]; then
      say "networks: $name, batch $batch, without peers"
      for threads in 1 2; do
        keep "$out/alone.jsonl" "$name" "$octet" bench "$file" --against "$float" "${options[@]}" --threads "$threads" \
          --batch "$batch" --rounds $((4 * rounds)) --json
      done
    elif [ "$name" = "$spec" ]; then
      say "networks: $name, batch $batch"
      local all=ort-fp32,ov-fp32,$engines,octet,octet-fp32 external=(--external-model "octet:$name=$file")
      [[ $engines == *torch* ]] && [ "$batch" = 1 ] && all=torch-fp32,$all
      if [ "$name" = all-minilm-l6-v2 ]; then
        all=$all,octet-dynamic
        external+=(--external "octet-dynamic=$command"
          --external-model "octet-dynamic:$name=$(quantized "$name.dynamic" "$float" --dynamic)")
      fi
      "$python" bench/peers/networks.py "$peers" --what latency --models "$name" --batches "$batch" --engines "$all" \
        --rounds "$rounds" --block 0.12 --gap 0.1 --external "octet=$command" --external "octet-fp32=$command" "${external[@]}" \
        --json "$out/networks.json" >"$out/peers.md" 2>"$out/peers.log" || say "$name: $(tail -1 "$out/peers.log")"
    fi
  done
}
networks_section() {
  echo '{}' >"$out/networks.json"
  : >"$out/alone.jsonl"
  each_network network
}

avx2_network() {
  local options=()
  [ -n "$4" ] && options=(--shape "$4")
  say "avx2: $1"
  OCTET_ISA=avx2 keep "$out/avx2.jsonl" "$1" "$octet" bench "$2" --against "$3" "${options[@]}" --threads 1 --batch 1 \
    --rounds $((10 * rounds)) --json
}
avx2() {
  : >"$out/avx2.jsonl"
  each_network avx2_network
}

limits_network() {
  local options=()
  [ -n "$4" ] && options=(--shape "$4")
  say "limits: $1"
  keep "$out/limits.jsonl" "$1" "$octet" bench "$2" --profile "${options[@]}" --threads 1 --batch 1 \
    --rounds $((10 * rounds)) --json
}
limits() {
  : >"$out/limits.jsonl"
  each_network limits_network
}

start_network() {
  [ -z "$4" ] || return 0
  say "overheads: $1"
  for _ in $(seq "$rounds"); do keep "$out/start.jsonl" "$1" build/bench/sessions_bench "$2"; done
  [ "$1" = efficientnet-lite0 ] || return 0
  local count prepared=$PEERS_CACHE/$1/ort-static-u8s8-pc/model.onnx
  for count in 1 8; do
    keep "$out/sessions.jsonl" "$count sessions" build/bench/sessions_bench "$2" --sessions "$count" --threads 2
  done
  keep "$out/sessions.jsonl" "1 session, 8 callers" build/bench/sessions_bench "$2" --callers 8 --threads 2
  if [ "$peers" != - ] && [ -s "$prepared" ]; then
    for _ in $(seq "$rounds"); do keep "$out/ort.jsonl" "$1" "$python" bench/peers/memory.py "$prepared"; done
  else
    say "$1: ONNX Runtime's int8 form is not there: left out (the section networks makes it)"
  fi
}
overheads() {
  : >"$out/start.jsonl"
  : >"$out/sessions.jsonl"
  : >"$out/ort.jsonl"
  each_network start_network
}

training() {
  local tool=$peers
  [ "$tool" = - ] || "$python" -c 'import torch' 2>/dev/null || { say "training: $python has no torch: left out"; tool=-; }
  "$python" bench/peers/training.py "$tool" build/bench/training_bench "$models/resnet20-cifar10/resnet20.onnx" \
    "$out/training.json" --rounds $((rounds + 1))
}

for section in "${sections[@]}"; do
  [ -z "$only" ] || [ "$only" = "$section" ] || continue
  say "section $section"
  begin=$SECONDS
  build/bench/machine_bench >"$out/$section.before.json"
  case "$section" in
    networks) networks_section ;;
    *) "$section" ;;
  esac || say "$section: stopped early"
  build/bench/machine_bench >"$out/$section.after.json"
  say "section $section took $((SECONDS - begin)) s"
done
build/bench/write_page "$out" "$page"
say "written: $page.md and $page.json"
