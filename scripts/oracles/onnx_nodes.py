"""Records what ONNX Runtime gives for operators in ways that ONNX's conformance suite has
no case of: frontend/onnx/testdata/nodes.tar.gz, in the layout of the suite.

onnx 1.23 and onnxruntime 1.32, run as: python scripts/oracles/onnx_nodes.py
"""
import numpy as np
from onnx import parser
from onnx_record import floats, node, record, rng, write


def recurrent(name, op, steps=4, batch=3, size=5, hidden=2, directions=1, lens=None, states=True, peephole=False, bias=True, **attributes):
    gates = {"RNN": 1, "GRU": 3, "LSTM": 4}[op]
    d = directions
    inputs = dict(x=floats(steps, batch, size), w=floats(d, gates * hidden, size), r=floats(d, gates * hidden, hidden),
                  b=floats(d, 2 * gates * hidden) if bias else None, lens=None if lens is None else np.array(lens, np.int32),
                  h=floats(d, batch, hidden) if states else None)
    outputs = ["ys", "hn"]
    if op == "LSTM":
        inputs |= dict(c=floats(d, batch, hidden) if states else None, p=floats(d, 3 * hidden) if peephole else None)
        outputs.append("cn")
    if d == 2:
        attributes["direction"] = "bidirectional"
    node(name, op, inputs, outputs, 14, hidden_size=hidden, **attributes)


for op in "RNN", "GRU", "LSTM":
    low = op.lower()
    recurrent(f"{low}_bidirectional_lens", op, directions=2, lens=[4, 1, 3])
    recurrent(f"{low}_reverse_lens", op, direction="reverse", lens=[2, 4, 1], bias=False, states=False)
    recurrent(f"{low}_one_step", op, steps=1, clip=0.5)
recurrent("rnn_activations", "RNN", directions=2, activations=["Affine", "ScaledTanh"], activation_alpha=[0.5, 0.7], activation_beta=[0.1, 1.5])
recurrent("rnn_relu", "RNN", activations=["Relu"], clip=0.8)
recurrent("gru_linear_before_reset", "GRU", directions=2, linear_before_reset=1)
recurrent("gru_linear_before_reset_no_bias", "GRU", linear_before_reset=1, bias=False)
recurrent("gru_activations", "GRU", directions=2, activations=["HardSigmoid", "Softsign", "Sigmoid", "LeakyRelu"], activation_alpha=[0.3, 0.2], activation_beta=[0.4])
recurrent("lstm_peepholes", "LSTM", directions=2, peephole=True, clip=0.9)
recurrent("lstm_input_forget", "LSTM", input_forget=1)
recurrent("lstm_activations", "LSTM", activations=["HardSigmoid", "Elu", "ThresholdedRelu"], activation_alpha=[0.25, 0.6, 0.1], activation_beta=[0.45])


def text(name, graph, *inputs, opset=16):
    """A model in the text form of onnx.parser."""
    model = parser.parse_model(f'<ir_version: 8, opset_import: ["": {opset}]> {name} {graph}')
    record(name, model, inputs)


