package metal_test

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/codegen/metal"
	"github.com/mlxc/mlxc/frontend/onnx"
	"github.com/mlxc/mlxc/internal/msl"
	"github.com/mlxc/mlxc/internal/onnxtest"
	"github.com/mlxc/mlxc/internal/required"
	"github.com/mlxc/mlxc/ir"
)

// TestONNX runs what passes of ONNX's conformance suite on the CPU as Metal, the kernels of
// many cases as one text, but for what is listed with a reason. MLXC_UPDATE=1 writes the list
// anew.
func TestONNX(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles a thousand models")
	}
	if err := msl.Available(); err != nil {
		required.Skip(t, err)
	}
	cases, err := onnxtest.Unpack("../../../shared/data/onnx-conformance", t.TempDir())
	if err != nil {
		t.Skipf("ONNX's conformance suite is not beside the checkout: %v", err)
	}
	exceptions, err := onnxtest.ReadExceptions("testdata/onnx_exceptions.txt")
	if err != nil {
		t.Fatal(err)
	}
	cpu, err := onnxtest.ReadExceptions("../../internal/onnxtest/testdata/exceptions.txt")
	if err != nil {
		t.Fatal(err)
	}
	cases = slices.DeleteFunc(cases, func(c onnxtest.Case) bool { return cpu.Has(c.Name) })
	var mu sync.Mutex
	var results []onnxtest.Result
	counts := map[onnxtest.Verdict]int{}
	interpreted := 0
	t.Run("cases", func(t *testing.T) {
		for chunk := range slices.Chunk(cases, 48) {
			t.Run(chunk[0].Name, func(t *testing.T) {
				t.Parallel()
				b := newONNXBatch(chunk)
				b.run(t)
				mu.Lock()
				defer mu.Unlock()
				interpreted += b.interpreted
				for i, c := range chunk {
					r := c.Result(b.errs[i])
					results = append(results, r)
					counts[r.Verdict]++
				}
			})
		}
	})
	t.Logf("%v; of the passed, %d have no kernel of the GPU", counts, interpreted)
	if os.Getenv("MLXC_UPDATE") != "" {
		if err := exceptions.Update(results); err != nil {
			t.Fatal(err)
		}
		return
	}
	for _, w := range exceptions.Wrong(results) {
		t.Error(w)
	}
}

// An onnxBatch is cases whose kernels are one text.
type onnxBatch struct {
	suites      [][]*suite // by case, one for each data set
	calls       [][]*onnxtest.Call
	errs        []error
	interpreted int // cases that passed and have no kernel of the GPU
}

// newONNXBatch plans the models of cases.
func newONNXBatch(cases []onnxtest.Case) *onnxBatch {
	b := &onnxBatch{make([][]*suite, len(cases)), make([][]*onnxtest.Call, len(cases)), make([]error, len(cases)), 0}
	for i, c := range cases {
		b.errs[i] = func() error {
			calls, err := c.Calls()
			if err != nil {
				return err
			}
			for _, one := range calls {
				m, err := mlxc.Plan(one.Model.Program.Module(), ir.Metal, nil)
				if err != nil {
					return err
				}
				if _, err := metal.Print(m); err != nil {
					return err
				}
				b.suites[i] = append(b.suites[i], &suite{module: m})
			}
			b.calls[i] = calls
			return nil
		}()
	}
	return b
}

// run compiles the text of all cases, or where that fails of each, and runs them.
func (b *onnxBatch) run(t *testing.T) {
	var all []int
	for i := range b.suites {
		if b.errs[i] == nil {
			all = append(all, i)
		}
	}
	if b.runSome(t, all) == nil {
		return
	}
	for _, i := range all {
		if err := b.runSome(t, []int{i}); err != nil {
			b.errs[i] = err
		}
	}
}

// runSome runs cases. An error is why their text does not compile.
func (b *onnxBatch) runSome(t *testing.T, cases []int) error {
	text := &ir.Module{Name: "onnx", Target: ir.Metal}
	for _, i := range cases {
		for _, s := range b.suites[i] {
			text.Kernels = append(text.Kernels, s.module.Kernels...)
		}
	}
	printed, err := metal.Print(text)
	if err != nil {
		return err
	}
	d := &device{t: t}
	if d.text, err = msl.Prepare(printed); err != nil {
		return err
	}
	if d.runner, err = msl.NewRunner(); err != nil {
		return err
	}
	defer d.runner.Close()
	names := map[*ir.Kernel]string{}
	for i, name := range metal.Names(text) {
		names[text.Kernels[i]] = name
	}
	for _, i := range cases {
		b.errs[i] = b.runCase(d, i, names)
	}
	return nil
}

// runCase runs the data sets of a case, in one order and, where they are small, checked.
func (b *onnxBatch) runCase(d *device, i int, names map[*ir.Kernel]string) error {
	launched := 0
	for n, s := range b.suites[i] {
		call := b.calls[i][n]
		p := &program{entry: onnx.Forward, params: call.Params(), inputs: call.Inputs}
		for _, mode := range p.passes() {
			if mode.order != msl.Forward && !mode.checked {
				continue
			}
			got, launches, err := s.execute(d, p.again(), names, mode)
			launched += launches
			if err == nil {
				err = call.Check(onnxtest.Standard, got)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", mode.name, err)
			}
		}
	}
	if launched == 0 {
		b.interpreted++
	}
	return nil
}
