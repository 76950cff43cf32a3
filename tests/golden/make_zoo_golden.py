#!/usr/bin/env python3
"""Makes zoo.json: what ONNX Runtime answers on the development networks; read by tests/zoo_float_test.cpp.

    python make_zoo_golden.py SHARED > zoo.json        (needs numpy, onnxruntime, pillow)

SHARED is the folder with models/ and data/. Inputs are described, not stored: both sides draw or read them alike. Of
each output up to 64 values are kept, and the whole output's largest magnitude and 2-norm.
"""
import json
import pathlib
import sys
import wave

import numpy as np
import onnxruntime as ort
from PIL import Image

from draw import draw

ort.set_default_logger_severity(4)
shared = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path("../../../shared")
PICTURE = "data/imagenet-500/images/n01443537_goldfish.jpg"
SPEECH = "data/fsdd/0_george_0.wav"


def random(shape, low=-2.0, high=2.0, dtype="float32"):
    random.seed += 1
    return {"kind": "random", "dtype": dtype, "shape": shape, "seed": random.seed, "low": low, "high": high}


random.seed = 1000


def values(shape, numbers, dtype="int64"):
    return {"kind": "values", "dtype": dtype, "shape": shape, "values": numbers}


def picture(height, width, mean, std, nhwc=False, bgr=False):
    """The centre of a photograph, (pixel - mean) / std by channel (in the network's order), no resize."""
    return {"kind": "picture", "file": PICTURE, "height": height, "width": width, "mean": mean, "std": std, "nhwc": nhwc, "bgr": bgr}


def audio(shape, start):
    """Samples / 32768, each twice (8 kHz to 16 kHz)."""
    return {"kind": "audio", "file": SPEECH, "shape": shape, "start": start}


def spectrum(shape, size, hop, log):
    """Magnitudes, or log10 of the power, of frames of audio under the square root of a Hann window."""
    return {"kind": "spectrum", "file": SPEECH, "shape": shape, "size": size, "hop": hop, "log": log}


def npz(member, first, count):
    return {"kind": "npz", "file": "data/stsb/dev-minilm.npz", "member": member, "first": first, "count": count}


def speech(file):
    samples = np.frombuffer(wave.open(str(shared / file)).readframes(1 << 20), np.int16)
    return np.repeat(samples.astype(np.float32) / np.float32(32768), 2)


def make(spec):
    kind = spec["kind"]
    if kind == "random":
        return draw(spec["seed"], spec["shape"], spec["dtype"], spec["low"], spec["high"])
    if kind == "values":
        return np.array(spec["values"], spec["dtype"]).reshape(spec["shape"])
    if kind == "picture":
        image = Image.open(shared / spec["file"]).convert("RGB")
        h, w = spec["height"], spec["width"]
        left, top = (image.width - w) // 2, (image.height - h) // 2
        pixels = np.asarray(image)[top:top + h, left:left + w].astype(np.float32)
        if spec["bgr"]:
            pixels = pixels[..., ::-1]
        x = (pixels - np.array(spec["mean"], np.float32)) / np.array(spec["std"], np.float32)
        return np.ascontiguousarray((x if spec["nhwc"] else x.transpose(2, 0, 1))[None])
    if kind == "audio":
        count = int(np.prod(spec["shape"]))
        return speech(spec["file"])[spec["start"]:spec["start"] + count].reshape(spec["shape"])
    if kind == "spectrum":
        size, hop, frames = spec["size"], spec["hop"], spec["shape"][1]
        samples = speech(spec["file"]).astype(np.float64)
        window = np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size))
        framed = np.stack([samples[i * hop:i * hop + size] * window for i in range(frames)])
        power = np.abs(np.fft.rfft(framed)) ** 2
        return (np.log10(np.maximum(power, 1e-12)) if spec["log"] else np.sqrt(power)).astype(np.float32).reshape(spec["shape"])
    if kind == "npz":
        return np.load(shared / spec["file"])[spec["member"]][spec["first"]:spec["first"] + spec["count"]]
    raise ValueError(kind)


