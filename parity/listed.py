"""Faults of the engine, the tape, in-place writes, hooks and random streams: what stands in the file, what would, what that breaks."""

from __future__ import annotations

from typing import Any, NamedTuple


class Listed(NamedTuple):
    """`old`, which stands in the file once, is replaced by `new`. everywhere: `old` is a pattern, each match is a fault."""

    file: str
    old: str
    new: str
    fault: str
    everywhere: bool = False

    @property
    def kind(self) -> str:
        """What is at fault."""
        return "engine" if self.file.startswith("autograd/") else "random stream"


ENGINE, TAPE, VIEW, INPLACE, API = (f"autograd/{name}.py" for name in ("engine", "tape", "view", "inplace", "api"))
HOOKS, BROADCAST, CONTEXT, FUNCTION = (
    f"autograd/{name}.py" for name in ("hooks", "broadcast", "context", "function_node")
)

_ENGINE = [
    # --- adding up
    (ENGINE, "gi = pending[number][1] + gi", "gi = gi", "a node's later gradient replaces its earlier one"),
    (ENGINE, "(leaves[edge][0] + gi, True)", "(gi, True)", "a leaf's later gradient replaces its earlier one"),
    (ENGINE, "heappush(heap, -number)", "heappush(heap, number)", "the oldest node goes first"),
    (ENGINE, "grad._data += g", "grad._data[...] = g", "a second backward() replaces .grad"),
    (ENGINE, "wrap(grad._data + g)", "wrap(g)", "a second backward() replaces a recorded .grad"),
    (ENGINE, "grad + g if grad is not None", "g if grad is not None", "a recorded backward() replaces .grad"),
    (ENGINE, "wrap(g if owned and g.base is None else g.copy())", "wrap(g)", "a leaf's .grad is not its own memory"),
    (ENGINE, "g if owned and g._view is None else clone(g)", "g", "a leaf's recorded .grad is not its own memory"),
    (ENGINE, "gi is not g and g is not None", "True", "a gradient handed on unchanged counts as the leaf's own"),
    (ENGINE, "        grad._bump()\n", "", "adding into .grad is no write"),
    (ENGINE, "if leaf._requires_grad:  #", "if True:  #", "a leaf whose requires_grad was switched off gets a gradient"),
    (ENGINE, "grad_enabled.set(create_graph)", "grad_enabled.set(True)", "every backward pass is recorded"),
    # --- broadcasting and promotion undone
    (ENGINE, "sum_to(g, place.shape) if create_graph else sum_to.array(g, place.shape)", "g", "broadcasting is not undone"),
    (ENGINE, "else sum_to.array(g, place.shape)", "else sum_to.array(g, place.shape) * (np.prod(place.shape) / g.size)",
     "the mean over what was broadcast, not the sum"),
    (ENGINE, "= sum_to(g, place.shape) if create_graph", "= sum_to(g, place.shape).detach() if create_graph",
     "undoing broadcasting is not recorded"),
    (ENGINE, "is place.dtype else convert(g, place.dtype)", "is place.dtype else g", "promotion is not undone"),
    (BROADCAST, "if n == 1 and input.shape[i + lead] != 1)", "if False)", "only leading dimensions are summed"),
    (BROADCAST, "range(lead)) +", "range(0)) +", "leading dimensions are not summed"),
    # --- only what is asked for
    (ENGINE, "found[node] = g\n", "pass\n", "the gradient of what is no leaf is forgotten"),
    (ENGINE, "elif needed is None or edge in needed:", "elif needed is None:", "grad() forgets the leaves"),
    (ENGINE, "if not retain_graph:", "if False:", "the graph is never freed"),
    (ENGINE, "if not retain_graph:", "if True:", "the graph is always freed"),
    (API, "            g = xp(t._data).zeros_like(t._data)\n", "            pass\n", "materialize_grads is ignored"),
    (API, "elif g is None and not allow_unused:", "elif False:", "allow_unused is always on"),
    (API, "        t.retain_grad()", "        pass", "backward(inputs=...) leaves out what is no leaf"),
    (API, "create_graph if retain_graph is None else retain_graph\n    if targets", "retain_graph\n    if targets",
     "backward(create_graph=True) frees the graph"),
    (API, "data.dtype.type(1)", "data.dtype.type(2)", "the gradient of the output is 2"),
    # --- versions
    (TAPE, "if cell[0] != version:", "if False:", "no value is checked for writes"),
    (TAPE, "checks.append((cell, cell[0]))", "checks.append((cell, cell[0] + 1))", "a saved value has the next version"),
    (TAPE, "self.saved, self.checks = None, []", "pass", "nothing saved is freed"),
    (CONTEXT, "if self.cell[0] != self.version:", "if False:", "what a Function saved is not checked for writes"),
    (INPLACE, "        cell[0] += 1", "        pass", "a write is not counted"),
    # --- the graph of the backward pass
    (TAPE, "            t._node = self\n", "            t._node = None\n", "the saved output is a constant"),
    (TAPE, "                t._node = edge\n", "                t._node = None\n", "a saved value that was computed is a constant"),
    (TAPE, "                return edge\n", "                return edge.detach()\n", "a saved leaf is a constant"),
    (TAPE, "t._node = same(edge)._node", "t._node = None", "a saved leaf in another dtype is a constant"),
    (CONTEXT, "self.edge = None if output is not None or not t.requires_grad else t._node or t", "self.edge = None",
     "what a Function saved is a constant"),
    # --- views and writes
    (VIEW, "self.steps = ((op, options),) if parent is None else (*parent.steps, (op, options))", "self.steps = ((op, options),)",
     "a view of a view forgets the first"),
    (VIEW, "self.base = source if parent is None else parent.base", "self.base = source", "a view of a view is based on that view"),
    (VIEW, 'self.made = "" if grad_enabled.get() else "no_grad"', 'self.made = ""', "a view made under no_grad may be written"),
    (VIEW, "if self.made and self.base._requires_grad:", "if False:", "an old view of several may be read"),
    (VIEW, "        self.version = t._cell[0]\n        if", "        self.version = t._cell[0]\n        return\n        if", "a view is not derived anew after a write"),
    (INPLACE, "arrays[0] = arrays[0].copy()", "pass", "a write destroys what its rule needs"),
    (INPLACE, "write_through(self, outcome)", "take_node(self, outcome)", "a write into a view is not recorded in its base"),
    (INPLACE, "            take_node(self, outcome)\n", "            pass\n", "a write is not recorded"),
    (INPLACE, "    take_node(view.base, outcome)\n", "", "the base does not adopt the write into its view"),
    (INPLACE, "        bump(self)\n", "", "an in-place method does not count its write"),
    (INPLACE, "checks[plan.watched.index(plan.arity)] = (self._cell, self._cell[0])", "pass", "the output has the version before its own write"),
    (INPLACE, "if t._requires_grad and t._node is None:", "if False:", "a leaf may be written"),
    (INPLACE, "if view.base._requires_grad and view.base._node is None:", "if False:", "a view of a leaf may be written"),
    (INPLACE, 'if view.made == "no_grad":', "if False:", "a view made under no_grad may be written in grad mode"),
    (INPLACE, 'if view.made == "several":', "if False:", "a view of several may be written"),
    (INPLACE, "return write(g, 0.0, steps=steps)", "return g", "the base keeps the gradient of what was overwritten"),
    # --- hooks
    (ENGINE, 'sorted(hooks, key=lambda hook: hasattr(hook, "retains"))', "reversed(list(hooks))", "hooks run in reverse"),
    (ENGINE, 'sorted(hooks, key=lambda hook: hasattr(hook, "retains"))', "hooks", "retain_grad() sees the gradient before later hooks"),
    (ENGINE, "                t = replaced\n", "                pass\n", "what a hook returns is ignored"),
    (ENGINE, "            for hook in list(leaf._hooks.after_accumulate.values()):\n                hook(leaf)\n", "            pass\n",
     "hooks after accumulation do not run"),
    (HOOKS, "table.pop(self.id, None)", "pass", "a removed hook goes on"),
    (HOOKS, "table.move_to_end(handle.id, last=False)", "pass", "prepend is ignored"),
    (HOOKS, "if t._grad is None else t._grad + g", "if True else t._grad", "retain_grad() does not add up"),
    # --- Functions of the user's
    (FUNCTION, "grads.append(wrap(module.zeros(shape, dtype)))", "grads.append(wrap(module.ones(shape, dtype)))",
     "an output without gradient gets ones"),
    (FUNCTION, "return clone(g) if leaf else g", "return g", "a leaf's gradient may be the Function's own array"),
    (FUNCTION, "return Parts(self.by_output | other.by_output)", "return self", "of several outputs one gradient counts"),
]  # fmt: skip

