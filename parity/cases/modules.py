"""Every class of torch.nn, in train and in eval mode: weights from the seed, outputs, gradients of inputs and of parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from parity.case import Case, Draw, case, family, given, positive, probability, real

A, SQUARE, IMAGE, WORDS = real(3, 4), real(4, 4), real(2, 3, 4, 4), given([[0, 4, 1], [1, 1, 2]])


def module(name: str, build: Callable[[Any], Any], *draws: Draw, **options: Any) -> Case:
    """A case that calls a module on the tensors drawn."""
    call = (lambda t, module, x, y: module(x, y)) if len(draws) == 2 else (lambda t, module, x: module(x))
    return Case(name, call, draws, build=build, **options)


def tied(t: Any) -> Any:
    """One layer in two places."""
    layer = t.nn.Linear(4, 4)
    return t.nn.Sequential(layer, t.nn.Tanh(), layer)


def network(t: Any) -> Any:
    """The lecture's network."""

    class Network(t.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer1, self.layer2 = t.nn.Linear(4, 32), t.nn.Linear(32, 1)
            self.relu, self.scale = t.nn.ReLU(), t.nn.Parameter(t.ones(1))
            self.register_buffer("shift", t.tensor([0.5]))

        def forward(self, x: Any) -> Any:
            return self.layer2(self.relu(self.layer1(x))) * self.scale + self.shift

    return Network()


CASES = family(
    "module",
    module("Linear", lambda t: t.nn.Linear(4, 5), A),
    module("Linear without bias", lambda t: t.nn.Linear(4, 5, bias=False), real(2, 3, 4)),
    module("Bilinear", lambda t: t.nn.Bilinear(4, 2, 5), A, real(3, 2)),
    module("Bilinear without bias", lambda t: t.nn.Bilinear(4, 2, 5, bias=False), A, real(3, 2)),
    module("Embedding", lambda t: t.nn.Embedding(5, 3), WORDS),
    module("Embedding padded", lambda t: t.nn.Embedding(5, 3, padding_idx=-1, max_norm=1.0), WORDS, numeric=False),
    module("Embedding of a table", lambda t: t.nn.Embedding.from_pretrained(t.ones(5, 3), False, scale_grad_by_freq=True), WORDS, numeric=False),
    module("Identity", lambda t: t.nn.Identity(1, two=2), A),
    module("Flatten", lambda t: t.nn.Flatten(), IMAGE),
    module("Flatten range", lambda t: t.nn.Flatten(0, 2), IMAGE),
    module("Unflatten", lambda t: t.nn.Unflatten(1, (2, 2)), A),
    module("CELU", lambda t: t.nn.CELU(0.5), A),
    module("ELU", lambda t: t.nn.ELU(0.7), A),
    module("GELU", lambda t: t.nn.GELU(), A),
    module("GELU tanh", lambda t: t.nn.GELU("tanh"), A),
    module("GLU", lambda t: t.nn.GLU(), A),
    module("GLU dim", lambda t: t.nn.GLU(0), SQUARE),
    module("Hardshrink", lambda t: t.nn.Hardshrink(0.7), A),
    module("Hardsigmoid", lambda t: t.nn.Hardsigmoid(), A),
    module("Hardswish", lambda t: t.nn.Hardswish(), A),
    module("Hardtanh", lambda t: t.nn.Hardtanh(-0.5, 0.7), A),
    module("LeakyReLU", lambda t: t.nn.LeakyReLU(0.2), A),
    module("LayerNorm", lambda t: t.nn.LayerNorm(4), A),
    module("LayerNorm plane", lambda t: t.nn.LayerNorm((3, 4), eps=0.1, bias=False), real(2, 3, 4)),
    module("LayerNorm plain", lambda t: t.nn.LayerNorm(4, elementwise_affine=False), real(2, 3, 4)),
    module("LogSigmoid", lambda t: t.nn.LogSigmoid(), A),
    module("LogSoftmax", lambda t: t.nn.LogSoftmax(1), A),
    module("Mish", lambda t: t.nn.Mish(), A),
    module("PReLU", lambda t: t.nn.PReLU(), A),
    module("PReLU channels", lambda t: t.nn.PReLU(3, init=0.1), IMAGE),
    module("ReLU", lambda t: t.nn.ReLU(), A),
    module("ReLU inplace", lambda t: t.nn.Sequential(t.nn.Linear(4, 5), t.nn.ReLU(inplace=True)), A),
    module("ReLU6", lambda t: t.nn.ReLU6(), real(3, 4)),
    module("RReLU", lambda t: t.nn.RReLU(0.1, 0.4), A),
    module("SELU", lambda t: t.nn.SELU(), A),
    module("SiLU", lambda t: t.nn.SiLU(), A),
    module("Sigmoid", lambda t: t.nn.Sigmoid(), A),
    module("Softmax", lambda t: t.nn.Softmax(dim=-1), A),
    module("Softmax2d", lambda t: t.nn.Softmax2d(), IMAGE),
    module("Softmin", lambda t: t.nn.Softmin(dim=1), A),
    module("Softplus", lambda t: t.nn.Softplus(beta=2, threshold=1.5), A),
    module("Softshrink", lambda t: t.nn.Softshrink(0.7), A),
    module("Softsign", lambda t: t.nn.Softsign(), A),
    module("Tanh", lambda t: t.nn.Tanh(), A),
    module("Tanhshrink", lambda t: t.nn.Tanhshrink(), A),
    module("Threshold", lambda t: t.nn.Threshold(0.1, 5.0), A),
    module("Dropout", lambda t: t.nn.Dropout(), real(20, 30)),
    module("Dropout 0.2", lambda t: t.nn.Dropout(0.2), A),
    module("Dropout 1", lambda t: t.nn.Dropout(1.0), A),
    module("Dropout inplace", lambda t: t.nn.Sequential(t.nn.Linear(4, 5), t.nn.Dropout(0.3, inplace=True)), A),
    module("Dropout1d", lambda t: t.nn.Dropout1d(0.4), real(2, 3, 4)),
    module("Dropout2d", lambda t: t.nn.Dropout2d(0.4), IMAGE),
    module("Dropout3d", lambda t: t.nn.Dropout3d(0.4), real(2, 3, 2, 2, 2)),
    module("AlphaDropout", lambda t: t.nn.AlphaDropout(0.3), A),
    module("FeatureAlphaDropout", lambda t: t.nn.FeatureAlphaDropout(0.3), IMAGE),
    module("Sequential", lambda t: t.nn.Sequential(t.nn.Linear(4, 5), t.nn.Tanh(), t.nn.Linear(5, 2)), A),
    module("network", network, A),
    module("tied", tied, A),
)  # fmt: skip


def described(layer: Any) -> Any:
    """What a layer says of itself, its attributes, and its parameters."""
    attributes = {n: v for n, v in sorted(vars(layer).items()) if isinstance(v, int | float) and n[0] != "_"}
    return repr(layer), attributes, dict(layer.named_parameters())


LAYERS = family(
    "layer",
    case("Linear", lambda t: described(t.nn.Linear(4, 5))),
    case("Linear float64", lambda t: described(t.nn.Linear(4, 5, dtype=t.float64, device="cpu"))),
    case("Linear of nothing", lambda t: described(t.nn.Linear(0, 3))),
    case("Linear of one", lambda t: described(t.nn.Linear(1, 3))),
    case("LayerNorm", lambda t: described(t.nn.LayerNorm(4))),
    case("LayerNorm float64", lambda t: described(t.nn.LayerNorm((2, 3), 1e-3, bias=False, dtype=t.float64))),
    case("Embedding", lambda t: described(t.nn.Embedding(5, 3))),
    case("Embedding float64", lambda t: described(t.nn.Embedding(5, 3, -2, 1.5, 1.0, True, dtype=t.float64))),
    case("Embedding frozen", lambda t: described(t.nn.Embedding.from_pretrained(t.ones(5, 3), padding_idx=0, max_norm=2))),
    case("Embedding drawn and frozen", lambda t: described(t.nn.Embedding(5, 3, _freeze=True))),
    case("Embedding nowhere", lambda t: t.nn.Embedding(5, 3, device="nowhere")),
    case("Linear nowhere", lambda t: t.nn.Linear(4, 5, device="nowhere")),
    case("Bilinear", lambda t: described(t.nn.Bilinear(4, 2, 5))),
    case("Bilinear float64", lambda t: described(t.nn.Bilinear(4, 2, 5, dtype=t.float64, device="cpu"))),
    case("Bilinear nowhere", lambda t: t.nn.Bilinear(4, 2, 5, device="nowhere")),
    order=0, dtypes=(), exact=True,
)  # fmt: skip

X, Y, U = real(4, 3), real(4, 3), probability(4, 3)
CLASSES, WITH_IGNORED, PER_CLASS = given([1, 0, 2, 1]), given([1, 0, -100, 1]), [0.5, 2.0, 1.25]
REDUCTIONS = ("mean", "sum", "none")


def losses(name: str, build: Callable[[Any, str], Any], *draws: Draw, **options: Any) -> list[Case]:
    """The loss with each reduction."""
    return [module(f"{name} {r}", lambda t, r=r: build(t, r), *draws, **options) for r in REDUCTIONS]  # type: ignore[misc]


LOSSES = family(
    "loss module",
    *losses("MSELoss", lambda t, r: t.nn.MSELoss(reduction=r), X, Y),
    *losses("L1Loss", lambda t, r: t.nn.L1Loss(reduction=r), X, Y),
    *losses("SmoothL1Loss", lambda t, r: t.nn.SmoothL1Loss(reduction=r, beta=0.7), X, Y),
    *losses("HuberLoss", lambda t, r: t.nn.HuberLoss(reduction=r, delta=0.7), X, Y),
    *losses("BCELoss", lambda t, r: t.nn.BCELoss(reduction=r), U, U, order=1),
    *losses("BCEWithLogitsLoss", lambda t, r: t.nn.BCEWithLogitsLoss(reduction=r), X, U),
    *losses("BCEWithLogitsLoss pos_weight", lambda t, r: t.nn.BCEWithLogitsLoss(pos_weight=t.tensor(PER_CLASS), reduction=r), X, U),
    *losses("CrossEntropyLoss", lambda t, r: t.nn.CrossEntropyLoss(reduction=r), X, CLASSES),
    *losses("CrossEntropyLoss weight", lambda t, r: t.nn.CrossEntropyLoss(t.tensor(PER_CLASS), reduction=r, label_smoothing=0.1), X, CLASSES),
    *losses("NLLLoss", lambda t, r: t.nn.NLLLoss(t.tensor(PER_CLASS), ignore_index=0, reduction=r), X, CLASSES),
    *losses("NLLLoss ignored", lambda t, r: t.nn.NLLLoss(reduction=r), X, WITH_IGNORED),
    *losses("NLLLoss2d ignored", lambda t, r: t.nn.NLLLoss2d(reduction=r), X, WITH_IGNORED),
    *losses("CrossEntropyLoss ignored", lambda t, r: t.nn.CrossEntropyLoss(reduction=r), X, WITH_IGNORED),
    *losses("CrossEntropyLoss ignore_index", lambda t, r: t.nn.CrossEntropyLoss(ignore_index=1, reduction=r), X, CLASSES),
    *losses("SmoothL1Loss by default", lambda t, r: t.nn.SmoothL1Loss(reduction=r), X, Y),
    *losses("HuberLoss by default", lambda t, r: t.nn.HuberLoss(reduction=r), X, Y),
    module("MSELoss size_average", lambda t: t.nn.MSELoss(size_average=False), X, Y),
    module("MSELoss reduce", lambda t: t.nn.MSELoss(reduce=False), X, Y),
    *losses("NLLLoss2d", lambda t, r: t.nn.NLLLoss2d(reduction=r), real(2, 3, 2, 2), given([[[0, 1], [2, 1]], [[2, 2], [0, 1]]])),
    *losses("KLDivLoss", lambda t, r: t.nn.KLDivLoss(reduction=r), X, positive(4, 3)),
    module("KLDivLoss batchmean", lambda t: t.nn.KLDivLoss(reduction="batchmean", log_target=True), X, Y),
)  # fmt: skip


def by_default(name: str, draw: Draw, words: str = "") -> Case:
    """A dropout of nn.functional with everything at its default; in training; in place."""

    def run(t: Any, x: Any) -> Any:
        f, y = getattr(t.nn.functional, name), x * 1
        out = f(y, 0.3, training=True, inplace=True)
        return [f(x), f(x) is x, f(x, training=True), out, out is y]

    return case(f"{name}{words} by default", run, draw)


DROPOUT = family(
    "dropout",
    by_default("dropout", A), by_default("alpha_dropout", A), by_default("feature_alpha_dropout", IMAGE),
    by_default("dropout1d", real(5, 3, 4)), by_default("dropout2d", IMAGE), by_default("dropout3d", real(2, 3, 2, 2, 2)),
    by_default("dropout1d", real(6, 4), " of one"), by_default("dropout3d", real(6, 2, 2, 2), " of one"),
    case("dropout", lambda t, x: t.nn.functional.dropout(x, 0.3), A),
    case("dropout eval", lambda t, x: t.nn.functional.dropout(x, 0.3, training=False) * 2, A),
    case("dropout inplace", lambda t, x: t.nn.functional.dropout(x * 1, 0.3, inplace=True), A),
    case("dropout1d", lambda t, x: t.nn.functional.dropout1d(x, 0.3), real(5, 3, 4)),
    case("dropout2d", lambda t, x: t.nn.functional.dropout2d(x, 0.3), IMAGE),
    case("dropout3d", lambda t, x: t.nn.functional.dropout3d(x, 0.3), real(2, 3, 2, 2, 2)),
    case("torch.dropout", lambda t, x: t.dropout(x, 0.3, True), A),
    case("torch.dropout_", lambda t, x: t.dropout_(x * 1, 0.3, True), A),
    case("torch.feature_dropout", lambda t, x: t.feature_dropout(x, 0.3, True), IMAGE),
    case("torch.feature_dropout_", lambda t, x: t.feature_dropout_(x * 1, 0.3, True), IMAGE),
    case("torch.alpha_dropout", lambda t, x: t.alpha_dropout(x, 0.3, True), A),
    case("torch.alpha_dropout_", lambda t, x: t.alpha_dropout_(x * 1, 0.3, True), A),
    case("torch.feature_alpha_dropout", lambda t, x: t.feature_alpha_dropout(x, 0.3, True), IMAGE),
    case("torch.feature_alpha_dropout_", lambda t, x: t.feature_alpha_dropout_(x * 1, 0.3, True), IMAGE),
    case("rrelu", lambda t, x: t.nn.functional.rrelu(x, training=True), A),
    case("rrelu eval", lambda t, x: t.nn.functional.rrelu(x, 0.1, 0.5), A),
    case("rrelu_", lambda t, x: t.nn.functional.rrelu_(x * 1, 0.1, 0.5, training=True), A, order=1),
    case("torch.rrelu", lambda t, x: t.rrelu(x, 0.1, 0.5, True), A),
    case("torch.rrelu_", lambda t, x: t.rrelu_(x * 1, 0.1, 0.5, True), A, order=1),
    case("alpha_dropout", lambda t, x: t.nn.functional.alpha_dropout(x, 0.3, training=True), A),
    case("feature_alpha_dropout", lambda t, x: t.nn.functional.feature_alpha_dropout(x, 0.3, training=True), IMAGE),
)  # fmt: skip