x23, yes, no = floats(2, 3), np.array(True), np.array(False)
text("if_selects", """(bool c, float[2, 3] x) => (float[2, 3] y, float[2] z) {
    y, z = If (c) <
        then_branch = t () => (float[2, 3] a, float[2] b) { a = Neg (x)  b = ReduceMax <axes = [1], keepdims = 0> (x) },
        else_branch = e () => (float[2, 3] p, float[2] q) { p = Exp (x)  q = ReduceMin <axes = [1], keepdims = 0> (x) }>
}""", no, x23)
text("loop_counted", """(float[2, 3] x) => (float[3] y, float[4, 3] rows, int64[4] numbers)
    <int64 m = {4}, bool c = {1}, float[3] zero = {0, 0, 0}, int64 twice = {2}> {
    y, rows, numbers = Loop (m, c, zero) <body = b (int64 i, bool going, float[3] carried) => (bool still, float[3] next, float[3] row, int64 number) {
        still = Identity (going)  k = Mod (i, twice)  row = Gather (x, k)  f = Cast <to = 1> (i)  scaled = Mul (row, f)
        next = Add (carried, scaled)  number = Sub (i, twice)
    }>
}""", x23)
text("loop_ends", """(float[2, 3] x) => (float[2, 3] y, int64 n)
    <int64 m = {20}, bool c = {1}, int64 none = {0}, float limit = {9}, float two = {2}, int64 one = {1}> {
    y, n = Loop (m, c, x, none) <body = b (int64 i, bool going, float[2, 3] carried, int64 rounds) => (bool still, float[2, 3] next, int64 more) {
        next = Mul (carried, two)  most = ReduceMax <keepdims = 0> (next)  still = Less (most, limit)  more = Add (rounds, one)
    }>
}""", np.abs(x23))
text("loop_condition_false", """(float[2, 3] x, bool c) => (float[2, 3] y) <int64 m = {3}> {
    y = Loop (m, c, x) <body = b (int64 i, bool going, float[2, 3] carried) => (bool still, float[2, 3] next) {
        next = Neg (carried)  still = Identity (going)
    }>
}""", x23, no)
text("loop_grows", """(float[2, 3] x) => (float[5, 3] y) <int64 m = {3}, bool c = {1}, int64[1] first = {0}, int64[1] one = {1}> {
    y = Loop (m, c, x) <body = b (int64 i, bool going, float[a, 3] carried) => (bool still, float[n, 3] next) {
        row = Slice (carried, first, one)  next = Concat <axis = 0> (carried, row)  still = Identity (going)
    }>
}""", x23)
text("loop_without_count", """(float[2, 3] x) => (float[2, 3] y, float[3, 2, 3] all) <bool c = {1}, int64 last = {2}> {
    y, all = Loop ("", c, x) <body = b (int64 i, bool going, float[2, 3] carried) => (bool still, float[2, 3] next, float[2, 3] row) {
        next = Add (carried, x)  row = Neg (next)  still = Less (i, last)
    }>
}""", x23)
text("loop_no_rounds", """(float[2, 3] x) => (float[2, 3] y, float[n, 3] rows) <int64 m = {0}, bool c = {1}> {
    y, rows = Loop (m, c, x) <body = b (int64 i, bool going, float[2, 3] carried) => (bool still, float[2, 3] next, float[3] row) {
        next = Neg (carried)  row = Gather (carried, i)  still = Identity (going)
    }>
}""", x23)
text("loop_in_loop", """(float[2, 3] x, bool c) => (float[3] y, float[2, 4] sums) <int64 m = {2}, int64 n = {4}, bool go = {1}, float[3] zero = {0, 0, 0}, float none = {0}> {
    y, sums = Loop (m, go, zero) <body = outer (int64 i, bool going, float[3] carried) => (bool still, float[3] next, float[4] sum) {
        row = Gather (x, i)
        last, sum = Loop (n, go, none) <body = inner (int64 k, bool inside, float total) => (bool on, float more, float now) {
            f = Cast <to = 1> (k)  part = ReduceSum <keepdims = 0> (row)  scaled = Mul (part, f)
            term = If (c) <then_branch = t () => (float a) { a = Neg (scaled) }, else_branch = e () => (float b) { b = Identity (scaled) }>
            more = Add (total, term)  now = Identity (more)  on = Identity (inside)
        }>
        scaledrow = Mul (row, last)  next = Add (carried, scaledrow)  still = Identity (going)
    }>
}""", x23, yes)
text("loop_over_rows", """(float[4, 3] x) => (float[3] y, float[4, 3] rows, int64[4] before) <int64 zero = {0}, int64 one = {1}, float[3] none = {0, 0, 0}> {
    shape = Shape (x)  m = Gather (shape, zero)
    y, rows, before = Loop (m, "", none) <body = b (int64 i, bool going, float[3] carried) => (bool still, float[3] next, float[3] row, int64 number) {
        now = Gather (x, i)  next = Add (carried, now)  row = Identity (next)  still = Identity (going)  number = Sub (i, one)
    }>
}""", floats(4, 3))
text("scan_directions", """(float[3] s, float[2, 4, 3] x, float[4, 3] z) => (float[3] last, float[3, 4] up, float[4, 3] down) {
    last, up, down = Scan <num_scan_inputs = 2, scan_input_axes = [-2, 0], scan_input_directions = [0, 1], scan_output_axes = [1, 0], scan_output_directions = [0, 1],
        body = b (float[3] carried, float[2, 3] a, float[3] b) => (float[3] next, float[3] p, float[3] q) {
            sum = ReduceSum <keepdims = 0> (a)  scaled = Mul (b, sum)  next = Add (carried, scaled)  p = Identity (next)  q = Sub (next, b)
        }> (s, x, z)
}""", floats(3), floats(2, 4, 3), floats(4, 3), opset=12)
text("scan_batch", """(float[2, 3] s, float[2, 4, 3] x) => (float[2, 3] last, float[2, 4, 3] sums) <int64[2] lens = {4, 2}> {
    last, sums = Scan <num_scan_inputs = 1, directions = [1],
        body = b (float[3] carried, float[3] a) => (float[3] next, float[3] p) { next = Add (carried, a)  p = Identity (next) }> (lens, s, x)
}""", floats(2, 3), floats(2, 4, 3), opset=8)