UNIFORM, NORMAL, OTHERS, GENERATOR, INTEGERS = (
    f"random/{name}.py" for name in ("uniform", "normal", "others", "generator", "integers")
)
FILL, MULTINOMIAL, POISSON, SAMPLING = "random/fill.py", "random/multinomial.py", "random/poisson.py", "sampling.py"

_RANDOM = [
    (GENERATOR, "return twister.random_raw(n)", "return twister.random_raw(n + 1)[:n]", "every draw takes one word more"),
    (GENERATOR, "result = words[0::2] << 32\n        result |= words[1::2]", "result = words[1::2] << 32\n        result |= words[0::2]",
     "the low half of 64 bits first"),
    (GENERATOR, "if n >= _MANY:", "if False:", "many words are paired one by one"),
    (GENERATOR, "pairs.integers(0, 2**64 - 1, n, np.uint64, endpoint=True)", "pairs.integers(0, 2**64 - 1, n, np.uint64)", "the last of 2**64 is left out"),
    (GENERATOR, "        self.cached_normal = None\n        if self._twister", "        if self._twister", "a seed leaves the waiting normal"),
    (GENERATOR, "self._seed & 0xFFFFFFFF)  #", "self._seed & 0xFFFFFFF)  #", "another seed"),
    (GENERATOR, "state[\"next\"] = 0 if unused else twister[\"pos\"]", "state[\"next\"] = twister[\"pos\"]", "a fresh state has another position"),
    (GENERATOR, "float(fields[\"normal\"]) if fields[\"has_normal\"] else None", "None", "a state forgets the waiting normal"),
    (GENERATOR, "        default_generator._unpack(state)\n", "        pass\n", "fork_rng() leaves a trace"),
    (UNIFORM, "words &= _LOW_24_BITS", "words >>= np.uint64(8)", "the high bits make a float"),
    (UNIFORM, "    words = generator.words64(n)\n    words &= _LOW_53_BITS", "    words = generator.words64(n)\n    words >>= np.uint64(11)", "the high bits make a double"),
    (UNIFORM, "            u *= width\n", "            pass\n", "uniform_(0, b) is uniform_(0, 1)"),
    (UNIFORM, "u -= u.dtype.type(0.5)", "u -= u.dtype.type(0.501)", "uniform_(-b, b) is off centre"),
    (UNIFORM, "return fma64(u, float(width), float(a))", "return u * width", "a double's lower bound is ignored"),
    (UNIFORM, "return fma32(u, float(width), float(a), exact)", "return u * width + a", "rounded twice"),
    (UNIFORM, "below = math.ceil(p * 2.0**53)", "below = math.ceil(p * 2.0**52)", "bernoulli_ with half the probability"),
    (UNIFORM, "return words < below", "return words >= below", "bernoulli_ with the opposite probability"),
    (UNIFORM, "out[...] = u < p", "out[...] = u < 1 - p", "bernoulli_(tensor) with the opposite probability"),
    (UNIFORM, "wide = p.dtype == np.float64", "wide = True", "bernoulli_(tensor) takes two words for each"),
    (UNIFORM, "* (high - low) + low", "* (high - low)", "rrelu's lower bound is ignored"),
    (NORMAL, "np.sqrt(-2.0 * libm(", "np.sqrt(-2.002 * libm(", "wider normals, one by one"),
    (NORMAL, "radius *= work(-2)", "radius *= work(-2.002)", "wider normals, in blocks"),
    (NORMAL, "((0, cos), (1, sin))", "((0, sin), (1, cos))", "sine before cosine, in blocks"),
    (NORMAL, "radius * libm(math.cos, angle), radius * libm(math.sin, angle)", "radius * libm(math.sin, angle), radius * libm(math.cos, angle)",
     "sine before cosine, one by one"),
    (NORMAL, "-2.0 * math.log1p(-u2)", "-2.002 * math.log1p(-u2)", "wider normals, a few"),
    (NORMAL, "[radius * math.cos(angle), radius * math.sin(angle)]", "[radius * math.sin(angle), radius * math.cos(angle)]", "sine before cosine, a few"),
    (UNIFORM, "(high & 0x1FFFFF) << 32 | low", "(low & 0x1FFFFF) << 32 | high", "the low half first, a few"),
    (NORMAL, "generator.cached_normal = float(z[n])", "pass", "the second normal of a pair does not wait"),
    (NORMAL, "out[-_BLOCK:] = z[-_BLOCK:]", "pass", "the last block is left out"),
    (NORMAL, "unit(generator, left_over)  #", "pass  #", "the words left over are not drawn"),
    (NORMAL, "fma(z, std, mean)", "(z * work(std) + work(mean))", "rounded twice"),
    (OTHERS, "scale = -1.0 / lambd", "scale = -1.001 / lambd", "another rate"),
    (OTHERS, "log_failure = math.log1p(-p)", "log_failure = math.log1p(-p * 1.1)", "another probability"),
    (OTHERS, "np.ceil(libm(", "np.floor(libm(", "failures counted, not trials"),
    (OTHERS, "(unit_float64(generator, n) - 0.5)", "(unit_float64(generator, n) - 0.501)", "cauchy_ off centre"),
    (OTHERS, "libm(exp, fma64(serial_normals(generator, n), float(std), float(mean)))", "libm(exp, fma64(serial_normals(generator, n), float(std), 0.0))", "log_normal_ without mean"),
    (FILL, "values.astype(np.float32) if twice and values.dtype == np.float64 else values", "values", "halves are rounded once"),
    (FILL, "key=lambda axis: -out.strides[axis]", "key=lambda axis: out.strides[axis]", "memory is visited in the order of the indices"),
    *[
        (file, r'generator = resolve\(generator, "(\w+)"\)', r'generator = resolve(generator, "\1"); generator.words(1)', "one word more", True)
        for file in (UNIFORM, NORMAL, OTHERS, INTEGERS, MULTINOMIAL, POISSON)
    ],
    *[
        (file, r'generator = resolve\(generator, "(\w+)"\)', r'generator = resolve(None, "\1")', "generator= is ignored", True)
        for file in (UNIFORM, NORMAL, OTHERS, INTEGERS, MULTINOMIAL, POISSON)
    ],
]  # fmt: skip

_FAULTS: list[tuple[Any, ...]] = [*_ENGINE, *_RANDOM]
LISTED = [Listed(*fault) for fault in _FAULTS]
