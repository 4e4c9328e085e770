"""Faults that change nothing that PyTorch promises, and why."""

from __future__ import annotations

import re
from functools import cache

from parity.faults import Mutant

# Ops that only gradients, or values on their way into memory, go through.
PASSING = (
    "sum_to", "zeros_like", "fill", "overwrite", "write", "softmax_backward", "log_softmax_backward", "put_along", "add_at",
    "fold", "parts", "index.spread", "nll_loss_backward", "shifted", "recurrence",
    "normalized", "normalized_backward", "embedding_backward", "shares",
)  # fmt: skip

# Patterns of "kind | place | fault", in which * is any text, and the reason.
EQUIVALENT: dict[str, str] = {
    # --- rules
    "rule: dtype | * | computed in float64": "the engine gives every gradient the dtype of the value it belongs to",
    "rule: * | floor_divide, gradient of * | *": "the rule raises: PyTorch has no derivative",
    "rule: * | picked, gradient of * | *": "the rule raises: PyTorch's derivative is not offered",
    "rule: * | transfer, gradient of * | *": "needs a GPU",
    "rule: second order | remainder, gradient of other | * detached": "the quotient, rounded down, has no slope",
    "rule: second order | fmod, gradient of other | * detached": "the quotient, rounded to zero, has no slope",
    "rule: second order | abs, gradient of input | input detached": "the sign has no slope",
    "rule: second order | l1_loss, gradient of * | * detached": "the sign has no slope",
    "rule: saved value | prelu, gradient of weight | * weight*": "kept because PyTorch's node keeps it; the gradient is g * input",
    "rule: saved value | prelu, gradient of weight | weight *": "kept because PyTorch's node keeps it; the gradient is g * input",
    "rule: saved value | kl_div, gradient of input | *input*": "only its shape counts",
    "rule: saved value | binary_cross_entropy_with_logits, gradient of target | input and weight swapped": "they are multiplied",
    "rule: whole | softmax_backward, gradient of out_ | 1 added": "out_ is a softmax, whose own gradient takes a constant away",
    "rule: saved value | clamp, gradient of max | input and min swapped": "max has the gradient where either exceeds it",
    "rule: option | layer_norm, gradient of weight | another eps": "a third derivative sees it, which PyTorch has wrong",
    "rule: option | normalized, gradient of input | another eps": "a third derivative sees it, which PyTorch has wrong",
    "rule: option | normalized_backward, gradient of grad | another eps": "a third derivative sees it, which PyTorch has wrong",
    "rule: saved value | shares, gradient of input | stale indices": "with repeats PyTorch's is another: tests/test_embedding.py",
    # --- functions
    "forward: * | transfer | *": "needs a GPU",
    "forward: * | same | *": "only its node is used, never its value",
    "forward: value | shifted | NaN and infinities lost": "it fills with -inf, whose exponential is 0 as that of -1e38 is",
    "forward: dtype | zeros_like | *": "a gradient of zeros is given the dtype of its value",
    "forward: dtype | add_at | *": "a gradient, which is given the dtype of its value",
    "forward: dtype | parts | *": "a factor of a gradient, which is given the dtype of its value",
    **{
        f"forward: layout | {op} | another order of memory": "of gradients, the order of memory is not promised"
        for op in PASSING
    },
    "forward: option | take_along | another unique": "for its rule, not for its value",
    "*: option | shares* | another rows": "how many are counted: any number will do that is large enough",
    "forward: option | embedding | another *": "for its rule, not for its value",
    "forward: option | normalized | another *": "for its rule, not for its value",
    "forward: option | normalized_backward | another eps": "for its rule, not for its value",
    "forward: option | argsort | another stable": "always stable",
    # --- layers
    "layer: text | nn/functional.py bilinear | line *: 2 is 3": "of two new axes of size 1, the second stands before or after the first",
    "layer: text | nn/functional.py embedding | line *: 1 is 2": "no number below 0 is that of a row",
    "layer: default | nn/* | default sparse=True, not False": "it is refused, which is no disagreement: tests/test_embedding_arguments.py",
    # --- optimizers
    "optimizer: text | optim/adam.py Adam.__init__ | line *: 0 is 1": "which of the betas is checked",
    "optimizer: text | optim/arithmetic.py lerp_ | line *: weight < 0.5 is weight >= 0.5": "both forms are right; they differ in rounding",
    "optimizer: text | optim/asgd.py asgd | line *: 1 is 2": "with mu 1 both branches copy, up to rounding",
    **{
        f"optimizer: text | optim/{place} | line *: {fault}": "the other way is for numbers on a GPU (capturable): tests/test_capturable.py"
        for place, faults in {
            "arithmetic.py at_least": ("always *", "low is low *"),
            "asgd.py asgd": ("mu is mu *",),
            "asgd.py ASGD._initial": ("always lr", "lr is lr *"),
            "asgd.py ASGD._options": ("always *", "lr is lr *"),
            "radam.py radam": ("*rectify is*", "rate *= rectified *", "move *= xp(rectify)*", "1.0 is 1.001"),
        }.items()
        for fault in faults
    },
    # --- schedulers
    "scheduler: text | optim/lr_cycles.py * | line *: step <= phase['end_step'] is *": "where two phases meet they agree",
    "scheduler: text | optim/lr_cycles.py * | line *: x <= self.step_ratio is *": "at the top both sides are 1",
    "scheduler: text | optim/lr_cycles.py * | line *: state.pop('_scale_fn_ref', None) left out": "only states of older releases have it",
    "scheduler: text | optim/lr_scheduler.py SequentialLR.step | line *: i > 0 is i >= 0": "before the first milestone no milestone is reached",
    "scheduler: text | optim/lr_scheduler.py ChainedScheduler.__init__ | line *: 0 is 1": "all have one optimizer",
    "scheduler: text | optim/lr_scheduler.py ReduceLROnPlateau.load_state_dict | line *: self._init_is_better* left out": "the state holds what it sets",
    "scheduler: text | optim/schedules.py CosineAnnealingLR.get_lr | line *: t - 1 - T_max is t - 1 + T_max": "modulo 2 T_max they are the same",
    "scheduler: text | optim/schedules.py CosineAnnealingWarmRestarts.step | line *: epoch is None is epoch is not None": "from -1, one step ends at 0 too",
    # --- losses, initialisation, random streams
    "loss: text | nn/functional_loss.py _of_uniform | line *: 0 is 1": "the class that stands in for an ignored one is not used",
    "initialisation: text | nn/init.py _qr_with_positive_diagonal | line *: q * * is q / *": "signs",
    "random stream | random/generator.py Generator.words64 | many words are paired one by one": "the same words, only slower",
}


def reason(mutant: Mutant) -> str:
    """Why a fault need not be caught; '' where it must be."""
    text = str(mutant)
    return next((why for pattern, why in EQUIVALENT.items() if matcher(pattern).fullmatch(text)), "")


@cache
def matcher(pattern: str) -> re.Pattern[str]:
    """Of a pattern in which * stands for any text, and everything else, brackets too, for itself."""
    return re.compile(".*".join(map(re.escape, pattern.split("*"))))
