package ir

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// An opCase is what NumPy or PyTorch computes for an instruction: a recorded one,
// see scripts/oracles/ops.py.
type opCase struct {
	Op, Attrs string
	Args      []string // "f32[2]: 1 nan"
	Want      string
}

func (c opCase) String() string { return fmt.Sprintf("%s(%s) of %.80s", c.Op, c.Attrs, c.Args) }

func opCases(t *testing.T) []opCase {
	files, err := filepath.Glob("testdata/oracle/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no oracle files", err)
	}
	var all []opCase
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var recorded struct{ Cases []opCase }
		if err := json.Unmarshal(text, &recorded); err != nil {
			t.Fatal(file, err)
		}
		all = append(all, recorded.Cases...)
	}
	return all
}

// parseTensor reads "f32[2, 2]: 1 -0 nan inf".
func parseTensor(t *testing.T, text string) *Tensor {
	typeText, numbers, ok := strings.Cut(text, ":")
	typ, err := ParseType(typeText, testScope.size, nil)
	if !ok || err != nil {
		t.Fatal(text, err)
	}
	var shape []int
	for _, s := range typ.Shape {
		n, _ := s.Int()
		shape = append(shape, int(n))
	}
	x := NewTensor(typ.DType, shape...)
	fields := strings.Fields(numbers)
	if len(fields) != x.Len() {
		t.Fatalf("%s: %d numbers for %d elements", text, len(fields), x.Len())
	}
	for i, f := range fields {
		switch {
		case typ.DType.IsFloat():
			x.F[i], err = strconv.ParseFloat(f, 64)
		case typ.DType == U64:
			var u uint64
			u, err = strconv.ParseUint(f, 10, 64)
			x.I[i] = int64(u)
		default:
			x.I[i], err = strconv.ParseInt(f, 10, 64)
		}
		if err != nil {
			t.Fatal(text, err)
		}
	}
	return x
}

// testScope knows the dims B and N and the param w and the state s of the texts in tests.
var testScope = func() *textScope {
	b, n := &Dim{Name: "B", Max: 64}, &Dim{Name: "N", Min: 1, Max: 64}
	return &textScope{module: &Module{Sources: []*Source{{Name: "k", In: []string{"x"}, Out: []string{"y"}}}, Dims: []*Dim{b, n}, Params: []*Param{{Name: "w", Type: Type{DType: F32}}, {Name: "s", State: true, Type: Type{DType: F32, Shape: []Size{N(3)}}}}}, dims: map[string]*Dim{"B": b, "N": n}}
}()

// testInstr makes an instruction from text; args are types.
func testInstr(t *testing.T, op, attrs string, args ...string) *Instr {
	in := &Instr{Op: LookupOp(op)}
	if in.Op == nil {
		t.Fatalf("there is no op %s", op)
	}
	for _, a := range args {
		typ, err := ParseType(a, testScope.size, nil)
		if err != nil {
			t.Fatal(err)
		}
		in.Args = append(in.Args, &Value{Type: typ})
	}
	if in.Op.Attrs != nil {
		s := newScanner("attrs", attrs)
		var err error
		if in.Attrs, err = s.parseAttrs(in.Op.Attrs, testScope); err != nil {
			t.Fatal(op, err)
		}
	}
	return in
}

// instr is the case's instruction with operands of the given tensors' types.
func (c opCase) instr(t *testing.T, args []*Tensor) *Instr {
	types := make([]string, len(args))
	for i, a := range args {
		types[i] = a.typ().String()
	}
	in := testInstr(t, c.Op, c.Attrs, types...)
	results, err := in.Infer()
	if err != nil {
		t.Fatal(c, err)
	}
	for _, r := range results {
		in.Results = append(in.Results, &Value{Type: r, Instr: in})
	}
	return in
}

func (t *Tensor) typ() Type {
	typ := Type{DType: t.DType}
	for _, s := range t.Shape {
		typ.Shape = append(typ.Shape, N(int64(s)))
	}
	return typ
}

// Each op says in one way what it computes.
// inMemory are the ops that compute nothing.
var inMemory = map[string]bool{"weight": true, "read": true}

func TestOpTableIsComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, op := range Ops() {
		if seen[op.Name] || LookupOp(op.Name) != op {
			t.Errorf("%s is not found by its name", op.Name)
		}
		seen[op.Name] = true
		if op.Kind == KindKernel {
			continue // its text says what it computes
		}
		ways := 0
		if op.Kind == KindLoop {
			continue // its instruction has a body
		}
		for _, has := range []bool{op.Body != nil, op.Expand != nil, op.Pull != nil || inMemory[op.Name]} {
			if has {
				ways++
			}
		}
		if ways != 1 || (op.Eval != nil) != (op.Body == nil && op.Expand == nil) {
			t.Errorf("%s needs a body, an expansion, or a pull and an evaluation of its own", op.Name)
		}
		if op.Doc == "" || strings.HasSuffix(op.Doc, ".") || len(op.Rules) == 0 || op.Type == nil {
			t.Errorf("%s lacks a sentence, rules or types", op.Name)
		}
		if (op.Expand != nil) != (op.Kind == KindComposite) || op.Expand != nil && op.Grad != GradExpand && op.Grad != GradNone {
			t.Errorf("%s: its kind or gradient does not fit its expansion", op.Name)
		}
		if op.Body != nil && op.Grad == GradBody && bodyType(op, F32) == Bool {
			t.Errorf("%s: a bool has no gradient", op.Name)
		}
	}
}

func TestTolerance(t *testing.T) {
	for _, c := range []struct {
		tol       Tolerance
		got, want float64
		dtype     DType
		n         int
		ok        bool
	}{
		{exact, 1, 1, F32, 1, true},
		{exact, 1, 1 + 0x1p-25, F32, 1, true}, // got is want, rounded
		{exact, 1, 1 + 0x1p-23, F32, 1, false},
		{ulps(2), 1, 1 + 0x1p-22, F32, 1, true},
		{ulps(2), 1, 1 + 0x1p-21, F32, 1, false},
		{ulps(2), 1, 1 + 0x1p-22, F64, 1, false},
		{ulps(1), 1, 1 + 0x1p-11, F16, 1, true},
		{ulps(1), 1, 1 + 0x1p-10, F16, 1, false},
		{ulps(1), 1, 1 + 0x1p-8, BF16, 1, true},
		{ulps(1), 1, 1 + 0x1p-7, BF16, 1, false},
		{cancelling(1), 0, 0x1p-23, F32, 1, true},
		{summed, 0, 0x1p-18, F32, 15, false},
		{summed, 0, 0x1p-18, F32, 16, true},
		{exact, math.Inf(1), 1e39, F32, 1, true},
		{ulps(4), math.Inf(1), 3e38, F32, 1, false},
		{ulps(4), math.Inf(1), math.Inf(-1), F32, 1, false},
		{ulps(4), math.NaN(), math.NaN(), F32, 1, true},
		{ulps(4), math.NaN(), 1, F32, 1, false},
		{ulps(4), 1, math.NaN(), F32, 1, false},
	} {
		if got := c.tol.Allows(c.got, c.want, c.dtype, c.n); got != c.ok {
			t.Errorf("%v: %v for %v in %s of %d terms: %v", c.tol, c.got, c.want, c.dtype, c.n, got)
		}
	}
}

// The evaluator computes in float64, as the recorded results were: only the last
// bits differ, where numbers are added those of the largest.
func TestEvalAgainstRecordedArrays(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range opCases(t) {
		seen[c.Op] = true
		var args []*Tensor
		for _, a := range c.Args {
			args = append(args, parseTensor(t, a))
		}
		in, want := c.instr(t, args), parseTensor(t, c.Want)
		outs, err := (&Env{}).instr(in, args)
		if err != nil {
			t.Error(c, err)
			continue
		}
		got := outs[0]
		if !got.typ().Equal(want.typ()) || !got.typ().Equal(in.Result().Type) {
			t.Errorf("%s: got %s, inferred %s, want %s", c, got.typ(), in.Result().Type, want.typ())
			continue
		}
		abs := 0.0
		if in.Op.Kind >= KindReduce {
			abs = 1e-13
		}
		for i := range got.F {
			g, w := got.F[i], want.F[i]
			if g == 0 && anyZero[c.Op] {
				g = math.Copysign(g, w)
			}
			if !near(g, w, 1e-13, abs) {
				t.Errorf("%s: element %d is %v, want %v", c, i, g, w)
				break
			}
		}
		for i := range got.I {
			if got.I[i] != want.I[i] {
				t.Errorf("%s: element %d is %d, want %d", c, i, got.I[i], want.I[i])
				break
			}
		}
	}
	for _, op := range Ops() {
		if !seen[op.Name] && !inMemory[op.Name] && op.Kind != KindLoop && op.Kind != KindKernel { // recurrences are testdata/recurrent
			t.Errorf("no recorded case of %s", op.Name)
		}
	}
}

// anyZero are the ops whose zero may have either sign: the libraries differ.
var anyZero = map[string]bool{"sign": true, "relu": true, "mod": true, "maximum": true, "minimum": true}

func near(got, want, rel, abs float64) bool {
	if math.IsNaN(want) || math.IsInf(want, 0) || want == 0 && abs == 0 {
		return got == want && math.Signbit(got) == math.Signbit(want) || math.IsNaN(want) && math.IsNaN(got)
	}
	return math.Abs(got-want) <= rel*math.Abs(want)+abs
}
