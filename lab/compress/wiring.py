"""Which channels of a YOLO network hang together: whoever removes one must remove it at every place named here.

A convolution's output channels are read by other convolutions, sometimes after a concatenation, and tied to those of
others by a residual sum (DepGraph, Fang et al. 2023). The network's blocks are few and known, so their wiring is
written down block by block instead of being traced; attention's heads are left alone.
"""

from collections.abc import Callable, Sequence
from typing import Any

from pipeline.errors import UsageError


class Group:
    """Channels that live and die together, numbered 0 to ``size`` - 1.

    ``fixed``: other parts of the network count on their number. ``twin``: the other half of a layer that is cut in
    two, which must keep as many.
    """

    def __init__(self, size: int, *, fixed: bool = False) -> None:
        self.size = size
        self._fixed = fixed
        self._parent: Group | None = None
        self._twin: Group | None = None

    @property
    def root(self) -> "Group":
        """The group that this one was tied to; itself, if to none."""
        found = self
        while found._parent is not None:
            found = found._parent
        return found

    @property
    def fixed(self) -> bool:
        """Whether its size must stay, for its own sake or its twin's."""
        mine = self.root
        return mine._fixed or (mine._twin is not None and mine._twin.root._fixed)

    @property
    def twin(self) -> "Group | None":
        """The other half, if there is one."""
        twin = self.root._twin
        return None if twin is None else twin.root

    def fix(self) -> None:
        """Keep its size."""
        self.root._fixed = True

    def tie(self, other: "Group") -> None:
        """Make ``other`` the same channels as these."""
        mine, theirs = self.root, other.root
        if mine is theirs:
            return
        if mine._twin is not None and theirs._twin is not None:
            mine._fixed = True  # two halves of different layers: rare, and not worth a chain of equal counts
        theirs._parent = mine
        mine._fixed = mine._fixed or theirs._fixed
        mine._twin = mine._twin or theirs._twin

    def pair(self, other: "Group") -> None:
        """Make ``other`` the second half of the layer whose first half this is."""
        self.root._twin, other.root._twin = other, self


Signal = list[Group]
"""What flows between blocks: groups, one after the other along the channels."""


