package mlxc_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/runtime"
)

// An oracle is what NumPy or PyTorch computes for one instruction:
// scripts/oracles/ops.py records them.
type oracle struct {
	Op, Attrs string
	Args      []string // "f32[2]: 1 nan"
	Want      string
}

func oracles(t *testing.T) []oracle {
	files, err := filepath.Glob("ir/testdata/oracle/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no oracles", err)
	}
	var all []oracle
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var recorded struct{ Cases []oracle }
		if err := json.Unmarshal(text, &recorded); err != nil {
			t.Fatal(file, err)
		}
		all = append(all, recorded.Cases...)
	}
	return all
}

// array reads "f32[2, 2]: 1 -0 nan inf" in the way of the runtime.
func array(t *testing.T, text string) (typ ir.Type, a *runtime.Array, numbers []float64) {
	t.Helper()
	head, rest, _ := strings.Cut(text, ":")
	typ, err := ir.ParseType(head, func(string) (ir.Size, bool) { return ir.Size{}, false }, nil)
	if err != nil {
		t.Fatal(err)
	}
	shape := make([]int, typ.Rank())
	for i, s := range typ.Shape {
		n, _ := s.Int()
		shape[i] = int(n)
	}
	x := ir.NewTensor(typ.DType, shape...)
	for i, f := range strings.Fields(rest) {
		v, err := strconv.ParseFloat(f, 64)
		if err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, v)
		switch {
		case typ.DType.IsFloat():
			x.F[i] = v
		case typ.DType == ir.U64:
			u, _ := strconv.ParseUint(f, 10, 64)
			x.I[i] = int64(u)
		default:
			x.I[i], _ = strconv.ParseInt(f, 10, 64)
		}
	}
	for d := runtime.F64; d <= runtime.Bool; d++ {
		if d.String() == typ.DType.String() {
			if a, err = runtime.NewArray(d, shape...); err != nil {
				t.Fatal(err)
			}
		}
	}
	copy(a.Bytes(), x.Bytes())
	return typ, a, numbers
}

// emptyCache makes mlxc's cache of built models an empty one. That of the go
// command stays.
func emptyCache(t *testing.T) {
	out, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOCACHE", strings.TrimSpace(string(out)))
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
}

// Every op, compiled to Go, gives what NumPy and PyTorch give, within the
// tolerance of the op table. All cases are entries of one program, built once.
func TestKernelsAgainstRecordedArrays(t *testing.T) {
	emptyCache(t)
	cases := oracles(t)
	var text strings.Builder
	text.WriteString("mlxir 1\nmodule \"oracles\" {\n")
	for i, c := range cases {
		var params, args []string
		for j, a := range c.Args {
			typ, _, _ := strings.Cut(a, ":")
			params = append(params, fmt.Sprintf("%%a%d: %s", j, typ))
			args = append(args, fmt.Sprintf("%%a%d", j))
		}
		if c.Attrs != "" {
			args = append(args, c.Attrs)
		}
		want, _, _ := strings.Cut(c.Want, ":")
		fmt.Fprintf(&text, "func @case%d(%s) -> (y: %s) {\n%%y = %s(%s) : %s\nret(%%y)\n}\n", i, strings.Join(params, ", "), want, c.Op, strings.Join(args, ", "), want)
	}
	text.WriteString("}\n")
	m, err := mlxc.ParseIR("oracles.mlxir", []byte(text.String()))
	if err != nil {
		t.Fatal(err)
	}
	runner, err := mlxc.BuildRunner(context.Background(), m, "oracles.mlxir", ir.CPU, nil)
	if err != nil {
		t.Fatal(err)
	}
	failed := map[string]int{}
	for i, c := range cases {
		var in, out bytes.Buffer
		terms := 1
		skip := false
		for _, a := range c.Args {
			_, x, _ := array(t, a)
			terms = max(terms, x.Len())
			skip = skip || x.DType() == runtime.BF16 // which .npy files cannot hold
			if !skip {
				if err := runtime.WriteNPY(&in, x); err != nil {
					t.Fatal(err)
				}
			}
		}
		typ, _, want := array(t, c.Want)
		if skip || typ.DType == ir.BF16 {
			continue
		}
		if err := runner.Run(context.Background(), fmt.Sprintf("case%d", i), "", 1, &in, &out); err != nil {
			t.Fatalf("%s(%s): %v", c.Op, c.Attrs, err)
		}
		got, err := runtime.ReadNPY(&out, int64(out.Len()))
		if err != nil {
			t.Fatal(err)
		}
		x, err := ir.TensorOf(typ.DType, got.Shape(), got.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		tol := ir.LookupOp(c.Op).Tolerance
		for n, w := range want {
			if g := x.Number(n); !tol.Allows(g, w, typ.DType, terms) {
				if failed[c.Op]++; failed[c.Op] < 3 {
					t.Errorf("%s(%s) of %.120s: element %d is %v, want %v", c.Op, c.Attrs, c.Args, n, g, w)
				}
			}
		}
	}
	t.Logf("%d cases", len(cases))
}
