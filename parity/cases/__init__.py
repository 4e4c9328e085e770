"""The table of cases, a module per family."""

from __future__ import annotations

from parity.case import Case
from parity.cases import (
    activation,
    arithmetic,
    autograd,
    creation,
    data,
    dtypes,
    elementwise,
    graphs,
    index,
    inplace,
    linear,
    loss,
    modules,
    optimizers,
    random,
    reduce,
    schedules,
    shape,
    structure,
)

TABLE: list[Case] = [
    *arithmetic.CASES, *arithmetic.OPERATORS, *elementwise.CASES, *elementwise.COMPARE, *elementwise.CORNERS,
    *reduce.CASES, *reduce.EXTREMES, *reduce.COUNTS, *linear.CASES, *shape.CASES, *shape.JOIN, *index.CASES,
    *inplace.CASES, *inplace.REFUSED, *activation.CASES, *loss.CASES, *modules.CASES, *modules.LAYERS, *modules.LOSSES, *modules.DROPOUT,
    *structure.CASES, *autograd.CASES, *graphs.CASES, *graphs.SECOND, *graphs.REFUSED, *optimizers.CASES, *optimizers.SCHEDULERS, *schedules.CASES, *optimizers.STATE, *dtypes.CASES,
    *creation.CASES, *creation.PROGRESSIONS, *creation.TENSORS, *creation.DTYPES, *random.CASES, *random.INIT, *random.ORTHOGONAL, *data.CASES,
]  # fmt: skip
