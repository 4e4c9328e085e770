"""The losses of torch.nn.functional, with every argument."""

from __future__ import annotations

from parity.case import case, family, given, positive, probability, real

A, B, P, CUBE = real(4, 3), real(4, 3), positive(4, 3), real(2, 3, 5)
CLASSES, WITH_IGNORED = given([1, 0, 2, 1]), given([1, 0, -100, 1])
PIXELS = given([[0, 2, 1, 1, 0], [2, 2, 0, 1, 0]])
PER_CLASS = positive(3)
RIGHT = lambda rng: (lambda p: p / p.sum(1, keepdims=True))(rng.uniform(0.1, 1, (4, 3)))
LOGS = lambda rng: -rng.uniform(0.2, 3, (4, 3))

CASES = family(
    "loss",
    case("mse_loss", lambda t, x, y: t.nn.functional.mse_loss(x, y), A, B),
    case("mse_loss sum", lambda t, x, y: t.nn.functional.mse_loss(x, y, reduction="sum"), A, B),
    case("mse_loss none", lambda t, x, y: t.nn.functional.mse_loss(x, y, reduction="none"), A, B),
    case("mse_loss weight", lambda t, x, y, w: t.nn.functional.mse_loss(x, y, weight=w), A, B, P),
    case("mse_loss broadcast", lambda t, x, y: t.nn.functional.mse_loss(x, y), A, real(3)),
    case("mse_loss old", lambda t, x, y: t.nn.functional.mse_loss(x, y, size_average=False), A, B),
    case("mse_loss older", lambda t, x, y: [
        t.nn.functional.mse_loss(x, y, reduce=False), t.nn.functional.mse_loss(x, y, reduce=True),
        t.nn.functional.mse_loss(x, y, size_average=True), t.nn.functional.mse_loss(x, y, size_average=False, reduce=True),
    ], A, B),
    case("kl_div old", lambda t, x, y: [t.nn.functional.kl_div(x, y, size_average=False), t.nn.functional.kl_div(x, y, reduce=False)], LOGS, RIGHT),
    case("kl_div batchmean of one", lambda t, x, y: t.nn.functional.kl_div(x, y, reduction="batchmean"), real(), positive()),
    case("cross_entropy of one", lambda t, x, i: t.nn.functional.cross_entropy(x, i), real(3), given(1)),
    case("cross_entropy 3d everything", lambda t, x, i, w: t.nn.functional.cross_entropy(x, i, w.detach(), ignore_index=1, label_smoothing=0.2), CUBE, PIXELS, PER_CLASS, numeric=False),
    *[case(f"cross_entropy probabilities {r}", lambda t, x, y, w, r=r: t.nn.functional.cross_entropy(x, y, w.detach(), reduction=r), A, RIGHT, PER_CLASS) for r in ("none", "sum")],
    case("cross_entropy probabilities 3d", lambda t, x, y, w: t.nn.functional.cross_entropy(x, y, w.detach()), CUBE, CUBE, PER_CLASS, numeric=False),
    *[case(f"cross_entropy everything {r}", lambda t, x, i, w, r=r: t.nn.functional.cross_entropy(x, i, w.detach(), ignore_index=0, label_smoothing=0.2, reduction=r), A, CLASSES, PER_CLASS) for r in ("none", "sum")],
    case("l1_loss", lambda t, x, y: t.nn.functional.l1_loss(x, y), A, B),
    case("l1_loss none", lambda t, x, y: t.nn.functional.l1_loss(x, y, reduction="none"), A, B),
    case("l1_loss weight", lambda t, x, y, w: t.nn.functional.l1_loss(x, y, weight=w, reduction="sum"), A, B, P),
    case("l1_loss of equals", lambda t, x: t.nn.functional.l1_loss(x, x.detach()), A, numeric=False),
    case("smooth_l1_loss", lambda t, x, y: t.nn.functional.smooth_l1_loss(x, y), A, B),
    case("smooth_l1_loss beta", lambda t, x, y: t.nn.functional.smooth_l1_loss(x, y, beta=0.4, reduction="sum"), A, B),
    case("smooth_l1_loss beta 0", lambda t, x, y: t.nn.functional.smooth_l1_loss(x, y, beta=0.0), A, B),
    case("huber_loss", lambda t, x, y: t.nn.functional.huber_loss(x, y), A, B),
    case("huber_loss delta", lambda t, x, y: t.nn.functional.huber_loss(x, y, delta=0.6, reduction="none"), A, B),
    case("huber_loss weight and delta", lambda t, x, y, w: t.nn.functional.huber_loss(x, y, delta=0.6, weight=w), A, B, P),
    case("huber_loss weight", lambda t, x, y, w: t.nn.functional.huber_loss(x, y, weight=w), A, B, P),
    case("binary_cross_entropy", lambda t, x, y: t.nn.functional.binary_cross_entropy(x, y), probability(4, 3), probability(4, 3),
         reference=lambda m, x, y: -(y * m.log(x) + (1 - y) * m.log(1 - x)).sum() / 12),
    case("binary_cross_entropy sum", lambda t, x, y, w: t.nn.functional.binary_cross_entropy(x, y, w.detach(), reduction="sum"),
         probability(4, 3), probability(4, 3), positive(3), reference=lambda m, x, y, w: -(w * (y * m.log(x) + (1 - y) * m.log(1 - x))).sum(), numeric=False),
    case("binary_cross_entropy at 0 and 1", lambda t, x, y: t.nn.functional.binary_cross_entropy(x, y.detach(), reduction="none"),
         given([0.0, 1.0, 0.0, 1.0]), given([0.0, 0.0, 1.0, 1.0]), order=1, numeric=False),
    case("binary_cross_entropy_with_logits", lambda t, x, y: t.nn.functional.binary_cross_entropy_with_logits(x, y), A, probability(4, 3)),
    case("binary_cross_entropy_with_logits weight", lambda t, x, y, w: t.nn.functional.binary_cross_entropy_with_logits(x, y, weight=w.detach(), reduction="none"), A, probability(4, 3), P, numeric=False),
    case("binary_cross_entropy_with_logits pos_weight", lambda t, x, y, w: t.nn.functional.binary_cross_entropy_with_logits(x, y, pos_weight=w.detach()), A, probability(4, 3), positive(3), numeric=False),
    case("binary_cross_entropy_with_logits far out", lambda t, x, y: t.nn.functional.binary_cross_entropy_with_logits(x * 40, y), A, probability(4, 3), order=1),
    case("kl_div", lambda t, x, y: t.nn.functional.kl_div(x, y, reduction="sum"), LOGS, RIGHT),
    case("kl_div mean", lambda t, x, y: t.nn.functional.kl_div(x, y), LOGS, RIGHT),
    case("kl_div batchmean", lambda t, x, y: t.nn.functional.kl_div(x, y, reduction="batchmean"), LOGS, RIGHT),
    case("kl_div none", lambda t, x, y: t.nn.functional.kl_div(x, y, reduction="none"), LOGS, given([[0.0, 0.5, 0.5]] * 4), numeric=False),
    case("kl_div log_target", lambda t, x, y: t.nn.functional.kl_div(x, y, reduction="sum", log_target=True), LOGS, LOGS),
    case("nll_loss", lambda t, x, i: t.nn.functional.nll_loss(x, i), A, CLASSES),
    case("nll_loss weight", lambda t, x, i, w: t.nn.functional.nll_loss(x, i, w.detach()), A, CLASSES, PER_CLASS, numeric=False),
    case("nll_loss ignored", lambda t, x, i, w: t.nn.functional.nll_loss(x, i, w.detach(), reduction="none"), A, WITH_IGNORED, PER_CLASS, numeric=False),
    case("nll_loss ignore_index", lambda t, x, i: t.nn.functional.nll_loss(x, i, ignore_index=1, reduction="sum"), A, CLASSES),
    case("nll_loss of nothing", lambda t, x, i, w: [t.nn.functional.nll_loss(x[:, :, :0], i[:, :0], w.detach()[:x.shape[1]], reduction=r) for r in ("mean", "sum", "none")], CUBE, PIXELS, PER_CLASS, numeric=False),
    case("nll_loss 3d", lambda t, x, i: t.nn.functional.nll_loss(x, i), CUBE, PIXELS),
    case("nll_loss of one", lambda t, x, i: t.nn.functional.nll_loss(x, i), real(3), given(1)),
    case("cross_entropy", lambda t, x, i: t.nn.functional.cross_entropy(x, i), A, CLASSES),
    case("cross_entropy none", lambda t, x, i: t.nn.functional.cross_entropy(x, i, reduction="none"), A, WITH_IGNORED),
    case("cross_entropy weight", lambda t, x, i, w: t.nn.functional.cross_entropy(x, i, weight=w.detach()), A, WITH_IGNORED, PER_CLASS, numeric=False),
    case("cross_entropy label_smoothing", lambda t, x, i: t.nn.functional.cross_entropy(x, i, label_smoothing=0.1), A, CLASSES),
    case("cross_entropy everything", lambda t, x, i, w: t.nn.functional.cross_entropy(x, i, w.detach(), ignore_index=0, label_smoothing=0.2), A, CLASSES, PER_CLASS, numeric=False),
    case("cross_entropy 3d", lambda t, x, i: t.nn.functional.cross_entropy(x, i, reduction="sum"), CUBE, PIXELS),
    case("cross_entropy probabilities", lambda t, x, y: t.nn.functional.cross_entropy(x, y), A, RIGHT),
    case("cross_entropy probabilities smoothed", lambda t, x, y, w: t.nn.functional.cross_entropy(x, y, w.detach(), label_smoothing=0.1), A, RIGHT, PER_CLASS, numeric=False),
    case("cross_entropy of no class", lambda t, x: t.nn.functional.cross_entropy(x, x.detach()), real(4, 0), numeric=False),
    case("cross_entropy far out", lambda t, x, i: t.nn.functional.cross_entropy(x * 4, i), A, CLASSES, order=1),
)  # fmt: skip