def case(model, name, tolerance=1e-4, **inputs):
    session = ort.InferenceSession(str(shared / "models" / model), providers=["CPUExecutionProvider"])
    feed = {i: make(spec) for i, spec in inputs.items()}
    row = {"model": model, "name": name, "tolerance": tolerance, "inputs": inputs, "outputs": []}
    for spec, x in zip(inputs.values(), feed.values()):
        spec["sum"] = float(f"{np.abs(x.astype(np.float64)).sum():.9g}")
    for y in session.run(None, feed):
        at = [i * y.size // 64 for i in range(64)] if y.size > 64 else list(range(y.size))
        flat = y.ravel().astype(np.float64)
        row["outputs"].append({"shape": list(y.shape), "largest": float(f"{np.abs(flat).max():.7g}"), "norm": float(f"{np.linalg.norm(flat):.9g}"),
                               "values": [float(f"{v:.7g}") for v in flat[at]]})
    return row


def rows():
    imagenet = {"mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375]}
    for depth in ("20", "56"):
        model = f"resnet{depth}-cifar10/resnet{depth}.onnx"
        yield case(model, "random", input=random([3, 3, 32, 32]))
        yield case(model, "picture", input=picture(32, 32, **imagenet))
    model = "squeezenet1.1-imagenet/squeezenet1.1.onnx"
    yield case(model, "random", data=random([1, 3, 227, 227], -120, 140))
    yield case(model, "picture", data=picture(227, 227, [104, 117, 123], [1, 1, 1], bgr=True))
    model = "efficientnet-lite0/efficientnet_lite0.onnx"
    yield case(model, "random", input=random([1, 3, 224, 224]))
    yield case(model, "picture", input=picture(224, 224, [127, 127, 127], [128, 128, 128]))
    model = "pplcnet-orientation/pplcnet_orientation.onnx"
    yield case(model, "random", x=random([2, 3, 224, 224]))
    yield case(model, "picture", x=picture(224, 224, **imagenet))
    model = "ppocr-rec/ch_PP-OCRv4_rec_infer.onnx"
    yield case(model, "random", x=random([1, 3, 48, 320], -1, 1))
    yield case(model, "picture", x=picture(48, 200, [127.5] * 3, [127.5] * 3))
    model = "all-minilm-l6-v2/all_minilm_l6_v2.onnx"
    ids = random([2, 17], 1000, 30000, "int64")
    mask = values([2, 17], [1] * 17 + [1] * 9 + [0] * 8)
    yield case(model, "random", input_ids=ids, attention_mask=mask, token_type_ids=values([2, 17], [0] * 34))
    yield case(model, "sentences", input_ids=npz("input_ids", 4, 2), attention_mask=npz("attention_mask", 4, 2), token_type_ids=npz("token_type_ids", 4, 2))
    yield case("dtln/dtln_1.onnx", "random", 1e-3, input_2=random([1, 1, 257], 0, 3), input_3=random([1, 2, 128, 2], -1, 1))
    yield case("dtln/dtln_1.onnx", "speech", 1e-3, input_2=spectrum([1, 1, 257], 512, 512, False), input_3=random([1, 2, 128, 2], -1, 1))
    yield case("dtln/dtln_2.onnx", "random", 1e-3, input_4=random([1, 1, 512], -1, 1), input_5=random([1, 2, 128, 2], -1, 1))
    yield case("dtln/dtln_2.onnx", "speech", 1e-3, input_4=audio([1, 1, 512], 1000), input_5=random([1, 2, 128, 2], -1, 1))
    scale = {"mean": [127.5] * 3, "std": [128.0] * 3, "nhwc": True}
    for model, name, size in [("pnet", "input_1", (40, 56)), ("rnet", "input_2", (24, 24)), ("onet", "input_3", (48, 48))]:
        yield case(f"mtcnn/{model}.onnx", "random", **{name: random([3, *size, 3], -1, 1)})
        yield case(f"mtcnn/{model}.onnx", "picture", **{name: picture(*size, **scale)})
    yield case("nsnet2/nsnet2_16k.onnx", "random", 1e-3, input=random([2, 30, 161], -8, 1))
    yield case("nsnet2/nsnet2_16k.onnx", "speech", 1e-3, input=spectrum([1, 25, 161], 320, 160, True))
    rate = values([], [16000])
    yield case("silero-vad/silero_vad_16k_op15.onnx", "random", 1e-3, input=random([2, 576], -1, 1), state=random([2, 2, 128], -1, 1), sr=rate)
    yield case("silero-vad/silero_vad_16k_op15.onnx", "speech", 1e-3, input=audio([1, 576], 1000), state=random([2, 1, 128], -1, 1), sr=dict(rate))


if __name__ == "__main__":
    sys.stdout.write("[\n" + ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows()) + "\n]\n")
