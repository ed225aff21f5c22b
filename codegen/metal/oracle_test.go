package metal_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/ir"
)

// An oracle is what NumPy or PyTorch computes for one instruction:
// scripts/oracles/ops.py records them.
type oracle struct {
	Op, Attrs string
	Args      []string // "f32[2]: 1 nan"
	Want      string
}

// Every op gives what NumPy and PyTorch give, within the tolerance of the op table.
func TestAgainstRecordedArrays(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../ir/testdata/oracle/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no oracles", err)
	}
	s := &suite{}
	var text strings.Builder
	text.WriteString("mlxir 1\nmodule \"oracles\" {\n")
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var recorded struct{ Cases []oracle }
		if err := json.Unmarshal(data, &recorded); err != nil {
			t.Fatal(file, err)
		}
		for _, c := range recorded.Cases {
			if strings.Contains(c.Attrs+strings.Join(c.Args, "")+c.Want, "f64") {
				continue // Metal has none
			}
			p := &program{entry: fmt.Sprintf("case%d", len(s.programs)), terms: 1}
			var params, args []string
			for j, a := range c.Args {
				typ, _, _ := strings.Cut(a, ":")
				params = append(params, fmt.Sprintf("%%in%d: %s", j, typ))
				args = append(args, fmt.Sprintf("%%in%d", j))
				p.inputs = append(p.inputs, tensor(t, a))
				p.terms = max(p.terms, p.inputs[j].Len())
			}
			if c.Attrs != "" {
				args = append(args, c.Attrs)
			}
			want, _, _ := strings.Cut(c.Want, ":")
			fmt.Fprintf(&text, "func @%s(%s) -> (out: %s) {\n%%out = %s(%s) : %s\nret(%%out)\n}\n", p.entry, strings.Join(params, ", "), want, c.Op, strings.Join(args, ", "), want)
			p.want = []*ir.Tensor{tensor(t, c.Want)}
			tol := ir.LookupOp(c.Op).Tolerance
			p.allows = func(_ int, got, want float64) bool { return tol.Allows(got, want, p.want[0].DType, p.terms) }
			s.programs = append(s.programs, p)
		}
	}
	text.WriteString("}\n")
	if s.module, err = ir.Parse("oracles.mlxir", []byte(text.String())); err != nil {
		t.Fatal(err)
	}
	kernels, launches := s.run(t)
	t.Logf("%d kernels, %d cases, %d launches", kernels, len(s.programs), launches)
}

// Random numbers are those of MLX, within what TestRandomNumbersAreMLXs derives for the CPU.
func TestRandomNumbersAreMLXs(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../testdata/random/mlx.json")
	if err != nil {
		t.Fatal(err)
	}
	var recorded struct{ Values map[string]string }
	if err := json.Unmarshal(text, &recorded); err != nil {
		t.Fatal(err)
	}
	m, err := mlxc.Load("../../testdata/random/random.mlx", mlxc.Source{})
	if err != nil {
		t.Fatal(err)
	}
	f, p := m.Funcs[0], &program{entry: m.Funcs[0].Name}
	for _, v := range f.Inputs {
		p.inputs = append(p.inputs, tensor(t, recorded.Values[v.Name]))
	}
	for _, r := range f.Results {
		p.want = append(p.want, tensor(t, recorded.Values[r.Name]))
	}
	p.allows = func(result int, got, want float64) bool {
		bound := map[string]float64{
			"uniform_range": 12 * 0x1p-23, "normal": 10 * 0x1p-23 * math.Abs(want), "normal_tail": 10 * 0x1p-23 * math.Abs(want),
			"normal_f16": 0x1p-10 * math.Abs(want), "dropout": 2 * 0x1p-23 * math.Abs(want),
		}
		return math.Abs(got-want) <= bound[f.Results[result].Name]
	}
	s := &suite{module: m, programs: []*program{p}}
	s.run(t)
}

// tensor reads "f32[2, 2]: 1 -0 nan inf".
func tensor(t *testing.T, text string) *ir.Tensor {
	t.Helper()
	head, rest, _ := strings.Cut(text, ":")
	typ, err := ir.ParseType(head, func(string) (ir.Size, bool) { return ir.Size{}, false }, nil)
	if err != nil {
		t.Fatal(err)
	}
	x := ir.NewTensor(typ.DType, sizes(t, typ.Shape, nil)...)
	for i, f := range strings.Fields(rest) {
		switch {
		case typ.DType.IsFloat():
			x.F[i], err = strconv.ParseFloat(f, 64)
		case typ.DType == ir.U64:
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