class Wiring:
    """The groups of a network, and for each convolution what it reads and writes.

    ``network`` is an ultralytics detection model, not fused. ``idle``: branches of its head that do not run where it
    is deployed. Raises ``UsageError`` for a block that is not known.
    """

    def __init__(self, network: Any, *, idle: Sequence[str] = ()) -> None:
        self.idle: set[Any] = set()
        """Convolutions that cost nothing, because they do not run."""
        self._idle = idle
        self.reads: dict[Any, Signal] = {}
        self.writes: dict[Any, Signal] = {}
        self.norms: dict[Any, Any] = {}
        """Convolution to the normalising layer behind it."""
        self.halved: list[Any] = []
        """Blocks that remember the width of a half in ``c``."""
        kept: list[Signal] = []
        for block in network.model:
            came = [kept[at] if kept else [Group(3, fixed=True)] for at in _sources(block)]
            kept.append(self._block(block, came))
        for group in kept[-1]:
            group.fix()

    def groups(self) -> list[Group]:
        """Groups that may shrink, each once, in the network's order."""
        found = dict.fromkeys(group.root for signal in self.writes.values() for group in signal)
        return [group for group in found if not group.fixed and group.size > 1]

    def _block(self, block: Any, came: list[Signal]) -> Signal:
        known: dict[str, Callable[[Any, Signal], Signal]] = {
            "Conv": self._conv, "DWConv": self._conv, "Conv2d": self._plain, "Bottleneck": self._bottleneck,
            "C3": self._c3, "C3k": self._c3, "C2f": self._c2f, "C3k2": self._c2f, "SPPF": self._sppf,
            "C2PSA": self._c2psa, "PSABlock": self._attention, "Sequential": self._chain,
        }  # fmt: skip
        kind = type(block).__name__
        if kind == "Detect":
            return self._detect(block, came)
        if kind == "Concat":
            return [group for signal in came for group in signal]
        if kind == "Upsample":
            return came[0]
        if kind not in known:
            raise UsageError(f"pruning does not know the block {kind}; it knows Detect, Concat, {', '.join(known)}")
        return known[kind](block, came[0])

    def _chain(self, blocks: Sequence[Any], signal: Signal) -> Signal:
        for block in blocks:
            signal = self._block(block, [signal])
        return signal

    def _conv(self, block: Any, signal: Signal) -> Signal:
        norm = getattr(block, "bn", None)
        if norm is None:
            raise UsageError("this network is fused (its normalising layers are folded in); prune the one before that")
        self.norms[block.conv] = norm
        return self._plain(block.conv, signal)

    def _plain(self, conv: Any, signal: Signal) -> Signal:
        self.reads[conv] = signal
        if conv.groups == 1:
            made = [Group(conv.out_channels)]
        elif conv.groups == conv.in_channels == conv.out_channels:
            made = signal  # depth-wise: channel by channel
        else:
            made = [Group(conv.out_channels, fixed=True)]
            for group in signal:
                group.fix()
        self.writes[conv] = made
        return made

    def _bottleneck(self, block: Any, signal: Signal) -> Signal:
        made = self._conv(block.cv2, self._conv(block.cv1, signal))
        return _summed(signal, made) if block.add else made

    def _c3(self, block: Any, signal: Signal) -> Signal:
        deep = self._chain(block.m, self._conv(block.cv1, signal))
        return self._conv(block.cv3, deep + self._conv(block.cv2, signal))

    def _halves(self, block: Any, signal: Signal) -> tuple[Group, Group]:
        self._conv(block.cv1, signal)
        first, second = Group(block.c), Group(block.c)
        first.pair(second)
        self.writes[block.cv1.conv] = [first, second]
        self.halved.append(block)
        return first, second

    def _c2f(self, block: Any, signal: Signal) -> Signal:
        parts = [[half] for half in self._halves(block, signal)]
        for inner in block.m:
            parts.append(self._block(inner, [parts[-1]]))
        return self._conv(block.cv2, [group for part in parts for group in part])

    def _c2psa(self, block: Any, signal: Signal) -> Signal:
        first, second = self._halves(block, signal)
        return self._conv(block.cv2, [first, *self._chain(block.m, [second])])

    def _attention(self, block: Any, signal: Signal) -> Signal:
        """Heads are slices of the channels, so those stay; the hidden layer behind them may shrink."""
        for group in signal:
            group.fix()
        hidden = self._conv(block.ffn[0], signal)
        return _summed(signal, self._conv(block.ffn[1], hidden)) if block.add else self._conv(block.ffn[1], hidden)

    def _sppf(self, block: Any, signal: Signal) -> Signal:
        pooled = self._conv(block.cv1, signal)
        made = self._conv(block.cv2, pooled * (getattr(block, "n", 3) + 1))
        return _summed(signal, made) if getattr(block, "add", False) else made

    def _detect(self, head: Any, came: list[Signal]) -> Signal:
        made: Signal = []
        for branch in ("cv2", "cv3", "one2one_cv2", "one2one_cv3"):
            for layers, signal in zip(getattr(head, branch, None) or (), came, strict=False):
                known = set(self.writes)
                made += self._chain(layers, signal)
                self.idle |= set(self.writes) - known if branch in self._idle else set()
        for group in made:
            group.fix()
        return made


def _sources(block: Any) -> list[int]:
    return [block.f] if isinstance(block.f, int) else list(block.f)


def _summed(first: Signal, second: Signal) -> Signal:
    """The sum of two signals: channel by channel the same. Of unlike make-up, all of them stay as they are."""
    if [group.size for group in first] == [group.size for group in second]:
        for mine, theirs in zip(first, second, strict=True):
            mine.tie(theirs)
    else:
        for group in (*first, *second):
            group.fix()
    return first