x45 = floats(4, 5)
text("sequence_parts", """(float[4, 5] x) => (float[5] row, float[3, 5] others, float[2, 4] first, int64 n)
    <int64 two = {2}, int64 back = {-1}, int64 at = {1}, int64[3] sizes = {2, 2, 1}> {
    rows = SplitToSequence <axis = 0, keepdims = 0> (x)  row = SequenceAt (rows, back)
    fewer = SequenceErase (rows, at)  others = ConcatFromSequence <axis = 0, new_axis = 1> (fewer)
    pairs = SplitToSequence <axis = 1> (x, two)  parts = SplitToSequence <axis = 1> (x, sizes)
    a = SequenceAt (pairs, at)  b = SequenceAt (parts, at)
    pair = SequenceConstruct (a, b)  both = ConcatFromSequence <axis = 0> (pair)  turned = Transpose <perm = [1, 0]> (both)
    eight = Constant <value = int64[2] {2, -1}> ()  halves = Reshape (turned, eight)
    four = Constant <value = int64[1] {4}> ()  zero = Constant <value = int64[1] {0}> ()  axis = Constant <value = int64[1] {1}> ()
    first = Slice (halves, zero, four, axis)  n = SequenceLength (parts)
}""", x45)
text("sequence_gathered", """(float[4, 5] x) => (float[6, 5] y) <int64 m = {3}, bool c = {1}, int64 zero = {0}, int64[1] one = {1}, int64[1] first = {0}> {
    none = SequenceEmpty ()
    all = Loop (m, c, none) <body = b (int64 i, bool going, seq(float[n, 5]) carried) => (bool still, seq(float[n, 5]) next) {
        begin = Unsqueeze (zero, first)  k = Unsqueeze (i, first)  end = Add (k, one)
        part = Slice (x, begin, end)  next = SequenceInsert (carried, part, zero)  still = Identity (going)
    }>
    y = ConcatFromSequence <axis = 0> (all)
}""", x45)
text("sequence_mapped", """(float[4, 5] x) => (float[4, 5] y) <int64 two = {2}> {
    rows = SplitToSequence <axis = 0> (x, two)
    sums = SequenceMap (rows, x) <body = b (float[n, 5] row, float[4, 5] whole) => (float[n, 5] sum) { most = ReduceMax <keepdims = 0> (whole)  sum = Sub (row, most) }>
    y = ConcatFromSequence <axis = 0> (sums)
}""", x45, opset=17)

for mode in "TF", "IDF", "TFIDF":
    node(f"grams_{mode.lower()}", "TfIdfVectorizer", dict(x=rng.integers(1, 4, (2, 9)).astype(np.int64)), ["y"], 9, mode=mode, min_gram_length=1, max_gram_length=3,
         max_skip_count=1, ngram_counts=[0, 2, 6], ngram_indexes=[3, 0, 4, 1, 2], pool_int64s=[2, 3, 1, 2, 3, 3, 1, 2, 3], weights=[1.5, 0.5, 2.0, 3.0, 0.25])

write("nodes")
