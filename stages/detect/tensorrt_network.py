"""A network built by TensorRT for the GPU at hand, through ultralytics' export; takes ``TorchNetwork``'s place.

Building takes minutes and its outcome fits one kind of GPU, one version of TensorRT, one batch and one canvas: all of
that is in the cache's key.
"""

import hashlib
import warnings
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from shutil import copyfile
from typing import Any

from pipeline.errors import CannotStart
from stages.detect.checkpoint import choose_head, digest, load_checkpoint
from stages.detect.engine import ModelCard
from stages.detect.export_cache import kept
from stages.detect.offline import import_ultralytics
from stages.detect.options import YoloOptions


class TensorRtNetwork:
    """Raises ``CannotStart`` if TensorRT cannot build it."""

    def __init__(self, options: YoloOptions) -> None:
        network: Any = load_checkpoint(options.model)
        import torch

        self._suppresses = choose_head(network, options.head, options.model)
        names = tuple(str(network.names[i]) for i in sorted(network.names))
        sha256, side = digest(options.model), options.imgsz
        stride = int(network.stride.max())
        self.card = ModelCard(options.model.stem, sha256, names, stride, self._suppresses, canvas=(side, side))
        gpu, made_with = torch.cuda.get_device_name(), "-".join(version(name) for name in ("tensorrt", "ultralytics"))
        facts = f"{sha256} {options.head} {options.precision} batch {options.batch} {side} {gpu} {made_with}"
        key = hashlib.sha256(facts.encode()).hexdigest()[:32]
        folder = kept("tensorrt", key, ("model.engine",), lambda workshop: self._build(options, workshop))
        backend: Any = import_module("ultralytics.nn.autobackend").AutoBackend
        self._torch: Any = torch
        self._run = backend(str(folder / "model.engine"), device=torch.device("cuda:0"), verbose=False)
        self._type: Any = torch.float16 if self._run.fp16 else torch.float32

    def __call__(self, pixels: Any) -> tuple[Any, list[Any]]:
        """As ``TorchNetwork``, without feature maps."""
        pictures = pixels.permute(0, 3, 1, 2).flip(1).to(self._type).contiguous().div_(255)
        if getattr(self._run, "graph", None) is None:
            # Then ultralytics runs the engine on the default stream, which does not wait for ours, and back into the
            # memory of the last answer, which ours may still read.
            self._torch.cuda.current_stream().synchronize()
        output = self._run(pictures)
        return (output[0] if isinstance(output, list | tuple) else output).float(), []

    def _build(self, options: YoloOptions, workshop: Path) -> Path:
        ultralytics = import_ultralytics()
        copy = workshop / "model.pt"  # ultralytics writes beside the file it was given
        copyfile(options.model, copy)
        chosen = {"nms": None if self._suppresses else False, "quantize": 16 if options.precision == "f16" else None}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                network = ultralytics.YOLO(str(copy), task="detect")
                made = Path(
                    network.export(
                        format="engine", device=0, imgsz=options.imgsz, batch=options.batch, simplify=False, **chosen
                    )
                )
        except Exception as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise CannotStart(f"weights {options.model} cannot be built for TensorRT: {reason}") from error
        folder = workshop / "made"
        folder.mkdir()
        return made.rename(folder / "model.engine").parent
