"""How far two runs of one script may lie apart.

Both libraries round each operation to the dtype's epsilon, but sum in different orders, so a training run starts from
differences of about one epsilon, and every step hands on and enlarges what it was given.  Hence two limits:

* RELATIVE for losses and printed numbers: in float32 2.5e-4. Where training is stable, rounding stays a hundred times
  below it over thousands of steps (losses end 1e-7 to 1e-5 apart), while a wrong formula, another default or other
  random numbers show as 1e-3 and more. In float64 rounding starts nine digits lower and there is room on both sides:
  1e-9.
* ten times that for parameters at the end, of an array's largest value: Adam divides every gradient by its own size, so
  a parameter whose gradient is rounding noise makes steps of full length in a direction of chance. The loss does not
  depend on such a parameter; that is why its gradient is noise.

One epsilon is added to both: nearer to zero than that, a loss or gradient computed from numbers around one has no
correct digit in either library.

Training that is unstable (RMSprop with a high learning rate) enlarges rounding without limit: there PyTorch parts from
itself when its parameters are moved by one rounding, and no tolerance helps.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

EPSILON = {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float32": 2.0**-23, "float64": 2.0**-52}
RELATIVE = {"float16": 5e-2, "bfloat16": 5e-1, "float32": 2.5e-4, "float64": 1e-9}


@dataclass(frozen=True)
class Tolerance:
    """The largest |a - b| allowed: relative * the larger of |a| and |b|, plus absolute."""

    relative: float
    absolute: float

    @classmethod
    def of(cls, dtypes: Iterable[str], relative: float | None = None) -> Tolerance:
        """That of the coarsest of the floating dtypes (float32 if there is none), unless `relative` is given."""
        coarsest = max((d for d in dtypes if d in EPSILON), key=EPSILON.__getitem__, default="float32")
        return cls(RELATIVE[coarsest] if relative is None else relative, EPSILON[coarsest])

    def allowed(self, a: float, b: float) -> float:
        return self.relative * max(abs(a), abs(b)) + self.absolute

    def times(self, factor: float) -> Tolerance:
        return Tolerance(factor * self.relative, self.absolute)
